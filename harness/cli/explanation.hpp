// Prints what --explain asks for.
#pragma once

#include <string>

#include <lossy/harness/cli/json_output.hpp>
#include <lossy/harness/cli/path_options.hpp>

namespace lossy {

// What both directions of a path do, as text and as one JSON object that names the command.
void print_explanation(const PathOptions& path, const std::string& command, const JsonOption& json);

}  // namespace lossy
