// In what a pcapng interface counts time: fractions of a second, and from when on.
#pragma once

#include <cstdint>

#include <lossy/core/clock.hpp>

namespace lossy {

// The last time that a capture's record has, in the year 2116: what a file may say beyond it, or
// of the time before 1970, is brought to the nearer end. Sums with any Duration that lossy adds to
// one stay far from overflow.
inline constexpr Instant kCaptureTimeMax{Duration(std::int64_t{1} << 62)};

struct TimestampUnit {
  bool is_binary = false;
  int exponent = 6;  // 2^-exponent or 10^-exponent seconds; 0 to 127.
  std::int64_t offset_seconds = 0;

  // From the options if_tsresol and if_tsoffset.
  static TimestampUnit of(std::uint8_t resolution, std::int64_t offset_seconds) {
    return {(resolution & 0x80) != 0, resolution & 0x7F, offset_seconds};
  }

  // Any timestamp's time, rounded down to nanoseconds.
  Instant at(std::uint64_t timestamp) const;
};

}  // namespace lossy
