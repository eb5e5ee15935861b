// Random numbers that are the same bytes on every machine, compiler and optimisation level.
//
// A stream is a key; its n-th number is a function of key and n alone (SplitMix64: Steele, Lea and
// Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014). So a decision about the
// n-th datagram never depends on how many numbers anything else has drawn.
// Distributions map one 64-bit draw to one value with integers only: a fixed number of draws a
// value.
#pragma once

#include <cstdint>

#include <lossy/core/check.hpp>
#include <lossy/core/clock.hpp>

namespace lossy {

__extension__ typedef unsigned __int128 Uint128;

class RandomStream {
 public:
  constexpr explicit RandomStream(std::uint64_t key) : key_(key) {}

  // The n-th number, uniform over all 64-bit values. n = 1 is the first that SplitMix64 gives when
  // seeded with the key.
  constexpr std::uint64_t at(std::uint64_t n) const { return mix(key_ + n * kGamma); }

  // A stream of its own for the n-th of anything: a direction, an impairment, a copy.
  constexpr RandomStream stream(std::uint64_t n) const { return RandomStream(mix(~at(n))); }

 private:
  static constexpr std::uint64_t kGamma = 0x9E3779B97F4A7C15;

  static constexpr std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }

  std::uint64_t key_;
};

// A number in [0, bound), uniform to within bound / 2^64. A bound of 0 gives 0.
constexpr std::uint64_t uniform_below(std::uint64_t draw, std::uint64_t bound) {
  return static_cast<std::uint64_t>((Uint128{draw} * bound) >> 64);
}

// A duration in [-spread, spread], every nanosecond of it equally likely. `spread` is 0 to
// kDurationMax.
constexpr Duration uniform_spread(std::uint64_t draw, Duration spread) {
  const auto values = 2 * static_cast<std::uint64_t>(spread.count()) + 1;
  return Duration(static_cast<Duration::rep>(uniform_below(draw, values))) - spread;
}

// A probability as an integer threshold in units of 2^-63, so that 0 and 1 are exact.
class Probability {
 public:
  static constexpr std::uint64_t kOne = std::uint64_t{1} << 63;

  constexpr Probability() = default;

  // The nearest threshold to numerator / denominator, which must lie in [0, 1].
  static constexpr Probability ratio(std::uint64_t numerator, std::uint64_t denominator) {
    check(denominator > 0 && numerator <= denominator, "Probability::ratio: outside [0, 1]");
    Probability probability;
    probability.threshold_ =
        static_cast<std::uint64_t>((Uint128{numerator} * kOne + denominator / 2) / denominator);
    return probability;
  }

  // Whether the event happens, given one uniform draw.
  constexpr bool happens(std::uint64_t draw) const { return (draw >> 1) < threshold_; }

  constexpr std::uint64_t threshold() const { return threshold_; }
  constexpr bool is_zero() const { return threshold_ == 0; }

  friend constexpr bool operator==(Probability, Probability) = default;

 private:
  std::uint64_t threshold_ = 0;
};

}  // namespace lossy
