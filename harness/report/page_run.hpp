// One run as a page takes it: see page/README.md, which describes all of it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include <lossy/harness/link/settings.hpp>
#include <lossy/harness/link/timeline.hpp>
#include <lossy/harness/report/page_collector.hpp>
#include <lossy/harness/report/summary.hpp>

namespace lossy {

// What a path was asked to do.
struct PagePath {
  const Timeline<LinkSettings>* uplink = nullptr;
  const Timeline<LinkSettings>* downlink = nullptr;
  std::size_t header_bytes = 28;
  bool listed = false;  // Fates come from a list: nothing is lost by chance.
};

using PageFact = std::pair<std::string, std::string>;  // "greeted", "3 of 3".

// Of a run. Uses up what was collected.
nlohmann::ordered_json page_run(const RunReport& report, PageCollector& collector,
                                const PagePath& path);
// Of what nobody asked for here.
nlohmann::ordered_json page_run(const LinkCounters& uplink, const LinkCounters& downlink,
                                PageCollector& collector, const PagePath& path,
                                const std::vector<PageFact>& facts,
                                const std::vector<std::string>& notes);

// The whole: one object for a page.
struct PageHead {
  std::string command;    // "simulate".
  std::string reproduce;  // The command that gives it again.
  std::string seed{};     // In words; empty when nothing was left to chance.
  std::string program;    // "lossy 0.1.0".
};
nlohmann::ordered_json page_data(const PageHead& head, nlohmann::ordered_json runs);

}  // namespace lossy
