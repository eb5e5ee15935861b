// What a command's options are, for whoever writes about them.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace lossy {

struct OptionView {
  std::string name;         // "--drop", or a positional's, "LESSON".
  std::string type;         // "PERCENT"; empty for a flag.
  std::string description;  // One sentence.
  std::string group;
  bool positional = false;
  bool takes_file = false;
  bool value_is_optional = false;    // "--json" or "--json=FILE".
  std::vector<std::string> choices;  // The words it takes, where they can be listed.
};

// In the order in which they were added, --help first.
std::vector<OptionView> options_of(const CLI::App& app);

// The commands that people are told of.
std::vector<const CLI::App*> shown_commands(const CLI::App& app);

}  // namespace lossy
