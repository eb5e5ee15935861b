// --report=FILE.html, wherever there is one.
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "harness/capture/new_file.hpp"
#include "harness/cli/path_options.hpp"
#include "harness/report/page_run.hpp"

namespace lossy {

CLI::Option* add_report(CLI::App& app, std::string& path);

// What a report says of a path, and of a run as a whole.
PagePath page_path(const PathOptions& path);
PageHead page_head(const RunReport& report);
PageHead page_head(const std::string& command, const std::string& reproduce);

// The file of a report. Throws std::system_error when it cannot be made, or written: then, and when
// nothing is written, none is left behind.
class ReportFile {
 public:
  explicit ReportFile(const std::string& path) : file_(path) {}

  // Once. With one run, or an array of them.
  void write(const PageHead& head, nlohmann::ordered_json runs);

 private:
  NewFile file_;
};

}  // namespace lossy
