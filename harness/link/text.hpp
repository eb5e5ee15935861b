// The text forms of times, probabilities and rates that options, fault lists and scenarios use.
//
// Numbers are decimal and read exactly: no floating point, so that the same text means the same
// nanosecond and the same threshold everywhere.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "core/random.hpp"

namespace lossy {

// A text that cannot be read; what() is one clear sentence without a full stop: what was read, why
// it is refused, what would do.
class TextError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

// What was read, as such a sentence shows it: in quotes, escaped so that it stays on its line, cut
// after 80 bytes.
std::string quote(std::string_view text);

// "20ms", "1.5s", "250us", "7ns", "2min"; 0 to kDurationMax. "0" needs no unit. A part of a
// nanosecond is refused.
Duration parse_duration(std::string_view text);
// The largest unit that shows it exactly: "1.5s", "1.234567ms", "0s". Read by parse_duration().
std::string format_duration(Duration duration);

// "10%", "0.5%" or a fraction from 0 to 1 with a decimal point, "0.1" (which is 10%). A bare "10"
// is refused with a hint, and so is a bare "1"; "0" is 0%.
Probability parse_probability(std::string_view text);
// The shortest percentage that parse_probability() reads as the same threshold: "10%".
std::string format_probability(Probability probability);

// "1mbit", "1.5gbit", "56kbit", "800bit": bits a second, 1 to kRateMax.
inline constexpr std::uint64_t kRateMax = 1'000'000'000'000'000;
std::uint64_t parse_rate(std::string_view text);
std::string format_rate(std::uint64_t bits_per_second);

// A whole number in decimal, from `min` to `max`.
std::uint64_t parse_whole(std::string_view text, std::uint64_t min, std::uint64_t max);

}  // namespace lossy
