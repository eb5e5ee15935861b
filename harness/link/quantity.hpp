// The one reader of numbers with a unit. Options and fault lists have lossy's own words for them,
// netem lines have tc's; both know the same units, and differ in what may be left out and in what
// is cut off.
//
// Integers alone, so that the same text means the same everywhere. A unit may be in any case.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <lossy/core/random.hpp>

namespace lossy {

struct Unit {
  std::string_view name;  // In lower case.
  std::uint64_t size;
};

constexpr std::uint64_t kUs = 1'000;
constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kS = 1'000'000'000;

// Formatting takes the first that fits, which is the largest of tc's.
inline constexpr std::array<Unit, 16> kTimeUnits{{{"s", kS},
                                                  {"ms", kMs},
                                                  {"us", kUs},
                                                  {"sec", kS},
                                                  {"secs", kS},
                                                  {"msec", kMs},
                                                  {"msecs", kMs},
                                                  {"usec", kUs},
                                                  {"usecs", kUs},
                                                  {"ns", 1},
                                                  {"nsec", 1},
                                                  {"nsecs", 1},
                                                  {"min", 60 * kS},
                                                  {"h", 3600 * kS},
                                                  {"\u00B5s", kUs},    // The micro sign,
                                                  {"\u03BCs", kUs}}};  // and a Greek mu.
inline constexpr std::span kTcTimeUnits = std::span(kTimeUnits).first<9>();
inline constexpr std::span kTcSlotTimeUnits = std::span(kTimeUnits).first<12>();

constexpr std::uint64_t kK = 1'000;
constexpr std::uint64_t kM = kK * kK;
constexpr std::uint64_t kG = kK * kM;
constexpr std::uint64_t kT = kK * kG;
constexpr std::uint64_t kKi = 1024;
constexpr std::uint64_t kMi = kKi * kKi;
constexpr std::uint64_t kGi = kKi * kMi;
constexpr std::uint64_t kTi = kKi * kGi;

// As summaries print them; as both have them; as tc alone does, where mbps is megabytes.
inline constexpr std::array<Unit, 23> kAllRateUnits{
    {{"tbit/s", kT},     {"gbit/s", kG},     {"mbit/s", kM},    {"kbit/s", kK},
     {"bit/s", 1},       {"tbit", kT},       {"gbit", kG},      {"mbit", kM},
     {"kbit", kK},       {"bit", 1},         {"kibit", kKi},    {"mibit", kMi},
     {"gibit", kGi},     {"tibit", kTi},     {"bps", 8},        {"kbps", 8 * kK},
     {"mbps", 8 * kM},   {"gbps", 8 * kG},   {"tbps", 8 * kT},  {"kibps", 8 * kKi},
     {"mibps", 8 * kMi}, {"gibps", 8 * kGi}, {"tibps", 8 * kTi}}};
inline constexpr std::span kRateUnits = std::span(kAllRateUnits).first<10>();
inline constexpr std::span kTcRateUnits = std::span(kAllRateUnits).last<18>();

// digits * 10^exponent. The digits have no zero at their end that the exponent could have.
struct Number {
  bool negative = false;
  bool plain = true;  // Written without a plus sign and without an exponent.
  bool exact = true;  // No digit is left out for being beyond what 64 bits hold.
  std::uint64_t digits = 0;
  std::int64_t exponent = 0;
};

// Takes a number off the front of `text`: digits, perhaps with a point, a sign in front and "e3"
// behind them. Nothing, and nothing taken, where there is none.
std::optional<Number> take_number(std::string_view& text);

// Takes a sign off the front, and gives whether it was a minus.
bool take_sign(std::string_view& text);

// What number / 10^places is, of which kPlacesMax decimals count, which tell any two probabilities
// apart; nothing when it is above 1. The number is not negative.
constexpr int kPlacesMax = 19;  // The largest power of ten that 64 bits hold.
std::optional<Probability> ratio_of(const Number& number, int places);

// digits * 10^exponent * unit, cut to a whole number.
struct Scaled {
  std::uint64_t value = 0;
  bool cut = false;  // It was no whole number.
};
// Nothing when that is above `max`.
std::optional<Scaled> scaled(const Number& number, std::uint64_t unit, std::uint64_t max);

const Unit* find_unit(std::span<const Unit> units, std::string_view name);

struct Quantity {
  std::string_view name;     // "time"
  std::string_view example;  // "20ms"
  std::string_view units_are;
  std::span<const Unit> units;
  std::uint64_t max;
  std::string_view max_text;
  // "nanoseconds": as lossy reads it, which is exactly: a plain number with its unit, between them
  // a space at most, of whole ones of these; 0 needs no unit. Without it, as tc does.
  std::string_view whole_of = {};
  std::uint64_t bare_unit = 0;     // As tc does: what a number without a unit counts in.
  std::string_view one_text = {};  // The same; if there, what is less must not be cut to 0.
};

// Throws TextError.
std::uint64_t parse_quantity(std::string_view text, const Quantity& quantity);

}  // namespace lossy
