#include <lossy/harness/cli/report_file.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <lossy/harness/capture/first_reading.hpp>
#include <lossy/harness/capture/inspector.hpp>
#include <lossy/harness/cli/progress.hpp>
#include <lossy/harness/report/html_page.hpp>

namespace lossy {

CLI::Option* add_report(CLI::App& app, std::string& path) {
  return add_path(app, "--report", path,
                  "write a page to look at in a browser: the ladder, charts and tables",
                  "FILE.html");
}

void ReportFile::add(nlohmann::ordered_json run) {
  bounds_.arrows -= std::min(bounds_.arrows, run["arrows"]["kept"].get<std::size_t>());
  const std::size_t base64_bytes = run["payloads"]["bytes"].get_ref<const std::string&>().size();
  bounds_.payload_bytes -= std::min(bounds_.payload_bytes, base64_bytes / 4 * 3);
  runs_.push_back(std::move(run));
}

void ReportFile::write(const PageHead& head) {
  file_.write_whole(html_page(page_data(head, std::move(runs_))));
}

nlohmann::ordered_json unread_run(const std::string& path, const std::string& why,
                                  const PageBounds& bounds) {
  InspectReport report;
  report.path = path;
  report.error = why;
  return PageCapture(bounds).run(report);
}

nlohmann::ordered_json capture_run(const std::string& path, const CapturePart& part,
                                   const PageBounds& bounds, std::vector<std::uint64_t> different) {
  InspectReport report;
  report.path = path;
  PageCapture page(bounds, std::move(different));
  if (!can_be_read_again(path)) {
    return unread_run(
        path, "it is no file that could be read once more, so that nothing of it is drawn", bounds);
  }
  auto opened = PcapReader::open(path);
  if (const auto* error = std::get_if<CaptureError>(&opened)) {
    return unread_run(path, error->text, bounds);
  }
  PcapReader& reader = std::get<PcapReader>(opened);
  if (const auto why = reader.choose(part.choice)) throw std::invalid_argument(*why);
  Inspector inspector(
      {.flow = part.flow,
       .server_port = part.server_port,
       .servers = read_servers(path, part.choice, part.server_port, reading_progress())});
  while (const auto record = reader.next()) {
    const auto decoded = inspector.decode(*record);
    if (const auto sight = inspector.add(*record, decoded)) page.add(*record, *sight);
  }
  report.inspection = inspector.finish();
  if (reader.error()) report.error = reader.error()->text;
  return page.run(report);
}

}  // namespace lossy
