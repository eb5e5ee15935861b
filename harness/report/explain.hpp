// --explain: what a path does, in plain words, as a netem line, and in figures computed from its
// models; and where netem would do otherwise with the same words.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include <lossy/harness/link/direction.hpp>
#include <lossy/harness/link/settings.hpp>
#include <lossy/harness/link/timeline.hpp>
#include <lossy/harness/report/path_figures.hpp>

namespace lossy {

struct PhaseExplanation {
  std::optional<Duration> start;       // Nothing for what holds from the beginning.
  std::string netem;                   // Read again by parse_netem(), it gives the same settings.
  std::vector<std::string> own_words;  // Words in it that tc does not know.
  std::vector<std::string> words;      // Sentences without full stops.
  PathFigures figures;
  bool may_wait = false;             // For a rate, a slot or the one in front: not in the figures.
  std::vector<std::string> differs;  // Where netem would do otherwise, and by how much.
};

struct WayExplanation {
  Direction direction{};
  std::vector<PhaseExplanation> phases;  // At least one.
  std::string timeline;                  // What comes later, as parse_timeline() reads it.
  std::vector<Outage> outages;
};

// `header_bytes` is 28 for IPv4 and 48 for IPv6.
WayExplanation explain(Direction direction, const Timeline<LinkSettings>& settings,
                       std::size_t header_bytes);

// One phase by itself.
PhaseExplanation explain(const LinkSettings& settings, std::size_t header_bytes);

std::string explanation_text(const WayExplanation& uplink, const WayExplanation& downlink);
// An object for each direction.
nlohmann::ordered_json explanation_json(const WayExplanation& uplink,
                                        const WayExplanation& downlink);

}  // namespace lossy
