#include <lossy/harness/cli/inspect_command.hpp>

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <lossy/core/counted.hpp>
#include <lossy/core/escape.hpp>
#include <lossy/harness/capture/first_reading.hpp>
#include <lossy/harness/capture/path_log.hpp>
#include <lossy/harness/capture/reader.hpp>
#include <lossy/harness/capture/two_ends.hpp>
#include <lossy/harness/cli/exit_code.hpp>
#include <lossy/harness/cli/files.hpp>
#include <lossy/harness/cli/fit_option.hpp>
#include <lossy/harness/cli/json_output.hpp>
#include <lossy/harness/cli/output.hpp>
#include <lossy/harness/cli/progress.hpp>
#include <lossy/harness/cli/protocols.hpp>
#include <lossy/harness/cli/recorded_options.hpp>
#include <lossy/harness/cli/report_file.hpp>
#include <lossy/harness/cli/terminal.hpp>
#include <lossy/harness/report/inspect_report.hpp>
#include <lossy/harness/report/inspect_trace.hpp>

namespace lossy {
namespace {

struct InspectCommandOptions {
  std::vector<std::string> files;
  CaptureChoice choice;
  InspectOptions inspect;
  bool why = false;
  bool trace = false;
  std::string protocol;
  bool hex = false;
  FitOption fit;
  JsonOption json;
  std::string report;
};

// What --fit needs of a capture: either one, whichever it is.
struct FitLogs {
  PathLog path;
  EndLog end;
};

// Knowing who serves, if a first reading has told it.
InspectReport inspect_with(const std::string& path, const InspectCommandOptions& options,
                           std::optional<ServerFinder> servers, PageCapture* page, FitLogs* logs) {
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
  // What comes twice at the end of a path came twice.
  if (logs != nullptr) inspect.copies = FlowViews::Copies::kArrivals;
  // What is shown on the way cannot be taken back.
  const bool may_read_again = !servers && !options.trace && page == nullptr;
  inspect.servers = std::move(servers);
  Inspector inspector(inspect);
  InspectTrace trace(stdout, options.hex, line_style(stdout), description_of(options.protocol));
  while (const auto record = reader.next()) {
    const auto decoded = inspector.decode(*record);
    const auto sight = inspector.add(*record, decoded);
    if (sight && page != nullptr) page->add(*record, *sight);
    if (sight && logs != nullptr) {
      logs->path.add(record->time, *sight);
      logs->end.add(record->time, *sight);
    }
    if (!sight || !options.trace) continue;
    if (sight->flow == 0 && options.inspect.flow != 0) continue;
    trace.print(*record, *sight);
    check_output();
    if (reader.is_live()) flush_output();  // Somebody may be watching.
  }
  trace.finish();
  if (may_read_again && can_be_read_again(path)) {
    if (auto better = inspector.better_servers()) {
      if (logs != nullptr) *logs = {};
      return inspect_with(path, options, std::move(better), page, logs);
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
  } else if (const std::string port =
                 no_such_port(path, options.inspect.server_port, report.inspection.flows);
             !port.empty()) {
    report.error = port;
    report.is_readable = false;
  }
  return report;
}

InspectReport inspect_one(const std::string& path, const InspectCommandOptions& options,
                          PageCapture* page, FitLogs* logs) {
  std::optional<ServerFinder> servers;
  if (options.trace || page != nullptr) {
    servers = read_servers(path, options.choice, options.inspect.server_port, reading_progress());
  }
  return inspect_with(path, options, std::move(servers), page, logs);
}

// What --fit makes of the captures, one after the other.
class Fitting {
 public:
  explicit Fitting(const InspectCommandOptions& options) : options_(options) {}

  // A recording of both sides is fitted at once; captures of one host wait for each other.
  void add(const std::string& path, FitLogs logs) {
    if (!logs.path.empty()) {
      if (!options_.fit.name.empty() && options_.files.size() > 1) {
        return refuse(path, "it is a path of its own; give it alone to have that written down");
      }
      return show(fit_paths({path}, logs.path.take(), options_.fit));
    }
    if (logs.end.empty()) return refuse(path, "it has no datagrams");
    ends_.emplace_back(path, std::move(logs.end));
  }

  void finish() {
    if (ends_.size() == 2 && options_.files.size() == 2) return join();
    for (const auto& [path, log] : ends_) {
      refuse(path,
             "it shows what one host saw, and not what became of each datagram; give the captures "
             "of both ends, the client's first, or a recording of lossy simulate or lossy proxy");
    }
  }

  bool all_fitted() const { return all_fitted_; }
  nlohmann::ordered_json take_json() { return std::move(json_); }

 private:
  void join() {
    const std::string both = ends_[0].first + " and " + ends_[1].first;
    if (options_.inspect.flow != 0) {
      return refuse(both, "--flow: a flow has another number in each; --filter chooses of both");
    }
    auto joined = join_ends(ends_[0].second, ends_[1].second);
    if (const auto* why = std::get_if<std::string>(&joined)) return refuse(both, *why);
    const auto& ends = std::get<JoinedEnds>(joined);
    FitReport report = fit_paths({ends_[0].first, ends_[1].first}, ends.paths, options_.fit);
    report.ends = ends;
    show(report);
  }

  void show(const FitReport& report) {
    if (options_.json.is_wanted()) json_.push_back(fit_json(report));
    if (!options_.json.replaces_text()) fmt::print("\n{}", fit_text(report));
  }

  void refuse(const std::string& path, const std::string& why) {
    fmt::print(stderr, "lossy: {}: --fit: {}\n", escape_controls(path), why);
    all_fitted_ = false;
  }

  const InspectCommandOptions& options_;
  std::vector<std::pair<std::string, EndLog>> ends_;
  bool all_fitted_ = true;
  nlohmann::ordered_json json_ = nlohmann::ordered_json::array();
};

int inspect(const InspectCommandOptions& options, const CommandLine& command_line) {
  JsonOutput json(options.json);
  std::optional<ReportFile> report_file;
  if (!options.report.empty()) report_file.emplace(options.report);
  bool all_read = true;
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  std::optional<Fitting> fitting;
  if (options.fit.is_wanted) fitting.emplace(options);
  for (const std::string& path : options.files) {
    std::optional<PageCapture> page;
    if (report_file) page.emplace(report_file->bounds());
    FitLogs logs;
    const InspectReport report =
        inspect_one(path, options, page ? &*page : nullptr, fitting ? &logs : nullptr);
    if (page) report_file->add(page->run(report));
    all_read = all_read && report.error.empty();
    if (options.json.is_wanted()) files.push_back(inspect_json(report));
    if (!options.json.replaces_text() && report.is_readable) {
      if (options.trace) fmt::print("\n");
      fmt::print("{}", inspect_text(report));
    }
    if (!report.error.empty()) fmt::print(stderr, "lossy: {}\n", report.error);
    if (fitting && report.inspection.mixed > 0) {
      fmt::print(stderr, "lossy: {}: --fit: several recordings are in one file; fit each alone\n",
                 escape_controls(path));
      all_read = false;
    } else if (fitting && report.is_readable) {
      fitting->add(path, std::move(logs));
    }
  }
  if (fitting) fitting->finish();
  if (options.json.is_wanted()) {
    nlohmann::ordered_json all{{"command", "inspect"}, {"files", std::move(files)}};
    if (fitting) all["fits"] = fitting->take_json();
    json.write_last(all);
  }
  if (report_file) report_file->write(page_head("inspect", command_line.text()));
  return all_read && (!fitting || fitting->all_fitted()) ? kHolds : kCouldNotTry;
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
  add_protocol(*inspect_app, options->protocol,
               "whose datagrams these are: --trace tells them in its words");
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
      "--fit says which path would do what a recording of both sides shows: losses by likelihood,\n"
      "delays, order, copies, damage and rate, with standard errors, and as netem lines. "
      "--fit=NAME\n"
      "also writes NAME.toml for lossy --config=NAME.toml simulate, and the delays as tables,\n"
      "NAME-uplink.dist and NAME-downlink.dist. Two captures of the same traffic, one at each "
      "end,\n"
      "are joined; their clocks are set by the least delays, taken to be the same both ways.\n"
      "Exit code 2 when a file, or the rest of one, cannot be read, or has nothing that was asked\n"
      "for.\n"
      "Examples:\n"
      "  lossy inspect captures/*.pcap\n"
      "  tcpdump -w - udp port 53 | lossy inspect - --trace\n"
      "  lossy inspect --fit=office client.pcap server.pcap\n"
      "  lossy inspect seen.pcapng.gz --filter='port 9999' --flow=1 --hex");
  add_port(*inspect_app, options->inspect.server_port);
  add_inner(*inspect_app, options->choice.inner);
  add_report(*inspect_app, options->report);
  inspect_app->callback([options, &command_line, &command] {
    if (options->hex) options->trace = true;
    if (!options->protocol.empty() && !options->trace) {
      throw usage_error("--protocol", "it is what --trace tells; give that, too");
    }
    if (options->trace && options->json.replaces_text()) {
      throw usage_error("--trace", "there is no ladder in --json; --json=FILE goes beside it");
    }
    if (!options->fit.name.empty() && options->files.size() > 2) {
      throw usage_error("--fit", "one recording, or two captures of its ends, make one path");
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
