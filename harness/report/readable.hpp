// Numbers as every text and JSON of ours shows them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "core/clock.hpp"

namespace lossy {

inline double in_ms(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

inline double in_seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

// Four digits in a unit that a person would choose: "59.6 us", "40 ms", "1.004 s", "31536000 s".
std::string readable(Duration duration);

// "12.3%" of a whole; nothing where there is no part or no whole. What rounds to all of it but is
// less is ">99.9%".
std::string percent(std::uint64_t part, std::uint64_t whole);

}  // namespace lossy
