#include <lossy/harness/capture/timestamp_unit.hpp>

#include <algorithm>

namespace lossy {
namespace {

__extension__ typedef __int128 Int128;

constexpr int kNanosecondExponent = 9;
constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

// What is less than a nanosecond however large the timestamp is: 2^64 of 10^-29 s.
constexpr int kExponentMax = 28;

Int128 power_of_ten(int exponent) {
  Int128 power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

Int128 nanoseconds_of(std::uint64_t timestamp, bool is_binary, int exponent) {
  const Int128 scaled = Int128{timestamp} * kNanosecondsPerSecond;  // Below 2^94.
  if (is_binary) return scaled >> exponent;
  return exponent > kExponentMax ? 0 : scaled / power_of_ten(exponent);
}

}  // namespace

Instant TimestampUnit::at(std::uint64_t timestamp) const {
  constexpr auto kMax = static_cast<std::uint64_t>(kCaptureTimeMax.time_since_epoch().count());
  // What most captures have, without a division.
  if (!is_binary && offset_seconds == 0 && (exponent == 6 || exponent == kNanosecondExponent)) {
    const std::uint64_t scale = exponent == 6 ? 1000 : 1;
    if (timestamp > kMax / scale) return kCaptureTimeMax;
    return Instant(Duration(static_cast<std::int64_t>(timestamp * scale)));
  }
  const Int128 time = nanoseconds_of(timestamp, is_binary, exponent) +
                      Int128{offset_seconds} * kNanosecondsPerSecond;
  return Instant(Duration(static_cast<std::int64_t>(std::clamp<Int128>(time, 0, kMax))));
}

}  // namespace lossy
