// Numbers as every text and JSON of ours shows them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <lossy/core/clock.hpp>

namespace lossy {

inline double in_ms(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

inline double in_seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

// So many significant digits, as %g has them, but never an exponent: "0.00002", "1300000".
std::string plain_digits(double number, int digits);

// Four digits in a unit that a person would choose: "59.6 us", "40 ms", "1.004 s", "16.67 min",
// "24 h", "365 days".
std::string readable(Duration duration);
// The same of seconds.
std::string readable(double seconds);

// "12.3%" of a whole; nothing where there is no part or no whole. What rounds to all of it but is
// less is ">99.9%".
std::string percent(std::uint64_t part, std::uint64_t whole);

}  // namespace lossy
