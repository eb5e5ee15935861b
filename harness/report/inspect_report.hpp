// What `lossy inspect` found, for people and for programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include <lossy/harness/capture/capture_format.hpp>
#include <lossy/harness/capture/inspector.hpp>

namespace lossy {

struct InspectReport {
  std::string path;
  bool is_readable = false;  // Else there is nothing to say but the error.
  bool inner = false;        // It was asked for what VXLAN, Geneve and GTP-U carry.
  bool why = false;          // It was asked for why each flow's server is the server.
  std::vector<CaptureInterface> interfaces;
  Inspection inspection;
  std::string error;  // What ended the records, when it was not the end of the file; or nothing.
};

// A few lines; names and addresses are safe to print.
std::string inspect_text(const InspectReport& report);
nlohmann::ordered_json inspect_json(const InspectReport& report);

}  // namespace lossy
