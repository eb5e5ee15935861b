// `lossy script`: a script as text for people, or in binary for fuzzers.
#pragma once

#include <functional>

#include <lossy/harness/cli/option.hpp>

namespace lossy {

// Adds the subcommand; once it is parsed, `command` runs it and gives the exit code.
void add_script_command(CLI::App& app, std::function<int()>& command);

}  // namespace lossy
