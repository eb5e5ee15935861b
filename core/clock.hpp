// Time as every part of lossy knows it: integer nanoseconds on a clock that nobody can read.
#pragma once

#include <chrono>
#include <cstdint>

namespace lossy {

// A clock without now(): code that takes an Instant cannot read real time, even by mistake.
// Its epoch is whatever the driver says it is: the start of a simulation, or the real clock's own.
struct Clock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = std::chrono::duration<rep, period>;
  using time_point = std::chrono::time_point<Clock, duration>;
  static constexpr bool is_steady = true;
};

using Duration = Clock::duration;
using Instant = Clock::time_point;

// The longest time that an option may ask for, about 31.7 years. Small enough that sums of an
// Instant and a few of them stay far from overflow, as long as nobody simulates centuries.
inline constexpr Duration kDurationMax = std::chrono::seconds(1'000'000'000);

// `a + b`, but never past the last Instant there is: times may come from hostile input.
constexpr Instant saturating_add(Instant a, Duration b) {
  Duration::rep sum = 0;
  if (__builtin_add_overflow(a.time_since_epoch().count(), b.count(), &sum)) {
    return b < Duration::zero() ? Instant::min() : Instant::max();
  }
  return Instant(Duration(sum));
}

// The time from `from` to `to`, but never more than a Duration can hold.
constexpr Duration saturating_between(Instant from, Instant to) {
  Duration::rep between = 0;
  if (__builtin_sub_overflow(to.time_since_epoch().count(), from.time_since_epoch().count(),
                             &between)) {
    return to < from ? Duration::min() : Duration::max();
  }
  return Duration(between);
}

}  // namespace lossy
