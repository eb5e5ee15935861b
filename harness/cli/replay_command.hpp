// `lossy replay`: captures as regression tests.
#pragma once

#include <functional>

#include <lossy/harness/cli/command_line.hpp>
#include <lossy/harness/cli/option.hpp>

namespace lossy {

// Adds the subcommand; once it is parsed, `command` runs it and gives the exit code.
void add_replay_command(CLI::App& app, const CommandLine& command_line,
                        std::function<int()>& command);

}  // namespace lossy
