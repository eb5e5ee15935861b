#include <lossy/harness/report/page_run.hpp>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <lossy/core/counted.hpp>
#include <lossy/harness/report/link_words.hpp>
#include <lossy/harness/report/loss_runs.hpp>
#include <lossy/harness/report/page_tables.hpp>
#include <lossy/harness/report/readable.hpp>

namespace lossy {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kRunLengths = 64;

Json way_json(const Timeline<LinkSettings>* way, const PagePath& path) {
  if (way == nullptr) return {};
  const LinkSettings& settings = way->phases().front().value;
  Json words = words_of(settings, path_figures(settings), path.header_bytes);
  if (way->phases().size() > 1) {
    words.push_back("changes " + counted(way->phases().size() - 1, "time"));
  }
  Json json{{"words", std::move(words)}};
  // What changes on the way has no one model.
  if (!path.listed && way->phases().size() == 1) {
    json["loss_run_shares"] = loss_run_shares(settings, kRunLengths);
  }
  return json;
}

Json links_run(const LinkCounters& uplink, const LinkCounters& downlink, PageCollector& collector,
               const PagePath& path, const std::vector<std::string>& notes,
               const std::vector<PageFact>& facts, const Histogram* round_trips) {
  const PageCollector::Result metrics = collector.finish();
  Json run{{"name", ""}, {"facts", facts}, {"notes", notes}};
  run["tables"] = {links_table(uplink, downlink),
                   path_table(metrics.uplink, metrics.downlink, false)};
  run["path"] = {{"uplink", way_json(path.uplink, path)},
                 {"downlink", way_json(path.downlink, path)}};
  run["round_trips"] = round_trips != nullptr
                           ? page_histogram(*round_trips, "Round-trip time")
                           : page_histogram(metrics.response_times, "Response time");
  collector.ladder().add_to(run);
  return run;
}

}  // namespace

Json page_run(const RunReport& report, PageCollector& collector, const PagePath& path) {
  const RunFigures& figures = report.figures;
  std::vector<PageFact> facts;
  for (const RunFigures::Count& count : figures.counts) {
    if (!count.words.empty()) facts.emplace_back(count.words, text_of(count, figures.asked));
  }
  if (figures.rtt && figures.rtt->count() > 0) {
    facts.emplace_back("RTT, median", readable(figures.rtt->quantile(1, 2)));
    facts.emplace_back("RTT, 99%", readable(figures.rtt->quantile(99, 100)));
  }
  if (report.virtual_time) {
    facts.emplace_back("virtual time", readable(*report.virtual_time));
  } else {
    facts.emplace_back("time", readable(report.wall_time));
  }
  std::vector<std::string> notes = report.notes;
  if (report.does_not_hold) {
    notes.push_back(fmt::format("ended by a property that does not hold: {}: {}.",
                                report.does_not_hold->name, report.does_not_hold->sentence));
  }
  if (report.lost_by_system.value_or(0) > 0) {
    notes.push_back(fmt::format("the operating system lost {} beside what the links did.",
                                counted(*report.lost_by_system, "datagram")));
  }
  if (!report.stopped_by.empty()) {
    notes.push_back(fmt::format("interrupted by {}: {} of {} had ended.", report.stopped_by,
                                figures.ended, counted(figures.asked, report.call)));
  }
  return links_run(report.uplink, report.downlink, collector, path, notes, facts,
                   figures.rtt ? &*figures.rtt : nullptr);
}

Json page_run(const LinkCounters& uplink, const LinkCounters& downlink, PageCollector& collector,
              const PagePath& path, const std::vector<PageFact>& facts,
              const std::vector<std::string>& notes) {
  return links_run(uplink, downlink, collector, path, notes, facts, nullptr);
}

Json page_data(const PageHead& head, Json runs) {
  return {{"version", 1},      {"command", head.command}, {"reproduce", head.reproduce},
          {"seed", head.seed}, {"program", head.program}, {"runs", std::move(runs)}};
}

}  // namespace lossy
