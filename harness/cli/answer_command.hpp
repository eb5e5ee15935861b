// lossy answer: a stand-in for a server, that gives the answers of a capture.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include <lossy/harness/cli/command_line.hpp>

namespace lossy {

void add_answer_command(CLI::App& app, const CommandLine& command_line,
                        std::function<int()>& command);

}  // namespace lossy
