// What a run of a scenario came to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <lossy/core/protocol.hpp>
#include <lossy/harness/cli/scenario.hpp>
#include <lossy/harness/link/link.hpp>
#include <lossy/harness/report/summary.hpp>

namespace lossy {

// `uplink` and `downlink` are the links' and `end` is when the run ended. What only the network and
// the command know is left to them.
RunReport run_report(const Scenario& scenario, const ProtocolRun& run, const LinkCounters& uplink,
                     const LinkCounters& downlink, Instant end);

// What went to nobody: datagrams to, or from, addresses that no host has, and those that came to
// ports that nobody had open.
void add_undelivered(RunReport& report, std::uint64_t unroutable, std::uint64_t refused);

// What is said of a script's operations that found nothing to do.
std::string idle_note(std::size_t idle, std::size_t operations);

}  // namespace lossy
