#include <lossy/harness/cli/run_report.hpp>

#include <lossy/core/counted.hpp>
#include <lossy/harness/report/link_notes.hpp>

namespace lossy {

RunReport run_report(const Scenario& scenario, const ProtocolRun& run, const LinkCounters& uplink,
                     const LinkCounters& downlink, Instant end) {
  const PathOptions& path = scenario.path();
  const Protocol& protocol = scenario.protocol();
  RunReport report{.command = {},
                   .protocol = {},
                   .seed = {},
                   .call = protocol.call,
                   .figures = run.figures(),
                   .uplink = uplink,
                   .downlink = downlink,
                   .reproduce = {}};
  if (scenario.is_random()) {
    report.seed = path.common_seed();
    if (!report.seed) {
      report.seeds = {path.seed(Direction::kUplink), path.seed(Direction::kDownlink)};
    }
  }
  report.notes = link_notes({path.settings(Direction::kUplink), report.uplink},
                            {path.settings(Direction::kDownlink), report.downlink},
                            {.faults = path.faults() ? &*path.faults() : nullptr,
                             .end = end,
                             .to_have_more = protocol.to_have_more});
  return report;
}

void add_undelivered(RunReport& report, std::uint64_t unroutable, std::uint64_t refused) {
  if (unroutable > 0) {
    report.notes.push_back(counted(unroutable, "datagram") +
                           " had an address that no host has: nobody got them.");
  }
  if (refused > 0) {
    report.notes.push_back(
        counted(refused, "datagram") +
        " came to a port that nobody had open any more, and the sender was told.");
  }
}

std::string idle_note(std::size_t idle, std::size_t operations) {
  return std::to_string(idle) + " of the script's " + counted(operations, "operation") +
         " found nothing to do";
}

}  // namespace lossy
