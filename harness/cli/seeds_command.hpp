// `lossy seeds`: captures as a fuzzer's corpus.
#pragma once

#include <functional>

#include <lossy/harness/cli/option.hpp>

namespace lossy {

// Adds the subcommand; once it is parsed, `command` runs it and gives the exit code.
void add_seeds_command(CLI::App& app, std::function<int()>& command);

}  // namespace lossy
