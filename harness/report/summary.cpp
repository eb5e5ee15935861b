#include <lossy/harness/report/summary.hpp>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <lossy/core/counted.hpp>
#include <lossy/harness/report/link_report.hpp>
#include <lossy/harness/report/readable.hpp>
#include <lossy/harness/report/rtt_json.hpp>

namespace lossy {
namespace {

// "not_utf8 3, unexpected 1": what is not zero.
void add_count(std::string& list, std::string_view name, std::uint64_t count) {
  if (count > 0) list += fmt::format("{}{} {}", list.empty() ? "" : ", ", name, count);
}

std::string refusals(const std::array<std::uint64_t, kMalformedCount>& refused) {
  std::string list;
  for (std::size_t i = 0; i < kMalformedCount; ++i) {
    add_count(list, to_string(static_cast<Malformed>(i)), refused[i]);
  }
  return list;
}

}  // namespace

std::string summary_text(const RunReport& report) {
  const GreeterResult& result = report.result;
  std::string text = links_text(report.uplink, report.downlink) + '\n';
  text += fmt::format("  {:<14} {} of {}\n", "greeted", result.greeted, report.requests);
  text += fmt::format("  {:<14} {}\n", "gave up", result.gave_up);
  text += fmt::format("  {:<14} {}\n", "attempts", result.attempts);
  if (const std::string list = refusals(report.server.refused); !list.empty()) {
    text += fmt::format("  {:<14} {}\n", "server silent", list);
  }
  std::string ignored = refusals(report.client.refused);
  add_count(ignored, "unexpected", report.client.unexpected);
  add_count(ignored, "wrong_source", report.client.wrong_source);
  if (!ignored.empty()) text += fmt::format("  {:<14} {}\n", "client ignored", ignored);
  if (result.rtt.count() > 0) {
    text += fmt::format("  {:<14} median {}, p99 {}\n", "RTT", readable(result.rtt.quantile(1, 2)),
                        readable(result.rtt.quantile(99, 100)));
  }
  text += fmt::format("  {:<14} {}{} real\n", "time",
                      report.virtual_time ? readable(*report.virtual_time) + " virtual, " : "",
                      readable(report.wall_time));
  if (report.seed) text += fmt::format("  {:<14} {}\n", "seed", *report.seed);
  if (report.seeds) {
    text += fmt::format("  {:<14} {} uplink, {} downlink\n", "seeds", report.seeds->uplink,
                        report.seeds->downlink);
  }
  if (report.lost_by_system.value_or(0) > 0) {
    text += fmt::format("\n  Note: the operating system lost {} beside what the links did.\n",
                        counted(*report.lost_by_system, "datagram"));
  }
  if (!report.stopped_by.empty()) {
    text += fmt::format("\n  Interrupted by {}: {} of {} had ended.\n", report.stopped_by,
                        result.greeted + result.gave_up, counted(report.requests, "request"));
  }
  for (const std::string& note : report.notes) text += "\n  Note: " + note + '\n';
  text += "\nThe same run again: " + report.reproduce + '\n';
  return text;
}

nlohmann::ordered_json summary_json(const RunReport& report) {
  const GreeterResult& result = report.result;
  nlohmann::ordered_json json;
  json["command"] = report.command;
  json["seed"] = report.seed ? nlohmann::ordered_json(*report.seed) : nlohmann::ordered_json();
  if (report.seeds) {
    json["seeds"] = {{"uplink", report.seeds->uplink}, {"downlink", report.seeds->downlink}};
  }
  json["requests"] = report.requests;
  json["greeted"] = result.greeted;
  json["gave_up"] = result.gave_up;
  json["attempts"] = result.attempts;
  json["uplink"] = link_json(report.uplink);
  json["downlink"] = link_json(report.downlink);
  if (report.virtual_time) {
    json["rtt_ms"] = rtt_ms_json(result.rtt);
    json["virtual_seconds"] = in_seconds(*report.virtual_time);
  }
  if (report.lost_by_system) json["lost_by_system"] = *report.lost_by_system;
  if (!report.stopped_by.empty()) json["stopped_by"] = report.stopped_by;
  json["notes"] = report.notes;
  json["reproduce"] = report.reproduce;
  nlohmann::ordered_json& timing = json["timing"];
  if (!report.virtual_time) timing["rtt_ms"] = rtt_ms_json(result.rtt);
  timing["wall_seconds"] = in_seconds(report.wall_time);
  return json;
}

}  // namespace lossy
