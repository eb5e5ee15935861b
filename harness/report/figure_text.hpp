// Figures as --explain shows them: computed from models, so that a few digits are what they are
// worth.
#pragma once

#include <cstddef>
#include <string>

namespace lossy {

// The payload that examples are given for.
constexpr std::size_t kExamplePayloadBytes = 1000;

// "1.84%" for 0.0184: three digits.
std::string percent_text(double share);
// "12.5 Mbit/s" for 12.5e6.
std::string bit_rate_text(double bits_per_second);

}  // namespace lossy
