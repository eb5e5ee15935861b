// Completion for shells, and the manual page: written from the very options that the command
// parses, so that they know no other.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

namespace lossy {

// A script that teaches a shell ("bash", "zsh" or "fish") the commands of an application, their
// options, and what can be listed of the values.
std::string completion_script(const CLI::App& app, const std::string& shell);

// The manual page, in the words that man(7) knows.
std::string manual_page(const CLI::App& app, const std::string& version);

// Adds `lossy completion SHELL` and `lossy man`, which are for packaging and stand in no list.
void add_completion_commands(CLI::App& app, std::function<int()>& command);

}  // namespace lossy
