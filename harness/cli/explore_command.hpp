// `lossy explore`: every way a network can go wrong, and the least one that breaks a property.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include <lossy/harness/cli/command_line.hpp>

namespace lossy {

void add_explore_command(CLI::App& app, const CommandLine& command_line,
                         std::function<int()>& command);

}  // namespace lossy
