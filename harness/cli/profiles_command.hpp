// `lossy profiles`: the networks that --profile knows by name.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace lossy {

// Adds the subcommand; once it is parsed, `command` runs it and gives the exit code.
void add_profiles_command(CLI::App& app, std::function<int()>& command);

}  // namespace lossy
