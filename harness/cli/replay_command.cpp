#include <lossy/harness/cli/replay_command.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include <lossy/core/counted.hpp>
#include <lossy/core/escape.hpp>
#include <lossy/harness/capture/replay.hpp>
#include <lossy/harness/cli/exit_code.hpp>
#include <lossy/harness/cli/files.hpp>
#include <lossy/harness/cli/json_output.hpp>
#include <lossy/harness/cli/progress.hpp>
#include <lossy/harness/cli/protocols.hpp>
#include <lossy/harness/cli/reasons.hpp>
#include <lossy/harness/cli/recorded_options.hpp>
#include <lossy/harness/cli/recorded_run.hpp>
#include <lossy/harness/cli/replay_against.hpp>
#include <lossy/harness/cli/report_file.hpp>
#include <lossy/harness/cli/scenario_format.hpp>
#include <lossy/harness/cli/simulate_command.hpp>
#include <lossy/harness/net/socket_address.hpp>
#include <lossy/harness/sim/host_addresses.hpp>
#include <lossy/harness/sim/network_script.hpp>

namespace lossy {
namespace {

struct ReplayCommandOptions {
  std::vector<std::string> files;
  std::string scenario;
  std::string protocol;
  std::optional<std::uint16_t> port{};
  bool inner = false;
  bool bad_checksums = false;
  JsonOption json;
  std::string report;
  AgainstOptions against;
};

// The scenario of a capture: the one asked for, or NAME.toml beside NAME.pcap; nothing when there
// is none.
std::string scenario_of(const std::string& capture, const ReplayCommandOptions& options) {
  if (!options.scenario.empty()) return options.scenario;
  const std::filesystem::path beside = std::filesystem::path(capture).replace_extension(".toml");
  std::error_code ignored;
  return std::filesystem::is_regular_file(beside, ignored) ? beside.string() : std::string();
}

// A protocol's server, which may have been asked anything.
struct ServerAlone {
  std::unique_ptr<ProtocolRun> run{};
  std::size_t host = 0;
  std::uint16_t port = 0;
  bool has_every_port = false;
};

// At the protocol's own port unless there is another. Nothing where all hosts are peers.
std::optional<ServerAlone> server_alone(const Protocol& protocol, RunPlan plan,
                                        std::optional<std::uint16_t> port) {
  plan.addresses.clear();
  const std::vector<HostRole> hosts = protocol.hosts(plan);
  const auto server = std::ranges::find(hosts, HostRole::Part::kAnswers, &HostRole::part);
  if (server == hosts.end()) return std::nullopt;
  place_hosts(plan, hosts);
  ServerAlone alone{.host = static_cast<std::size_t>(server - hosts.begin()),
                    .port = port.value_or(server->port),
                    .has_every_port = server->every_port};
  plan.alone = alone.host;
  plan.addresses[alone.host] = with_port(plan.addresses[alone.host], alone.port);
  alone.run = protocol.make_run(plan, {});
  return alone;
}

ReplayResult not_tried(const std::string& capture, std::string reason) {
  ReplayResult result;  // The next file may be fine.
  result.path = capture;
  result.reason = std::move(reason);
  return result;
}

ReplayResult replay_one(const std::string& capture, const ReplayCommandOptions& options) {
  std::unique_ptr<ProtocolRun> run;
  const Protocol* protocol = options.protocol.empty() ? nullptr : find_protocol(options.protocol);
  RunPlan plan = protocol == nullptr ? RunPlan{} : plan_of(*protocol, {});
  const std::string scenario_path = scenario_of(capture, options);
  if (!scenario_path.empty()) {
    try {
      const Scenario scenario = read_scenario(scenario_path);
      if (protocol != nullptr && protocol != &scenario.protocol()) {
        return not_tried(
            capture,
            fmt::format("{}: its scenario {} is of {}, and not of {}", escape_controls(capture),
                        escape_controls(scenario_path), scenario.protocol().name, protocol->name));
      }
      if (scenario.script() || scenario.network_script()) {
        return replay_script(capture, scenario, scenario_path);
      }
      if (const std::size_t hosts = scenario.hosts().size(); hosts != 2) {
        return not_tried(capture,
                         fmt::format("{}: its scenario has {} hosts, and replay is for two; lossy "
                                     "golden compares whole runs",
                                     escape_controls(capture), hosts));
      }
      run = protocol_run(scenario);
      protocol = &scenario.protocol();
      plan = scenario.plan();
    } catch (const ScenarioError& error) {
      return not_tried(capture, escape_controls(error.what()));
    }
  }
  std::optional<ServerAlone> alone;
  if (protocol != nullptr) alone = server_alone(*protocol, plan, options.port);
  if (protocol != nullptr && !alone) {
    return not_tried(capture, fmt::format("{}: {} has no server that could be checked alone",
                                          escape_controls(capture), protocol->name));
  }
  Endpoint* const server = alone ? &alone->run->endpoint(alone->host) : nullptr;
  const std::uint16_t port = options.port.value_or(ReplayOptions{}.server_port);
  return replay_capture(capture,
                        {.client = run ? &run->endpoint(0) : nullptr,
                         .server = run ? &run->endpoint(1) : server,
                         .server_alone = server,
                         .server_port = alone ? alone->port : port,
                         .server_has_every_port = alone && alone->has_every_port,
                         .inner = options.inner,
                         .words = protocol == nullptr ? PayloadWords{} : protocol->describe,
                         .bad_checksums = options.bad_checksums,
                         .on_read = reading_progress()});
}

nlohmann::ordered_json json_of(const ReplayResult& result) {
  nlohmann::ordered_json json{{"file", result.path}, {"status", to_string(result.status)}};
  if (!result.reason.empty()) json["reason"] = result.reason;
  if (!result.difference.empty()) json["difference"] = result.difference;
  json["two_sided"] = result.two_sided;
  json["real_time"] = result.real_time;
  json["proxied"] = result.proxied;
  json["client_checked"] = result.client_checked;
  json["was_broken"] = result.was_broken;
  json["records"] = result.records;
  json["skipped"] = reasons_json(reasons_of(result.skipped, SkipReason{}));
  json["other"] = result.other;
  json["flows"] = result.flows;
  json["received"] = result.received;
  json["sent"] = result.sent;
  json["repeated"] = result.repeated;
  json["unasked"] = result.unasked;
  json["cut_off"] = result.cut_off;
  json["bad_checksum"] = result.bad_checksum;
  return json;
}

// The capture and the verdict, for a page.
nlohmann::ordered_json page_run(const ReplayResult& result, std::optional<std::uint16_t> port,
                                bool inner, const PageBounds& bounds) {
  const bool differs = result.status == ReplayStatus::kDiffers;
  nlohmann::ordered_json run =
      capture_run(result.path, {.choice = {.inner = inner}, .server_port = port}, bounds,
                  differs ? std::vector{result.different_record} : std::vector<std::uint64_t>{});
  const bool tried = result.status != ReplayStatus::kNotTried;
  run["verdict"] = {{"holds", result.status == ReplayStatus::kHolds},
                    {"title", !tried    ? "could not be tried"
                              : differs ? "differs"
                                        : "holds"},
                    {"text", replay_text(result)}};
  return run;
}

int replay_all(const ReplayCommandOptions& options, const CommandLine& command_line) {
  JsonOutput json(options.json);
  std::optional<ReportFile> report_file;
  if (!options.report.empty()) report_file.emplace(options.report);
  std::array<std::size_t, 3> counts{};
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  for (const std::string& capture : options.files) {
    const ReplayResult result = replay_one(capture, options);
    ++counts[static_cast<std::size_t>(result.status)];
    if (report_file)
      report_file->add(page_run(result, options.port, options.inner, report_file->bounds()));
    if (options.json.is_wanted()) files.push_back(json_of(result));
    if (!options.json.replaces_text()) {
      const bool unusable = result.status == ReplayStatus::kNotTried;
      fmt::print(unusable ? stderr : stdout, "{}{}", unusable ? "lossy: " : "",
                 replay_text(result));
    }
  }
  const auto [holds, differs, not_tried] = counts;
  if (!options.json.replaces_text() && options.files.size() > 1) {
    fmt::print("{} captures: {}, {}, {} could not be tried\n", options.files.size(),
               counted(holds, "holds", "hold"), counted(differs, "differs", "differ"), not_tried);
  }
  if (options.json.is_wanted()) {
    json.write_last({{"command", "replay"},
                     {"holds", holds},
                     {"differs", differs},
                     {"not_tried", not_tried},
                     {"files", std::move(files)}});
  }
  if (report_file) report_file->write(page_head("replay", command_line.text()));
  if (differs > 0) {
    fmt::print(stderr, "lossy: to see it again: {}\n", command_line.text());
    return kDoesNotHold;
  }
  return not_tried > 0 ? kCouldNotTry : kHolds;
}

// "2", "0.5": thousandths.
std::uint64_t parse_speed(std::string_view text) {
  const auto thousandths = parse_thousandths(text, kSpeedMax);
  if (thousandths.value_or(0) == 0) {
    throw TextError(quote(text) +
                    " is no speed: 2 is twice as fast, 0.5 half as fast; from 0.001 "
                    "to 1000000, with at most three decimals");
  }
  return *thousandths;
}

Duration parse_timeout(std::string_view text) {
  const Duration timeout = parse_duration(text);
  if (timeout == Duration::zero()) throw TextError("it must be above 0: nothing comes at once");
  return timeout;
}

// What only has a meaning with --against. Gives those options.
std::vector<CLI::Option*> add_against_options(CLI::App& app, AgainstOptions& against) {
  ReplayClientOptions& client = against.client;
  CLI::Option* const speed = add_parsed(
      app, "--speed", client.timing,
      [](std::string_view text) { return ReplayTiming::captured(parse_speed(text)); },
      "so many times as fast as the capture [1]", "FACTOR");
  CLI::Option* const top_speed = app.add_flag_callback(
      "--topspeed", [&client] { client.timing = ReplayTiming::top_speed(); },
      "as fast as answers come; one that does not come is waited for as --timeout says");
  CLI::Option* const pace = add_parsed(
      app, "--pace", client.timing,
      [](std::string_view text) {
        const Pace asked = parse_pace(text);
        return ReplayTiming::paced(asked.count, asked.time);
      },
      "how many requests in a time, over all flows, as in 1000/s, 0.25/s or 30/min", "N/TIME");
  speed->excludes(top_speed)->excludes(pace);
  top_speed->excludes(pace);
  std::vector<CLI::Option*> options = {
      speed,
      top_speed,
      pace,
      app.add_flag_callback(
          "--no-wait", [&client] { client.wait = false; },
          "send the next request though answers in front of it have not come"),
      add_parsed(app, "--timeout", client.timeout, parse_timeout,
                 "how much longer than in the capture an answer may take; after that it is late, "
                 "and after that time once more missing [1s]",
                 "TIME"),
      add_parsed(
          app, "--view", against.recorded.host,
          [&against](std::string_view text) {
            if (text == "client") return RecordedHost::kClient;
            if (text != "server") throw TextError("there are client and server");
            against.recorded.retransmissions = true;
            return RecordedHost::kServer;
          },
          "play what the clients sent, or what the server received, with the network's losses, "
          "copies and order; of a capture of one host that is the server's [client]",
          "HOST"),
      app.add_flag("--ordered", client.ordered, "answers must come in the order of the capture"),
      add_parsed(app, "--and", against.other, resolve_server,
                 "play them to this server, too, and compare its answers with those of the first, "
                 "whatever the capture has",
                 "HOST:PORT"),
      app.add_flag("--as-captured", against.recorded.retransmissions,
                   "send retransmissions as often as the capture has them, and not once"),
      app.add_flag("--ignore-unexpected", client.ignore_unexpected,
                   "what the capture has no answer like does not count"),
      add_path(app, "--junit", against.junit, "write the results for CI, a test case a flow",
               "FILE.xml")};
  for (CLI::Option* const option : add_mask_options(app, against.mask)) options.push_back(option);
  for (CLI::Option* const option : add_recorded_options(app, against.recorded)) {
    options.push_back(option);
  }
  return options;
}

int replay(const ReplayCommandOptions& options, const CommandLine& command_line) {
  try {
    return replay_all(options, command_line);
  } catch (const RunInterrupted& interrupted) {
    fmt::print(stderr, "lossy: interrupted\n");
    return 128 + interrupted.signal;  // As a shell says it.
  }
}

}  // namespace

void add_replay_command(CLI::App& app, const CommandLine& command_line,
                        std::function<int()>& command) {
  auto options = std::make_shared<ReplayCommandOptions>();
  CLI::App* replay_app =
      app.add_subcommand("replay", "Check that a protocol does again what captures show.");
  replay_app->add_option("files", options->files, "the captures")
      ->required()
      ->type_name("FILE.pcap");
  CLI::Option* const scenario = add_path(
      *replay_app, "--scenario", options->scenario,
      "what the client was asked to do; NAME.toml beside NAME.pcap needs no asking", "FILE.toml");
  CLI::Option* const protocol = add_protocol(
      *replay_app, options->protocol,
      "whose server is checked where no scenario says it [" + protocols().front()->name + "]");
  add_port(*replay_app, options->port,
           "that of the protocol; with --against, told from all flows; inspect --why says why");
  add_inner(*replay_app, options->inner);
  add_bad_checksums(*replay_app, options->bad_checksums);
  options->json.add_to(*replay_app, "print the results as one JSON object",
                       JsonOption::Timing::kMeasured);
  add_report(*replay_app, options->report);
  CLI::Option* const server =
      add_parsed(*replay_app, "--against", options->against.client.server, resolve_server,
                 "be the clients of the captures to a real server, of any UDP protocol, and "
                 "compare what it answers",
                 "HOST:PORT");
  server->excludes(scenario);
  server->excludes(protocol);
  for (CLI::Option* const option : add_against_options(*replay_app, options->against)) {
    option->needs(server);
  }
  replay_app->footer(
      "Without --against it is a protocol of lossy's that is checked, client and server or the\n"
      "server alone, in virtual time: captures of other protocols want --against.\n"
      "With it each flow has a socket of its own. A request leaves at its time, but not before "
      "the\n"
      "answers in front of it have come; answers are told by their content.\n"
      "Exit code 1 when a capture differs, 2 when one could not be tried, as one in which no\n"
      "request is answered: nothing in it can be compared, unless a server answers all the same,\n"
      "which differs.\n"
      "Examples:\n"
      "  lossy replay captures/*.pcap\n"
      "  lossy replay seen-by-tcpdump.pcap --port=9999\n"
      "  lossy replay transfers.pcap --protocol=tftp\n"
      "  lossy replay dns.pcap --against=127.0.0.1:53 --speed=10 --junit=dns.xml\n"
      "  lossy replay game.pcap --against=127.0.0.1:7777 --mask=4-7 --ignore-unexpected\n"
      "  lossy replay run.pcap --against=127.0.0.1:9999 --view=server\n"
      "  lossy replay dns.pcap --against=127.0.0.1:53 --and=127.0.0.1:5353 --mask=0-1");
  replay_app->callback([options, server, &command_line, &command] {
    std::vector<NamedFile> read{{"--scenario", options->scenario}};
    for (const std::string& file : options->files) read.push_back({"a capture", file});
    refuse_overwriting({{"--junit", options->against.junit},
                        {"--report", options->report},
                        {"--json", options->json.file}},
                       read);
    refuse_standard_output("--report", options->report);
    if (server->count() > 0) {
      AgainstOptions& against = options->against;
      against.files = options->files;
      against.recorded.inner = options->inner;
      against.recorded.bad_checksums = options->bad_checksums;
      against.json = options->json;
      against.report = options->report;
      against.recorded.server_port = options->port;
      command = [options, &command_line] { return replay_against(options->against, command_line); };
      return;
    }
    if (!options->scenario.empty() && options->files.size() > 1) {
      throw usage_error("--scenario", "one scenario is for one capture");
    }
    command = [options, &command_line] { return replay(*options, command_line); };
  });
}

}  // namespace lossy
