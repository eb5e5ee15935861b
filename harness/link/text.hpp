// The text forms of times, probabilities and rates that options, fault lists and scenarios use.
//
// Numbers are decimal and read exactly: no floating point, so that the same text means the same
// nanosecond and the same threshold everywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <lossy/core/clock.hpp>
#include <lossy/core/random.hpp>

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

// "20ms", "20 ms", "1.5s", "250usec", "7ns", "2min"; 0 to kDurationMax. "0" needs no unit. A part
// of a nanosecond is refused. Units: ns, us, ms, s, min and h, and what tc calls them, in any case.
Duration parse_duration(std::string_view text);
// The largest unit that shows it exactly: "1.5s", "1.234567ms", "0s". Read by parse_duration().
std::string format_duration(Duration duration);

// "10%", "0.5%" or a fraction from 0 to 1 with a decimal point, "0.1" (which is 10%). A bare "10"
// is refused with a hint, and so is a bare "1"; "0" is 0%.
Probability parse_probability(std::string_view text);
// The shortest percentage that parse_probability() reads as the same threshold: "10%".
std::string format_probability(Probability probability);

// "1mbit", "1.5Gbit", "56kbit/s", "800 bit/s": bits a second, 1 to kRateMax. Units are in any case.
inline constexpr std::uint64_t kRateMax = 1'000'000'000'000'000;
std::uint64_t parse_rate(std::string_view text);
std::string format_rate(std::uint64_t bits_per_second);

// So many in so long, at equal distances.
struct Pace {
  std::uint64_t count = 1;  // At least 1, and at most 1 a nanosecond.
  Duration time{};

  friend bool operator==(const Pace&, const Pace&) = default;
};
// "1000/s", "0.25/s", "30/min", or the time between two: "4s".
Pace parse_pace(std::string_view text);

// "4", "2.5": in thousandths. Nothing when it is no number with at most three decimals, or is above
// `max`, of which 64 bits must hold the thousandths.
std::optional<std::uint64_t> parse_thousandths(std::string_view text, std::uint64_t max);

// A whole number in decimal, from `min` to `max`.
std::uint64_t parse_whole(std::string_view text, std::uint64_t min, std::uint64_t max);

}  // namespace lossy
