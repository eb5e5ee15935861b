// Sentences about what was asked of a path and did not happen in a run, or happened because of what
// nobody asked for.
#pragma once

#include <string>
#include <vector>

#include <lossy/harness/link/fault_list.hpp>
#include <lossy/harness/link/link.hpp>
#include <lossy/harness/link/settings.hpp>

namespace lossy {

// One direction of a path, and what it did.
struct LinkRun {
  const Timeline<LinkSettings>& settings;
  const LinkCounters& counters;
  // Of the links of many flows: how many of the faults were for datagrams that were never sent.
  std::uint64_t faults_missed = 0;
};

struct RunNotes {
  const FaultList* faults = nullptr;  // Nothing when fates are random, or there are many flows.
  Instant end{};                      // When the run ended.
  // What would bring more datagrams onto the way at a time: "more greetings at a time (--window)".
  std::string to_have_more;
};

std::vector<std::string> link_notes(const LinkRun& uplink, const LinkRun& downlink,
                                    const RunNotes& run);

}  // namespace lossy
