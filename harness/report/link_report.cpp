#include <lossy/harness/report/link_report.hpp>

#include <fmt/format.h>

#include <lossy/harness/report/readable.hpp>

namespace lossy {
namespace {

// What a counter is a part of, so that the percentage is the one that was asked for.
using Whole = std::uint64_t (*)(const LinkCounters&);

std::uint64_t offered(const LinkCounters& link) {
  return link.offered;
}
std::uint64_t delivered(const LinkCounters& link) {
  return link.delivered;
}
std::uint64_t copies(const LinkCounters& link) {
  return link.delivered + link.duplicated;
}

void add_row(std::string& text, const char* name, std::uint64_t up, std::uint64_t down, Whole whole,
             const LinkCounters& uplink, const LinkCounters& downlink) {
  const std::string down_percent = percent(down, whole(downlink));
  text += fmt::format("  {:<14} {:>11} {:>7} {:>11}", name, up, percent(up, whole(uplink)), down);
  text += down_percent.empty() ? "\n" : fmt::format(" {:>7}\n", down_percent);
}

}  // namespace

nlohmann::ordered_json link_json(const LinkCounters& link) {
  nlohmann::ordered_json lost_by = nlohmann::ordered_json::object();
  for (std::size_t i = 0; i < kLossReasonCount; ++i) {
    lost_by[std::string(to_string(static_cast<LossReason>(i)))] = link.lost_by[i];
  }
  return {{"offered", link.offered},
          {"delivered", link.delivered},
          {"lost", link.lost()},
          {"lost_by", lost_by},
          {"duplicated", link.duplicated},
          {"copies_dropped", link.copies_dropped},
          {"held_back", link.held_back},
          {"early", link.early},
          {"reordered", link.reordered},
          {"corrupted", link.corrupted},
          {"truncated", link.truncated},
          {"flips_missed", link.flips_missed},
          {"cuts_missed", link.cuts_missed}};
}

std::string links_text(const LinkCounters& up, const LinkCounters& down) {
  std::string text =
      fmt::format("  {:<14} {:>11} {:>7} {:>11}\n", "datagrams", "uplink", "", "downlink");
  text += fmt::format("  {:<14} {:>11} {:>7} {:>11}\n", "offered", up.offered, "", down.offered);
  add_row(text, "delivered", up.delivered, down.delivered, offered, up, down);
  add_row(text, "lost", up.lost(), down.lost(), offered, up, down);
  for (std::size_t i = 1; i < kLossReasonCount; ++i) {
    if (up.lost_by[i] + down.lost_by[i] == 0) continue;
    const std::string name = fmt::format("  by {}", to_string(static_cast<LossReason>(i)));
    add_row(text, name.c_str(), up.lost_by[i], down.lost_by[i], offered, up, down);
  }
  add_row(text, "duplicated", up.duplicated, down.duplicated, delivered, up, down);
  if (up.copies_dropped + down.copies_dropped > 0) {
    add_row(text, "copies lost", up.copies_dropped, down.copies_dropped, copies, up, down);
  }
  if (up.held_back + down.held_back > 0) {
    add_row(text, "held back", up.held_back, down.held_back, copies, up, down);
  }
  if (up.early + down.early > 0) add_row(text, "early", up.early, down.early, copies, up, down);
  add_row(text, "reordered", up.reordered, down.reordered, delivered, up, down);
  add_row(text, "corrupted", up.corrupted, down.corrupted, copies, up, down);
  if (up.truncated + down.truncated > 0) {
    add_row(text, "truncated", up.truncated, down.truncated, copies, up, down);
  }
  return text;
}

}  // namespace lossy
