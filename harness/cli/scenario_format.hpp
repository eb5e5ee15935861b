// How a scenario file is read: TOML (toml.io), of which it has one table, [simulate].
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <istream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace lossy {

// What is wrong with a scenario; what() names the file, and the line where there is one.
class ScenarioError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Accepts the path of what may be a scenario: a file that can be read and is not too large.
CLI::Validator scenario_file();

// A scenario says [simulate], and is one for `lossy loopback` all the same. The files that its
// `script` and its `faults = "@FILE"` name lie beside it, and so do the tables of delays and the
// traces that its lines name in full, so that it means the same wherever it is read from.
class ScenarioFormat final : public CLI::ConfigBase {
 public:
  // The application whose --config it is.
  explicit ScenarioFormat(const CLI::App& app) : app_(app) {}

  // Throws ScenarioError for what is no TOML, and for keys and types of values that no option has.
  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override;

  // A complaint that begins with an option, "--drop: ...", behind the place where the file gives
  // that option its value; any other as it is.
  std::string placed(const std::string& complaint) const;

 private:
  std::string path() const;
  std::string at(std::uint32_t line) const;
  const CLI::App& command() const;

  const CLI::App& app_;
  mutable std::map<std::string, std::uint32_t> lines_;  // Of the options that the file sets.
};

}  // namespace lossy
