// What `lossy inspect` found, for people and for programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "harness/capture/inspector.hpp"

namespace lossy {

struct InspectReport {
  std::string path;
  int link_type = -1;  // Below zero when there is nothing to say but the error.
  Inspection inspection;
  std::string error;  // What ended the records, when it was not the end of the file; or nothing.
};

// A few lines; names and addresses are safe to print.
std::string inspect_text(const InspectReport& report);
nlohmann::ordered_json inspect_json(const InspectReport& report);

}  // namespace lossy
