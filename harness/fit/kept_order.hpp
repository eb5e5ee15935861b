// Whether a path lets no datagram pass another, and what that hides of its delays.
//
// A link that keeps the order lets a datagram that would pass another arrive with it. That it would
// have been earlier is all that is known of its delay then: it is at most so long. The distribution
// is estimated from both kinds as Kaplan and Meier do ("Nonparametric estimation from incomplete
// observations", 1958), with time turned round.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <lossy/core/clock.hpp>

namespace lossy {

// A datagram that arrived, in the order of sending.
struct OrderSample {
  Instant arrived;
  Duration delay{};  // Without the time on a line.
};

struct KeptOrder {
  std::uint64_t reordered = 0;  // Arrived behind a later one.
  double expected = 0;          // How many would be, if each had the delay of any other.
  std::uint64_t pushed = 0;     // Arrived together with an earlier one.

  // None was reordered, which would be a wonder.
  bool is_kept() const { return reordered == 0 && expected >= 10; }
};

// `flow` is one flow; what is found is added up.
void look_at_order(std::span<const OrderSample> flow, KeptOrder& order);

// As many delays as there are samples, from the least to the longest: the distribution's quantiles.
std::vector<Duration> unpushed_delays(const std::vector<std::vector<OrderSample>>& flows);

}  // namespace lossy
