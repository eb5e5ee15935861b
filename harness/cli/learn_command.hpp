// `lossy learn`: lessons that run.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace lossy {

// Adds the subcommand; once it is parsed, `command` runs it and gives the exit code.
void add_learn_command(CLI::App& app, std::function<int()>& command);

// In their order.
std::vector<std::string> lesson_names();

}  // namespace lossy
