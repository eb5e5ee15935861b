// `lossy loopback`: greetings cross real UDP sockets of this machine, through the simulator's
// links.
#pragma once

#include <functional>

#include <lossy/harness/cli/protocol_run.hpp>

namespace lossy {

// Adds the subcommand; once it is parsed, `command` runs it and gives the exit code.
void add_loopback_command(CLI::App& app, const CommandLine& command_line,
                          std::function<int()>& command);

}  // namespace lossy
