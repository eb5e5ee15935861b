#include "harness/cli/inspect_command.hpp"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/counted.hpp"
#include "core/escape.hpp"
#include "harness/capture/first_reading.hpp"
#include "harness/capture/path_log.hpp"
#include "harness/capture/reader.hpp"
#include "harness/cli/exit_code.hpp"
#include "harness/cli/files.hpp"
#include "harness/cli/fit_option.hpp"
#include "harness/cli/json_output.hpp"
#include "harness/cli/output.hpp"
#include "harness/cli/progress.hpp"
#include "harness/cli/recorded_options.hpp"
#include "harness/cli/report_file.hpp"
#include "harness/cli/terminal.hpp"
#include "harness/report/inspect_report.hpp"
#include "harness/report/inspect_trace.hpp"

namespace lossy {
namespace {

struct InspectCommandOptions {
  std::vector<std::string> files;
  CaptureChoice choice;
  InspectOptions inspect;
  bool why = false;
  bool trace = false;
  bool hex = false;
  FitOption fit;
  JsonOption json;
  std::string report;
};

// Knowing who serves, if a first reading has told it.
InspectReport inspect_with(const std::string& path, const InspectCommandOptions& options,
                           std::optional<ServerFinder> servers, PageCapture* page, PathLog* log) {
  InspectReport report;
  report.path = path;
  auto opened = PcapReader::open(path);
  if (const auto* error = std::get_if<CaptureError>(&opened)) {
    report.error = error->text;
    return report;
  }
  PcapReader& reader = std::get<PcapReader>(opened);
  if (const auto why = reader.choose(options.choice)) throw CannotTry("--filter: " + *why);
  report.inner = options.choice.inner;
  report.why = options.why;
  if (!options.trace) reader.on_read(reading_progress());  // A ladder shows it, too.
  InspectOptions inspect = options.inspect;
  // What is shown on the way cannot be taken back.
  const bool may_read_again = !servers && !options.trace && page == nullptr;
  inspect.servers = std::move(servers);
  Inspector inspector(inspect);
  InspectTrace trace(stdout, options.hex, line_style(stdout));
  while (const auto record = reader.next()) {
    const auto decoded = inspector.decode(*record);
    const auto sight = inspector.add(*record, decoded);
    if (sight && page != nullptr) page->add(*record, *sight);
    if (sight && log != nullptr) log->add(record->time, *sight);
    if (!sight || !options.trace) continue;
    if (sight->flow == 0 && options.inspect.flow != 0) continue;
    trace.print(*record, *sight);
    check_output();
    if (reader.is_live()) flush_output();  // Somebody may be watching.
  }
  trace.finish();
  if (may_read_again && can_be_read_again(path)) {
    if (auto better = inspector.better_servers()) {
      if (log != nullptr) *log = {};
      return inspect_with(path, options, std::move(better), page, log);
    }
  }
  report.inspection = inspector.finish();
  report.interfaces = reader.interfaces();
  report.is_readable = true;
  if (reader.error()) {
    report.error = reader.error()->text;
  } else if (const std::string why = reader.filtered_out(); !why.empty()) {
    report.error = fmt::format("{}: --filter: {}", escape_controls(path), why);
    report.is_readable = false;
  } else if (options.inspect.flow != 0 && report.inspection.flows.empty()) {
    report.error = no_such_flow(path, options.inspect.flow, report.inspection.flows_seen);
    report.is_readable = false;
  }
  return report;
}

InspectReport inspect_one(const std::string& path, const InspectCommandOptions& options,
                          PageCapture* page, PathLog* log) {
  std::optional<ServerFinder> servers;
  if (options.trace || page != nullptr) {
    servers = read_servers(path, options.choice, options.inspect.server_port, reading_progress());
  }
  return inspect_with(path, options, std::move(servers), page, log);
}

int inspect(const InspectCommandOptions& options, const CommandLine& command_line) {
  JsonOutput json(options.json);
  std::optional<ReportFile> report_file;
  if (!options.report.empty()) report_file.emplace(options.report);
  bool all_read = true;
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  nlohmann::ordered_json fits = nlohmann::ordered_json::array();
  for (const std::string& path : options.files) {
    std::optional<PageCapture> page;
    if (report_file) page.emplace(report_file->bounds());
    PathLog log;
    const InspectReport report =
        inspect_one(path, options, page ? &*page : nullptr, options.fit.is_wanted ? &log : nullptr);
    if (page) report_file->add(page->run(report));
    all_read = all_read && report.error.empty();
    if (options.json.is_wanted()) files.push_back(inspect_json(report));
    if (!options.json.replaces_text() && report.is_readable) {
      if (options.trace) fmt::print("\n");
      fmt::print("{}", inspect_text(report));
    }
    if (options.fit.is_wanted && report.is_readable) {
      const FitReport fit = fit_paths({path}, log.take(), options.fit);
      if (options.json.is_wanted()) fits.push_back(fit_json(fit));
      if (!options.json.replaces_text()) fmt::print("\n{}", fit_text(fit));
    }
    if (!report.error.empty()) fmt::print(stderr, "lossy: {}\n", report.error);
  }
  if (options.json.is_wanted()) {
    nlohmann::ordered_json all{{"command", "inspect"}, {"files", std::move(files)}};
    if (options.fit.is_wanted) all["fits"] = std::move(fits);
    json.write_last(all);
  }
  if (report_file) report_file->write(page_head("inspect", command_line.text()));
  return all_read ? kHolds : kCouldNotTry;
}

}  // namespace

void add_inspect_command(CLI::App& app, const CommandLine& command_line,
                         std::function<int()>& command) {
  auto options = std::make_shared<InspectCommandOptions>();
  CLI::App* inspect_app = app.add_subcommand("inspect", "Say what is in captures.");
  add_captures(*inspect_app, options->files);
  inspect_app->add_flag(
      "--trace", options->trace,
      "print every record as a ladder; of a recording of both hosts it says what was "
      "lost");
  inspect_app->add_flag("--why", options->why, "say of each flow why its server is the server");
  inspect_app->add_flag("--hex", options->hex, "print the bytes of every datagram, too");
  options->fit.add_to(*inspect_app);
  options->json.add_to(*inspect_app, "print all of it as one JSON object");
  add_filter(*inspect_app, options->choice.filter,
             "only what this matches, as tcpdump has it; of fragments only the first has ports");
  add_parsed(
      *inspect_app, "--flow", options->inspect.flow,
      [](std::string_view text) { return parse_whole(text, 1, kInspectedFlowsMax); },
      "only this flow, by the number that inspect gives it", "N");
  inspect_app->footer(
      "A recording of simulate or proxy shows both hosts, and so tells what the path lost,\n"
      "duplicated, reordered and delayed; any other capture tells which requests were answered.\n"
      "What carries datagrams (PPPoE, MPLS, GRE, IP in IP, Wi-Fi, ...) is passed, and what it\n"
      "carried is counted. VXLAN, Geneve and GTP-U are datagrams themselves, and count as such\n"
      "without --inner.\n"
      "Exit code 2 when a file, or the rest of one, cannot be read, or has nothing that was asked\n"
      "for.\n"
      "Examples:\n"
      "  lossy inspect captures/*.pcap\n"
      "  tcpdump -w - udp port 53 | lossy inspect - --trace\n"
      "  lossy inspect seen.pcapng.gz --filter='port 9999' --flow=1 --hex");
  add_port(*inspect_app, options->inspect.server_port);
  add_inner(*inspect_app, options->choice.inner);
  add_report(*inspect_app, options->report);
  inspect_app->callback([options, &command_line, &command] {
    if (options->hex) options->trace = true;
    if (options->trace && options->json.replaces_text()) {
      throw usage_error("--trace", "there is no ladder in --json; --json=FILE goes beside it");
    }
    std::vector<NamedFile> read;
    for (const std::string& file : options->files) read.push_back({"a capture", file});
    std::vector<NamedFile> written = options->fit.files();
    written.push_back({"--report", options->report});
    written.push_back({"--json", options->json.file});
    refuse_overwriting(written, read);
    refuse_standard_output("--report", options->report);
    command = [options, &command_line] { return inspect(*options, command_line); };
  });
}

}  // namespace lossy
