// `lossy ask` and `lossy serve`: one host of a protocol among other people's programs.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include <lossy/harness/cli/command_line.hpp>

namespace lossy {

void add_ask_command(CLI::App& app, const CommandLine& command_line, std::function<int()>& command);

// Of any protocol but greetings, whose server takes a share of threads instead of a path.
void add_live_serve_command(CLI::App& app, const CommandLine& command_line,
                            std::function<int()>& command);

}  // namespace lossy
