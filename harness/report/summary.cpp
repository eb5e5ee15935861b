#include "harness/report/summary.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "harness/report/rtt_json.hpp"

namespace lossy {
namespace {

double in_seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

// Four digits in a unit that a person would choose: "59.6 us", "40 ms", "1.004 s", "31536000 s".
std::string readable(Duration duration) {
  const double seconds = in_seconds(duration);
  if (seconds >= 1000) return fmt::format("{:.0f} s", seconds);
  if (seconds >= 1) return fmt::format("{:.4g} s", seconds);
  if (seconds >= 0.001 || seconds == 0) return fmt::format("{:.4g} ms", seconds * 1e3);
  return fmt::format("{:.4g} us", seconds * 1e6);
}

nlohmann::ordered_json json_of(const LinkCounters& link) {
  nlohmann::ordered_json lost_by = nlohmann::ordered_json::object();
  for (std::size_t i = 0; i < kLossReasonCount; ++i) {
    lost_by[std::string(to_string(static_cast<LossReason>(i)))] = link.lost_by[i];
  }
  return {{"offered", link.offered},       {"delivered", link.delivered},
          {"lost", link.lost()},           {"lost_by", lost_by},
          {"duplicated", link.duplicated}, {"held_back", link.held_back},
          {"reordered", link.reordered},   {"corrupted", link.corrupted},
          {"truncated", link.truncated}};
}

// "12.3%" of a whole, or nothing where there is no whole.
std::string percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0 || part == 0) return {};
  const double exact = 100 * static_cast<double>(part) / static_cast<double>(whole);
  const std::string shown = fmt::format("{:.3g}%", exact);
  return shown == "100%" && part != whole ? ">99.9%" : shown;
}

// What a counter is a part of, so that the percentage is the one that was asked for.
using Whole = std::uint64_t (*)(const LinkCounters&);

std::uint64_t offered(const LinkCounters& link) {
  return link.offered;
}
std::uint64_t delivered(const LinkCounters& link) {
  return link.delivered;
}
std::uint64_t copies(const LinkCounters& link) {
  return link.delivered + link.duplicated;
}

void add_row(std::string& text, const char* name, std::uint64_t up, std::uint64_t down, Whole whole,
             const LinkCounters& uplink, const LinkCounters& downlink) {
  const std::string down_percent = percent(down, whole(downlink));
  text += fmt::format("  {:<14} {:>11} {:>7} {:>11}", name, up, percent(up, whole(uplink)), down);
  text += down_percent.empty() ? "\n" : fmt::format(" {:>7}\n", down_percent);
}

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

std::string path_table(const RunReport& report) {
  const LinkCounters& up = report.uplink;
  const LinkCounters& down = report.downlink;
  std::string text =
      fmt::format("  {:<14} {:>11} {:>7} {:>11}\n", "datagrams", "uplink", "", "downlink");
  text += fmt::format("  {:<14} {:>11} {:>7} {:>11}\n", "offered", up.offered, "", down.offered);
  add_row(text, "delivered", up.delivered, down.delivered, offered, up, down);
  add_row(text, "lost", up.lost(), down.lost(), offered, up, down);
  for (std::size_t i = 1; i < kLossReasonCount; ++i) {
    if (up.lost_by[i] + down.lost_by[i] == 0) continue;
    const std::string name = fmt::format("  by {}", to_string(static_cast<LossReason>(i)));
    add_row(text, name.c_str(), up.lost_by[i], down.lost_by[i], offered, up, down);
  }
  add_row(text, "duplicated", up.duplicated, down.duplicated, delivered, up, down);
  if (up.copies_dropped + down.copies_dropped > 0) {
    add_row(text, "copies lost", up.copies_dropped, down.copies_dropped, copies, up, down);
  }
  if (up.held_back + down.held_back > 0) {
    add_row(text, "held back", up.held_back, down.held_back, copies, up, down);
  }
  add_row(text, "reordered", up.reordered, down.reordered, delivered, up, down);
  add_row(text, "corrupted", up.corrupted, down.corrupted, copies, up, down);
  if (up.truncated + down.truncated > 0) {
    add_row(text, "truncated", up.truncated, down.truncated, copies, up, down);
  }
  return text;
}

}  // namespace

std::string summary_text(const RunReport& report) {
  const GreeterResult& result = report.result;
  std::string text = path_table(report) + '\n';
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
  text += fmt::format("  {:<14} {} virtual, {} real\n", "time", readable(report.virtual_time),
                      readable(report.wall_time));
  if (report.seed) text += fmt::format("  {:<14} {}\n", "seed", *report.seed);
  if (report.seeds) {
    text += fmt::format("  {:<14} {} uplink, {} downlink\n", "seeds", report.seeds->uplink,
                        report.seeds->downlink);
  }
  if (report.interrupted) {
    text += fmt::format("\n  Interrupted: {} of {} requests had ended.\n",
                        result.greeted + result.gave_up, report.requests);
  }
  for (const std::string& note : report.notes) text += "\n  Note: " + note + '\n';
  text += "\nThe same run again: " + report.reproduce + '\n';
  return text;
}

std::string summary_json(const RunReport& report) {
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
  json["uplink"] = json_of(report.uplink);
  json["downlink"] = json_of(report.downlink);
  json["rtt_ms"] = rtt_ms_json(result.rtt);
  json["virtual_seconds"] = in_seconds(report.virtual_time);
  json["wall_seconds"] = in_seconds(report.wall_time);
  if (report.interrupted) json["interrupted"] = true;
  return json.dump() + '\n';
}

}  // namespace lossy
