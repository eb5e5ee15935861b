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

// A line of the summary.
std::string row(std::string_view words, std::string_view value) {
  return fmt::format("  {:<14} {}\n", words, value);
}

}  // namespace

std::string text_of(const RunFigures::Count& count, std::uint64_t asked) {
  return count.is_of_all ? fmt::format("{} of {}", count.count, asked)
                         : std::to_string(count.count);
}

std::string summary_text(const RunReport& report) {
  const RunFigures& figures = report.figures;
  std::string text = links_text(report.uplink, report.downlink) + '\n';
  for (const RunFigures::Count& count : figures.counts) {
    if (!count.words.empty()) text += row(count.words, text_of(count, figures.asked));
  }
  for (const RunFigures::List& counts : figures.lists) {
    std::string list;
    for (const auto& [name, count] : counts.counts) add_count(list, name, count);
    if (!list.empty()) text += row(counts.words, list);
  }
  for (const auto& [name, reached] : report.reached) {
    text += row(reached ? "reached" : "not reached", name);
  }
  if (figures.rtt && figures.rtt->count() > 0) {
    text += row("RTT", fmt::format("median {}, p99 {}", readable(figures.rtt->quantile(1, 2)),
                                   readable(figures.rtt->quantile(99, 100))));
  }
  text += row("time", (report.virtual_time ? readable(*report.virtual_time) + " virtual, " : "") +
                          readable(report.wall_time) + " real");
  if (report.seed) text += row("seed", std::to_string(*report.seed));
  if (report.seeds) {
    text += row("seeds", fmt::format("{} uplink, {} downlink", report.seeds->uplink,
                                     report.seeds->downlink));
  }
  if (report.lost_by_system.value_or(0) > 0) {
    text += fmt::format("\n  Note: the operating system lost {} beside what the links did.\n",
                        counted(*report.lost_by_system, "datagram"));
  }
  if (!report.stopped_by.empty() && figures.asked == 0) {
    text += fmt::format("\n  Stopped by {}.\n", report.stopped_by);
  } else if (!report.stopped_by.empty()) {
    text += fmt::format("\n  Interrupted by {}: {} of {} had ended.\n", report.stopped_by,
                        figures.ended, counted(figures.asked, report.call));
  }
  if (report.does_not_hold) {
    text += fmt::format("\n  Ended there, whatever was under way: {}: {} does not hold.\n",
                        report.does_not_hold->name, report.does_not_hold->sentence);
  }
  for (const std::string& note : report.notes) text += "\n  Note: " + note + '\n';
  text += "\nThe same run again: " + report.reproduce + '\n';
  return text;
}

nlohmann::ordered_json summary_json(const RunReport& report) {
  const RunFigures& figures = report.figures;
  nlohmann::ordered_json json;
  json["command"] = report.command;
  if (!report.protocol.empty()) json["protocol"] = report.protocol;
  json["seed"] = report.seed ? nlohmann::ordered_json(*report.seed) : nlohmann::ordered_json();
  if (report.seeds) {
    json["seeds"] = {{"uplink", report.seeds->uplink}, {"downlink", report.seeds->downlink}};
  }
  for (const RunFigures::Count& count : figures.counts) {
    json[std::string(count.name)] = count.count;
  }
  json["uplink"] = link_json(report.uplink);
  json["downlink"] = link_json(report.downlink);
  if (report.virtual_time) {
    if (figures.rtt) json["rtt_ms"] = rtt_ms_json(*figures.rtt);
    json["virtual_seconds"] = in_seconds(*report.virtual_time);
  }
  for (const auto& [name, reached] : report.reached) json["reached"][name] = reached;
  if (report.does_not_hold) {
    json["does_not_hold"] = {{"name", report.does_not_hold->name},
                             {"sentence", report.does_not_hold->sentence}};
  }
  if (report.lost_by_system) json["lost_by_system"] = *report.lost_by_system;
  if (!report.stopped_by.empty()) json["stopped_by"] = report.stopped_by;
  json["notes"] = report.notes;
  json["reproduce"] = report.reproduce;
  nlohmann::ordered_json& timing = json["timing"];
  if (!report.virtual_time && figures.rtt) timing["rtt_ms"] = rtt_ms_json(*figures.rtt);
  timing["wall_seconds"] = in_seconds(report.wall_time);
  return json;
}

}  // namespace lossy
