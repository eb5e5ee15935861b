#include "harness/cli/replay_command.hpp"

#include <fmt/format.h>

#include <array>
#include <exception>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/escape.hpp"
#include "harness/capture/replay.hpp"
#include "harness/cli/exit_code.hpp"
#include "harness/cli/simulate_command.hpp"

namespace lossy {
namespace {

struct ReplayCommandOptions {
  std::vector<std::string> files;
  std::string scenario;
  std::uint16_t port = ReplayOptions{}.server_port;
  bool json = false;
};

// The scenario of a capture: the one asked for, or NAME.toml beside NAME.pcap; nothing when there
// is none.
std::string scenario_of(const std::string& capture, const ReplayCommandOptions& options) {
  if (!options.scenario.empty()) return options.scenario;
  const std::filesystem::path beside = std::filesystem::path(capture).replace_extension(".toml");
  std::error_code ignored;
  return std::filesystem::is_regular_file(beside, ignored) ? beside.string() : std::string();
}

ReplayResult replay_one(const std::string& capture, const ReplayCommandOptions& options) {
  std::optional<Greeter> client;
  const std::string scenario_path = scenario_of(capture, options);
  if (!scenario_path.empty()) {
    try {
      const Scenario scenario = read_scenario(scenario_path);
      client.emplace(scenario.greeter(), scenario.names());
    } catch (const std::exception& error) {
      // It may be no scenario, or name a list of faults that cannot be read: the next file may be
      // fine.
      ReplayResult result;
      result.path = capture;
      result.reason = escape_controls(scenario_path + " cannot be used: " + error.what());
      return result;
    }
  }
  return replay_capture(capture,
                        {.client = client ? &*client : nullptr, .server_port = options.port});
}

nlohmann::ordered_json json_of(const ReplayResult& result) {
  nlohmann::ordered_json json{{"file", result.path}, {"status", to_string(result.status)}};
  if (!result.reason.empty()) json["reason"] = result.reason;
  if (!result.difference.empty()) json["difference"] = result.difference;
  json["two_sided"] = result.two_sided;
  json["real_time"] = result.real_time;
  json["proxied"] = result.proxied;
  json["client_checked"] = result.client_checked;
  json["records"] = result.records;
  nlohmann::ordered_json skipped = nlohmann::ordered_json::object();
  for (std::size_t i = 0; i < kSkipReasonCount; ++i) {
    skipped[std::string(to_string(static_cast<SkipReason>(i)))] = result.skipped[i];
  }
  json["skipped"] = skipped;
  json["other"] = result.other;
  json["flows"] = result.flows;
  json["received"] = result.received;
  json["sent"] = result.sent;
  json["repeated"] = result.repeated;
  json["cut_off"] = result.cut_off;
  json["bad_checksum"] = result.bad_checksum;
  return json;
}

int replay(const ReplayCommandOptions& options, const CommandLine& command_line) {
  std::array<std::size_t, 3> counts{};
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  for (const std::string& capture : options.files) {
    const ReplayResult result = replay_one(capture, options);
    ++counts[static_cast<std::size_t>(result.status)];
    if (options.json) {
      files.push_back(json_of(result));
    } else {
      const bool unusable = result.status == ReplayStatus::kNotTried;
      fmt::print(unusable ? stderr : stdout, "{}{}", unusable ? "lossy: " : "",
                 replay_text(result));
    }
  }
  const auto [holds, differs, not_tried] = counts;
  if (options.json) {
    const nlohmann::ordered_json json{{"command", "replay"},
                                      {"holds", holds},
                                      {"differs", differs},
                                      {"not_tried", not_tried},
                                      {"files", std::move(files)}};
    // What a capture holds need not be UTF-8.
    fmt::print("{}\n", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  } else if (options.files.size() > 1) {
    fmt::print("{} captures: {} hold, {} differ, {} could not be tried\n", options.files.size(),
               holds, differs, not_tried);
  }
  if (differs > 0) {
    fmt::print(stderr, "lossy: to see it again: {}\n", command_line.text());
    return kDoesNotHold;
  }
  return not_tried > 0 ? kCouldNotTry : kHolds;
}

}  // namespace

void add_replay_command(CLI::App& app, const CommandLine& command_line,
                        std::function<int()>& command) {
  auto options = std::make_shared<ReplayCommandOptions>();
  CLI::App* replay_app =
      app.add_subcommand("replay", "Check that the protocol does again what captures show.");
  replay_app->add_option("files", options->files, "the captures")
      ->required()
      ->type_name("FILE.pcap");
  add_path(*replay_app, "--scenario", options->scenario,
           "what the client was asked to do; NAME.toml beside NAME.pcap needs no asking",
           "FILE.toml");
  add_parsed(
      *replay_app, "--port", options->port,
      [](std::string_view text) { return static_cast<std::uint16_t>(parse_whole(text, 1, 65535)); },
      "where the server listens, in captures that are not recordings of ours [9999]", "PORT");
  replay_app->add_flag("--json", options->json, "print the results as one JSON object");
  replay_app->footer(
      "Exit code 1 when a capture differs, 2 when one could not be tried.\n"
      "Examples:\n"
      "  lossy replay captures/*.pcap\n"
      "  lossy replay seen-by-tcpdump.pcap --port=9999");
  replay_app->callback([options, &command_line, &command] {
    if (!options->scenario.empty() && options->files.size() > 1) {
      throw usage_error("--scenario", "one scenario is for one capture");
    }
    command = [options, &command_line] { return replay(*options, command_line); };
  });
}

}  // namespace lossy
