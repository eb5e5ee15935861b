// How a scenario file is read.
#pragma once

#include <CLI/CLI.hpp>
#include <istream>
#include <vector>

namespace lossy {

// A scenario says [simulate], and is one for `lossy loopback` all the same. The files that its
// `script` and its `faults = "@FILE"` name lie beside it, so that it means the same wherever it is
// read from.
class ScenarioFormat final : public CLI::ConfigBase {
 public:
  // The application whose --config it is.
  explicit ScenarioFormat(const CLI::App& app) : app_(app) {}

  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override;

 private:
  const CLI::App& app_;
};

}  // namespace lossy
