// The numbers of tc, which are not lossy's own: a bare 0.1 is 0.1 %, a bare time is microseconds, a
// bare rate is bits a second.
//
// Read with integers and exactly, where tc goes through floating point and 32 bits. A number is
// decimal, may have a sign and an exponent ("1.5e3"), and counts with as many digits as 64 bits
// hold, which tell any two results apart. What is finer than the result's unit is cut off, as tc
// cuts.
// All throw TextError.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <lossy/core/clock.hpp>
#include <lossy/core/random.hpp>

namespace lossy {

// "10%" or "10", 0 to 100.
Probability parse_tc_percent(std::string_view text);

// "20ms", "1.5s", "250us", "250"; 0 to kDurationMax, in nanoseconds. Units: s, sec, secs, ms, ...,
// usecs in any case; none is microseconds.
Duration parse_tc_time(std::string_view text);
// The times of `slot` also know ns, nsec and nsecs, and a bare one is nanoseconds.
Duration parse_tc_slot_time(std::string_view text);

// "1mbit", "10kbps" (bytes), "1mibit" (1024 * 1024), "20000": bits a second, 1 to kRateMax, or 0
// for no limit.
std::uint64_t parse_tc_rate(std::string_view text);

// "1000", "10k", "10kb", "1mbit": 0 to `max`. Here k is 1024.
std::uint64_t parse_tc_size(std::string_view text, std::uint64_t max);

// "48", "0x30", "060": a whole number from `min` to `max`.
std::int64_t parse_tc_whole(std::string_view text, std::int64_t min, std::int64_t max);

// A whole number of the largest unit, so that tc's floating point reads the same: "1500ms". Parts
// of a microsecond, which tc cuts off, are decimals: "0.1us".
std::string format_tc_time(Duration time);
// The same with nanoseconds.
std::string format_tc_slot_time(Duration time);
std::string format_tc_rate(std::uint64_t bits_per_second);

}  // namespace lossy
