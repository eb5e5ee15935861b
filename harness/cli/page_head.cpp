#include <lossy/harness/cli/page_head.hpp>

#include <fmt/format.h>

namespace lossy {

PagePath page_path(const PathOptions& path) {
  return {.uplink = &path.settings(Direction::kUplink),
          .downlink = &path.settings(Direction::kDownlink),
          .header_bytes = path.header_bytes(),
          .listed = path.faults().has_value()};
}

PageHead page_head(const std::string& command, const std::string& reproduce) {
  return {
      .command = command, .reproduce = reproduce, .seed = {}, .program = "lossy " LOSSY_VERSION};
}

PageHead page_head(const RunReport& report) {
  PageHead head = page_head(report.command, report.reproduce);
  if (report.seed) head.seed = std::to_string(*report.seed);
  if (report.seeds) {
    head.seed = fmt::format("{} uplink, {} downlink", report.seeds->uplink, report.seeds->downlink);
  }
  return head;
}

}  // namespace lossy
