#include <lossy/harness/sim/host.hpp>

#include <algorithm>
#include <limits>

#include <lossy/core/check.hpp>

namespace lossy {
namespace {

__extension__ typedef __int128 Int128;

constexpr std::int64_t kMillion = 1'000'000;

Int128 floor_of(Int128 numerator, Int128 denominator) {
  const Int128 quotient = numerator / denominator;
  return quotient * denominator > numerator ? quotient - 1 : quotient;
}

Instant nearest_instant(Int128 nanoseconds) {
  using Rep = Duration::rep;
  const Int128 lowest = std::numeric_limits<Rep>::min();
  const Int128 highest = std::numeric_limits<Rep>::max();
  return Instant(Duration(static_cast<Rep>(std::clamp(nanoseconds, lowest, highest))));
}

}  // namespace

HostClock::HostClock(Duration offset, std::int64_t drift_ppm)
    : offset_(offset), speed_ppm_(kMillion + drift_ppm) {
  check(drift_ppm > -kMillion && drift_ppm <= kMillion, "HostClock: a drift outside its range");
  is_true_ = offset == Duration::zero() && drift_ppm == 0;
}

Instant HostClock::drifted(Instant virtual_time) const {
  const Int128 passed = virtual_time.time_since_epoch().count();
  return nearest_instant(offset_.count() + floor_of(passed * speed_ppm_, kMillion));
}

Instant HostClock::undrifted(Instant local) const {
  // Never stays never.
  if (local == Instant::max()) return local;
  const Int128 to_pass = Int128{local.time_since_epoch().count()} - offset_.count();
  const Int128 rounded_up = -floor_of(-to_pass * kMillion, speed_ppm_);
  return nearest_instant(std::max<Int128>(0, rounded_up));
}

}  // namespace lossy
