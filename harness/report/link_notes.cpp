#include <lossy/harness/report/link_notes.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include <lossy/core/counted.hpp>

namespace lossy {
namespace {

std::uint64_t lost_by(const LinkRun& way, LossReason reason) {
  return way.counters.lost_by[static_cast<std::size_t>(reason)];
}

const std::optional<std::vector<Outage>>& outages_of(const LinkRun& way) {
  return way.settings.phases().front().value.outages;
}

class Notes {
 public:
  Notes(Direction direction, const LinkRun& way, const LinkRun& other, const RunNotes& run,
        std::vector<std::string>& notes)
      : direction_(direction), way_(way), other_(other), run_(run), notes_(notes) {}

  void add_all() {
    add_order();
    add_faults();
    add_bounds();
    add_times();
  }

 private:
  void add(std::string_view text) {
    notes_.push_back(fmt::format("{}: {}", to_string(direction_), text));
  }
  void add(std::uint64_t count, std::string_view one, std::string_view more,
           const std::string& rest) {
    if (count > 0) add(counted(count, one, more) + rest);
  }
  template <typename Holds>
  bool at_any_time(Holds holds) const {
    const auto& phases = way_.settings.phases();
    return std::any_of(phases.begin(), phases.end(),
                       [&](const auto& phase) { return holds(phase.value); });
  }

  void add_order() {
    const LinkCounters& link = way_.counters;
    if (link.reordered > 0) return;
    add(link.held_back, "was held back, but nothing came to pass it",
        "were held back, but nothing came to pass them",
        "; " + run_.to_have_more + " or holding back for longer would show reordering.");
    add(link.early, "was sent early", "were sent early",
        ", but there was nothing to pass; " + run_.to_have_more +
            " or a longer delay would show reordering.");
  }

  void add_faults() {
    const LinkCounters& link = way_.counters;
    add(link.flips_missed, "flipped bit", "flipped bits", " lay beyond the end of a payload.");
    add(link.cuts_missed, "cut", "cuts", " lay at the end of a payload or beyond it.");
    const std::uint64_t beyond =
        run_.faults == nullptr ? 0 : run_.faults->count_beyond(direction_, link.offered);
    add(beyond + way_.faults_missed, "of the faults was for a datagram that was",
        "of the faults were for datagrams that were", " never sent.");
  }

  void add_bounds() {
    if (const std::uint64_t lost = lost_by(way_, LossReason::kInFlight); lost > 0) {
      const bool asked =
          at_any_time([](const LinkSettings& settings) { return settings.in_flight.has_value(); });
      add(lost, "was lost", "were lost",
          asked ? std::string(" because more than the limit were under way.")
                : fmt::format(" because lossy keeps no more than {} datagrams, or {} bytes, in "
                              "flight each way.",
                              LinkOptions{}.in_flight_max, LinkOptions{}.in_flight_bytes_max));
    }
    if (at_any_time([](const LinkSettings& s) { return s.mtu_bytes.value_or(0) > 0; }) &&
        lost_by(way_, LossReason::kMtu) == 0) {
      add("no datagram was larger than the MTU.");
    }
  }

  void add_times() {
    // Where both directions share an outage, and it kept requests away, there are no answers to
    // lose.
    const auto& outages = outages_of(way_);
    const bool kept_away =
        outages == outages_of(other_) && lost_by(other_, LossReason::kOutage) > 0;
    if (outages && !outages->empty() && lost_by(way_, LossReason::kOutage) == 0 && !kept_away) {
      add("nothing was sent during an outage.");
    }
    const auto& last = way_.settings.phases().back();
    if (last.start > run_.end) {
      add(fmt::format("the run ended after {}, before the timeline came to {}.",
                      format_duration(run_.end - Instant{}),
                      format_duration(last.start - Instant{})));
    }
  }

  Direction direction_;
  const LinkRun& way_;
  const LinkRun& other_;
  const RunNotes& run_;
  std::vector<std::string>& notes_;
};

}  // namespace

std::vector<std::string> link_notes(const LinkRun& uplink, const LinkRun& downlink,
                                    const RunNotes& run) {
  std::vector<std::string> notes;
  Notes(Direction::kUplink, uplink, downlink, run, notes).add_all();
  Notes(Direction::kDownlink, downlink, uplink, run, notes).add_all();
  return notes;
}

}  // namespace lossy
