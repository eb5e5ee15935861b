#include "harness/cli/report_file.hpp"

#include <fmt/format.h>

#include <utility>

#include "harness/report/html_page.hpp"

namespace lossy {

CLI::Option* add_report(CLI::App& app, std::string& path) {
  return add_path(app, "--report", path,
                  "write a page to look at in a browser: the ladder, charts and tables",
                  "FILE.html");
}

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

void ReportFile::write(const PageHead& head, nlohmann::ordered_json runs) {
  if (!runs.is_array()) {
    nlohmann::ordered_json one = nlohmann::ordered_json::array();
    one.push_back(std::move(runs));
    runs = std::move(one);
  }
  file_.write_whole(html_page(page_data(head, std::move(runs))));
}

}  // namespace lossy
