// What a run came to: one screen that a newcomer understands, or one JSON object with stable names.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lossy/core/protocol.hpp>
#include <lossy/harness/link/link.hpp>

namespace lossy {

struct RunReport {
  std::string command;                // "simulate".
  std::string protocol{};             // Of any but the first that there is.
  std::optional<std::uint64_t> seed;  // Nothing when nothing was random.
  // Instead of the seed, when the directions have different ones.
  struct Seeds {
    std::uint64_t uplink = 0;
    std::uint64_t downlink = 0;
  };
  std::optional<Seeds> seeds{};
  std::string call = "call";  // What the application made: Protocol::call.
  RunFigures figures;
  // The property that did not hold, which ended the run.
  std::optional<Property> does_not_hold{};
  // Properties that hold sometimes, by name, and whether they did; none where there are none.
  std::vector<std::pair<std::string, bool>> reached{};
  LinkCounters uplink;
  LinkCounters downlink;
  std::optional<Duration> virtual_time{};  // Nothing when the run took real time only.
  Duration wall_time{};
  // Datagrams that the operating system lost beside what the links did. Nothing when there is none.
  std::optional<std::uint64_t> lost_by_system{};
  std::string_view stopped_by{};  // The signal that ended the run before its requests did.
  std::string reproduce;          // The command that gives the same run again.
  // Sentences about settings that had no effect in this run, and the like.
  std::vector<std::string> notes{};
};

// "3", or "3 of 5".
std::string text_of(const RunFigures::Count& count, std::uint64_t asked);

std::string summary_text(const RunReport& report);
// What a real clock measured stands under "timing": the rest is the same whenever the run is.
nlohmann::ordered_json summary_json(const RunReport& report);

}  // namespace lossy
