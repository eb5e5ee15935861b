// `lossy serve`: a protocol's server on real UDP sockets; this is the greetings'.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include <lossy/harness/cli/command_line.hpp>

namespace lossy {

// Adds the subcommand; once it is parsed, `command` runs it and gives the exit code.
void add_serve_command(CLI::App& app, const CommandLine& command_line,
                       std::function<int()>& command);

}  // namespace lossy
