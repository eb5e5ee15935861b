#include <lossy/harness/cli/greeting_report.hpp>

#include <lossy/harness/report/link_notes.hpp>

namespace lossy {

RunReport greeting_report(const Scenario& scenario, const Greeter& greeter, const Server& server,
                          const Link& uplink, const Link& downlink, Instant end) {
  const PathOptions& path = scenario.path();
  RunReport report{.command = {},
                   .seed = {},
                   .requests = greeter.requests(),
                   .result = greeter.result(),
                   .client = greeter.client().counters(),
                   .server = server.counters(),
                   .uplink = uplink.counters(),
                   .downlink = downlink.counters(),
                   .reproduce = {}};
  if (path.is_random()) {
    report.seed = path.common_seed();
    if (!report.seed) {
      report.seeds = {path.seed(Direction::kUplink), path.seed(Direction::kDownlink)};
    }
  }
  report.notes = link_notes({path.settings(Direction::kUplink), report.uplink},
                            {path.settings(Direction::kDownlink), report.downlink},
                            {.faults = path.faults() ? &*path.faults() : nullptr,
                             .end = end,
                             .to_have_more = "more greetings at a time (--window, --interval)"});
  return report;
}

}  // namespace lossy
