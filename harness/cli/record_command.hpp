// `lossy record`: captures what passes a network interface, live.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace lossy {

void add_record_command(CLI::App& app, std::function<int()>& command);

}  // namespace lossy
