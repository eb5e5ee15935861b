// The delays that a fit looks at.
#pragma once

#include <cstdint>
#include <vector>

#include <lossy/core/clock.hpp>

namespace lossy {

// That of a datagram of which one copy arrived, and which one it is, counted from 0 in the order of
// sending. (Of several copies the first to arrive is early for its kind.)
struct DelaySample {
  std::uint64_t number = 0;
  Duration delay{};
};

// Of one flow, by rising numbers.
using DelaySamples = std::vector<DelaySample>;

// All of them, from the least to the longest.
std::vector<Duration> sorted_delays(const std::vector<DelaySamples>& flows);

}  // namespace lossy
