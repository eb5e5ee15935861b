// Which datagrams were sent ahead of the others, and which were held back: groups of delays with a
// gap between them.
//
// 1. netem's reorder sends datagrams without the delay: a few that took next to no time.
// 2. A hold adds one and the same time to some: a few that took longer, and differ among themselves
//    as the others do.
// 3. A gap counts that is wider than half of what the others differ. Where jitter fills it, the two
//    are one distribution, which as a table does the same to datagrams.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <lossy/harness/fit/delay_samples.hpp>
#include <lossy/harness/fit/numbers.hpp>

namespace lossy {

struct DelayGroups {
  // A group is three datagrams at least.
  static constexpr std::size_t kGroupMin = 3;

  std::size_t early = 0;  // How many, and below which delay they are.
  Duration early_below = Duration::min();
  std::size_t held = 0;  // How many, and from which delay on they are.
  Duration held_from = Duration::max();

  bool is_early(Duration delay) const { return delay < early_below; }
  bool is_held(Duration delay) const { return delay >= held_from; }
  bool is_usual(Duration delay) const { return !is_early(delay) && !is_held(delay); }
};

// Of delays from the least to the longest.
DelayGroups find_groups(std::span<const Duration> delays);

// As Early in harness/link/early.hpp: each may jump once gap - 1 before it did not.
struct EarlyFit {
  Estimate share;  // Of all.
  Estimate probability;
  std::uint64_t gap = 1;
};
EarlyFit fit_early(const std::vector<DelaySamples>& flows, const DelayGroups& groups);

struct HoldFit {
  Estimate share;
  Estimate nanoseconds;  // How long they are held back.
};
HoldFit fit_hold(std::span<const Duration> delays, const DelayGroups& groups);

}  // namespace lossy
