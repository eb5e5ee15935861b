#include <lossy/harness/cli/tool_notes.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <utility>

namespace lossy {
namespace {

// Fewer flows of one datagram may be as many clients that had no more to say.
constexpr std::uint64_t kFlowsOfOneMin = 10;

constexpr std::array kDirections{Direction::kUplink, Direction::kDownlink};

// iperf takes what is not in order for something that it had counted as lost.
void add_iperf(const ToolRun& run, std::vector<std::string>& notes) {
  const std::string name = std::filesystem::path(run.command).filename();
  if (run.counters.flows_of_iperf == 0 && !name.starts_with("iperf")) return;
  for (const Direction direction : kDirections) {
    const LinkCounters& link =
        direction == Direction::kUplink ? run.counters.uplink : run.counters.downlink;
    const std::uint64_t hidden = std::min(link.lost(), link.duplicated);
    if (hidden == 0) continue;
    notes.push_back(
        fmt::format("{}: iperf takes a second copy for a datagram that was only late: of the {} "
                    "lost it may report {} too few.",
                    to_string(direction), link.lost(), hidden));
  }
}

// What takes several datagrams of one flow to show.
std::vector<std::string_view> settings_of_flows(const ToolRun& run) {
  std::vector<std::string_view> names;
  const auto add = [&](std::string_view name, auto is_set) {
    const auto says = [&](const Timeline<LinkSettings>& way) {
      return std::ranges::any_of(way.phases(),
                                 [&](const auto& phase) { return is_set(phase.value); });
    };
    if (says(run.uplink) || says(run.downlink)) names.push_back(name);
  };
  add("a rate", [](const LinkSettings& settings) {
    return settings.rate.value_or(RateLimit{}).bits_per_second > 0;
  });
  add("a trace",
      [](const LinkSettings& settings) { return settings.trace.value_or(nullptr) != nullptr; });
  add("slots",
      [](const LinkSettings& settings) { return settings.slots.value_or(Slots{}).enabled; });
  add("losing every N-th", [](const LinkSettings& settings) {
    return settings.loss && std::holds_alternative<EveryNthLoss>(*settings.loss);
  });
  add("losses in runs", [](const LinkSettings& settings) {
    return settings.loss && (std::holds_alternative<GilbertElliott>(*settings.loss) ||
                             std::holds_alternative<FourStateLoss>(*settings.loss));
  });
  add("reordering", [](const LinkSettings& settings) {
    return settings.reorder && !settings.reorder->probability.is_zero();
  });
  return names;
}

void add_flows_of_one(const ToolRun& run, std::vector<std::string>& notes) {
  const std::uint64_t of_one = run.counters.flows_of_one;
  if (of_one < kFlowsOfOneMin || of_one * 10 < run.counters.flows * 9) return;
  const std::vector<std::string_view> settings = settings_of_flows(run);
  if (settings.empty()) return;
  notes.push_back(
      fmt::format("{} of {} flows had one datagram from their client, as when a program takes a "
                  "new port for each: each flow has a path of its own, on which {} cannot show.",
                  of_one, run.counters.flows, fmt::join(settings, ", ")));
}

void add_emptied(const ToolRun& run, std::vector<std::string>& notes) {
  for (const Direction direction : kDirections) {
    const std::uint64_t emptied = run.counters.emptied[static_cast<std::size_t>(direction)];
    if (emptied == 0) continue;
    notes.push_back(fmt::format(
        "{}: truncation left no byte of {}: a {} that takes nothing for the end may have ended.",
        to_string(direction), emptied, direction == Direction::kUplink ? "server" : "client"));
  }
}

}  // namespace

std::vector<std::string> tool_notes(const ToolRun& run) {
  std::vector<std::string> notes;
  add_iperf(run, notes);
  add_flows_of_one(run, notes);
  add_emptied(run, notes);
  return notes;
}

}  // namespace lossy
