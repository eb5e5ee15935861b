#include "harness/cli/scenario_format.hpp"

#include <algorithm>
#include <filesystem>
#include <string>

namespace lossy {
namespace {

namespace fs = std::filesystem;

std::string beside(const fs::path& folder, const std::string& file) {
  // An empty name is for the option to refuse.
  return file.empty() ? file : (folder / file).lexically_normal().string();
}

}  // namespace

std::vector<CLI::ConfigItem> ScenarioFormat::from_config(std::istream& input) const {
  std::vector<CLI::ConfigItem> read = ConfigBase::from_config(input);
  const fs::path folder = fs::path(app_.get_config_ptr()->as<std::string>()).parent_path();
  const bool for_loopback =
      std::ranges::any_of(app_.get_subcommands({}), [](const CLI::App* command) {
        return command->get_name() == "loopback" && command->parsed();
      });
  for (CLI::ConfigItem& item : read) {
    if (item.parents.empty() || item.parents.front() != "simulate") continue;
    for (std::string& value : item.inputs) {
      if (item.name == "script") value = beside(folder, value);
      if (item.name == "faults" && value.starts_with('@')) {
        value = '@' + beside(folder, value.substr(1));
      }
    }
    if (for_loopback) item.parents.front() = "loopback";
  }
  return read;
}

}  // namespace lossy
