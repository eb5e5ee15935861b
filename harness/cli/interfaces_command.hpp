// `lossy interfaces`: lists what can be captured on.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace lossy {

void add_interfaces_command(CLI::App& app, std::function<int()>& command);

}  // namespace lossy
