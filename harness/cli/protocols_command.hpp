// `lossy protocols`: what can be put under test, what can be asked of it, what must hold.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace lossy {

// Adds the subcommand; once it is parsed, `command` runs it and gives the exit code.
void add_protocols_command(CLI::App& app, std::function<int()>& command);

}  // namespace lossy
