// --report=FILE.html, wherever there is one.
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <lossy/harness/capture/new_file.hpp>
#include <lossy/harness/capture/reader.hpp>
#include <lossy/harness/cli/page_head.hpp>
#include <lossy/harness/report/page_capture.hpp>
#include <lossy/harness/report/page_run.hpp>

namespace lossy {

CLI::Option* add_report(CLI::App& app, std::string& path);

// The file of a report. Throws std::system_error when it cannot be made, or written: then, and when
// nothing is written, none is left behind.
class ReportFile {
 public:
  explicit ReportFile(const std::string& path) : file_(path) {}

  // What may still be kept of a further run: all of them together keep no more than one may.
  const PageBounds& bounds() const { return bounds_; }
  void add(nlohmann::ordered_json run);
  // Once, when all runs were added.
  void write(const PageHead& head);

 private:
  NewFile file_;
  PageBounds bounds_;
  nlohmann::ordered_json runs_ = nlohmann::ordered_json::array();
};

// What of a capture counts: all of it, or what was asked for.
struct CapturePart {
  CaptureChoice choice{};                      // Its filter was compiled before.
  std::uint64_t flow = 0;                      // The only one, or 0.
  std::optional<std::uint16_t> server_port{};  // As --port has it.
};

// The run of a capture that was read before, and is read from the beginning. `different` are the
// records in which a replay differs.
nlohmann::ordered_json capture_run(const std::string& path, const CapturePart& part,
                                   const PageBounds& bounds, std::vector<std::uint64_t> different);

// The same of one of which nothing is drawn, and why.
nlohmann::ordered_json unread_run(const std::string& path, const std::string& why,
                                  const PageBounds& bounds);

}  // namespace lossy
