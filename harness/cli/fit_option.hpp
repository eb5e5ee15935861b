// --fit and --fit=NAME: the path that would do what a recording shows.
#pragma once

#include <array>
#include <string>
#include <vector>

#include <lossy/harness/capture/path_log.hpp>
#include <lossy/harness/cli/files.hpp>
#include <lossy/harness/cli/option.hpp>
#include <lossy/harness/report/fit_report.hpp>

namespace lossy {

struct FitOption {
  CLI::Option* add_to(CLI::App& app);

  // The files that it writes, if any: NAME.toml, and a table of delays for each direction.
  std::vector<NamedFile> files() const;

  bool is_wanted = false;
  std::string name;  // Empty where nothing is to be written.
};

// Fits both directions, and writes the files that were asked for. The operating system's refusals
// are thrown as std::system_error.
FitReport fit_paths(const std::vector<std::string>& captures,
                    const std::array<LoggedPath, 2>& paths, const FitOption& option);

}  // namespace lossy
