#include "harness/link/netem_units.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>

#include "harness/link/scan.hpp"
#include "harness/link/text.hpp"

namespace lossy {
namespace {

struct Unit {
  std::string_view name;  // In lower case; tc reads any.
  std::uint64_t size;
};

constexpr std::uint64_t kUs = 1'000;
constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kS = 1'000'000'000;

// Formatting takes the first that fits, which is the largest.
constexpr std::array<Unit, 12> kTimeUnits{{{"s", kS},
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
                                           {"nsecs", 1}}};
constexpr std::span kDelayUnits = std::span(kTimeUnits).first<9>();

constexpr std::uint64_t kK = 1'000;
constexpr std::uint64_t kM = kK * kK;
constexpr std::uint64_t kG = kK * kM;
constexpr std::uint64_t kT = kK * kG;
constexpr std::uint64_t kKi = 1024;
constexpr std::uint64_t kMi = kKi * kKi;
constexpr std::uint64_t kGi = kKi * kMi;
constexpr std::uint64_t kTi = kKi * kGi;

constexpr std::array<Unit, 18> kRateUnits{{{"tbit", kT},
                                           {"gbit", kG},
                                           {"mbit", kM},
                                           {"kbit", kK},
                                           {"bit", 1},
                                           {"kibit", kKi},
                                           {"mibit", kMi},
                                           {"gibit", kGi},
                                           {"tibit", kTi},
                                           {"bps", 8},
                                           {"kbps", 8 * kK},
                                           {"mbps", 8 * kM},
                                           {"gbps", 8 * kG},
                                           {"tbps", 8 * kT},
                                           {"kibps", 8 * kKi},
                                           {"mibps", 8 * kMi},
                                           {"gibps", 8 * kGi},
                                           {"tibps", 8 * kTi}}};

constexpr std::array<Unit, 10> kSizeUnits{{{"b", 1},
                                           {"k", kKi},
                                           {"kb", kKi},
                                           {"kbit", kKi / 8},
                                           {"m", kMi},
                                           {"mb", kMi},
                                           {"mbit", kMi / 8},
                                           {"g", kGi},
                                           {"gb", kGi},
                                           {"gbit", kGi / 8}}};

constexpr int kPlacesMax = 19;  // The largest power of ten that 64 bits hold.

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// digits * 10^exponent.
struct Number {
  bool negative = false;
  std::uint64_t digits = 0;
  std::int64_t exponent = 0;
};

bool take_sign(std::string_view& text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  return negative;
}

// Takes "e3" off the front; 0, and nothing taken, where there is none.
std::int64_t take_exponent(std::string_view& text) {
  constexpr std::int64_t kExponentMax = 1'000'000;  // Far beyond what any result can be.
  if (text.empty() || lower(text.front()) != 'e') return 0;
  std::string_view rest = text.substr(1);
  const bool negative = take_sign(rest);
  if (rest.empty() || !is_digit(rest.front())) return 0;
  std::int64_t exponent = 0;
  for (; !rest.empty() && is_digit(rest.front()); rest.remove_prefix(1)) {
    exponent = std::min(exponent * 10 + (rest.front() - '0'), kExponentMax);
  }
  text = rest;
  return negative ? -exponent : exponent;
}

// Takes a number off the front of `text`, or nothing where there is none.
std::optional<Number> take_number(std::string_view& text) {
  std::string_view rest = text;
  Number number{.negative = take_sign(rest)};
  bool any = false;
  bool fraction = false;
  bool full = false;  // What comes then no longer counts.
  for (; !rest.empty() && (is_digit(rest.front()) || (rest.front() == '.' && !fraction));
       rest.remove_prefix(1)) {
    if (rest.front() == '.') {
      fraction = true;
      continue;
    }
    any = true;
    const Uint128 digits = Uint128{number.digits} * 10 + static_cast<unsigned>(rest.front() - '0');
    full = full || digits > ~std::uint64_t{0};
    if (!full) number.digits = static_cast<std::uint64_t>(digits);
    if (full != fraction) number.exponent += full ? 1 : -1;
  }
  if (!any) return std::nullopt;
  number.exponent += take_exponent(rest);
  text = rest;
  return number;
}

// digits * 10^exponent * unit, cut to a whole number, when that is at most `max`.
std::optional<std::uint64_t> scaled(const Number& number, std::uint64_t unit, std::uint64_t max) {
  Uint128 value = Uint128{number.digits} * unit;
  std::int64_t exponent = number.exponent;
  for (; exponent < 0 && value > 0; ++exponent) value /= 10;
  for (; exponent > 0 && value > 0 && value <= max; --exponent) value *= 10;
  if (value > max) return std::nullopt;
  return static_cast<std::uint64_t>(value);
}

// What is read: numbers with a unit.
struct Quantity {
  std::string_view name;
  std::string_view example;
  std::string_view units_are;
  std::span<const Unit> units;
  std::uint64_t bare_unit;
  std::uint64_t max;
  std::string_view max_text;
  std::string_view one_text = {};  // If there: what is less must not be cut to 0.
};

std::uint64_t parse_quantity(std::string_view text, const Quantity& quantity) {
  const auto refuse = [&](std::string_view why) {
    return TextError(quote(text) + " is not a " + std::string(quantity.name) + ": " +
                     std::string(why));
  };
  std::string_view rest = text;
  const auto number = take_number(rest);
  if (!number) throw refuse("write it as in " + std::string(quantity.example));
  const auto unit =
      std::find_if(quantity.units.begin(), quantity.units.end(), [rest](const Unit& one) {
        return std::equal(one.name.begin(), one.name.end(), rest.begin(), rest.end(),
                          [](char a, char b) { return a == lower(b); });
      });
  if (unit == quantity.units.end() && !rest.empty()) throw refuse(quantity.units_are);
  if (number->negative && number->digits > 0) throw refuse("it must not be negative");
  const std::uint64_t size = rest.empty() ? quantity.bare_unit : unit->size;
  const auto value = scaled(*number, size, quantity.max);
  if (!value) throw refuse("it must be at most " + std::string(quantity.max_text));
  if (*value == 0 && number->digits > 0 && !quantity.one_text.empty()) {
    throw refuse("it must be at least " + std::string(quantity.one_text));
  }
  return *value;
}

Duration parse_time(std::string_view text, std::span<const Unit> units, std::uint64_t bare_unit,
                    std::string_view units_are) {
  return Duration(static_cast<Duration::rep>(
      parse_quantity(text, {.name = "time",
                            .example = "20ms",
                            .units_are = units_are,
                            .units = units,
                            .bare_unit = bare_unit,
                            .max = static_cast<std::uint64_t>(kDurationMax.count()),
                            .max_text = "1000000000s"})));
}

// Nothing when no unit divides the value.
std::string whole_of(std::uint64_t value, std::span<const Unit> units) {
  for (const Unit& unit : units) {
    if (value % unit.size == 0) return std::to_string(value / unit.size) + std::string(unit.name);
  }
  return {};
}

}  // namespace

Probability parse_tc_percent(std::string_view text) {
  const auto refuse = [text](std::string_view why) {
    return TextError(quote(text) + " is not a percentage: " + std::string(why));
  };
  std::string_view rest = text;
  const auto number = take_number(rest);
  if (!number || !(rest.empty() || rest == "%")) throw refuse("write it as in 10%");
  if (number->negative && number->digits > 0) throw refuse("it must not be negative");
  // digits / 10^places, brought to where both fit.
  std::uint64_t digits = number->digits;
  std::int64_t places = 2 - number->exponent;
  for (; digits > 0 && places > kPlacesMax; --places) digits /= 10;
  if (digits == 0) return {};
  if (places < 0) throw refuse("it must be 0% to 100%");
  const std::uint64_t all = power_of_ten(static_cast<std::uint64_t>(places));
  if (digits > all) throw refuse("it must be 0% to 100%");
  return Probability::ratio(digits, all);
}

Duration parse_tc_time(std::string_view text) {
  return parse_time(text, kDelayUnits, kUs, "the units are s, ms and us, and none is us");
}

Duration parse_tc_slot_time(std::string_view text) {
  return parse_time(text, kTimeUnits, 1, "the units are s, ms, us and ns, and none is ns");
}

std::uint64_t parse_tc_rate(std::string_view text) {
  return parse_quantity(text, {.name = "rate",
                               .example = "1mbit",
                               .units_are = "the units are bit, kbit, kibit, bps (bytes), kbps, "
                                            "kibps, the same with m, g and t, and none is bit",
                               .units = kRateUnits,
                               .bare_unit = 1,
                               .max = kRateMax,
                               .max_text = "1000tbit",
                               .one_text = "1bit, or 0 for no limit"});
}

std::uint64_t parse_tc_size(std::string_view text, std::uint64_t max) {
  const std::string max_text = std::to_string(max);
  return parse_quantity(text, {.name = "size",
                               .example = "1000 or 10k",
                               .units_are = "the units are b, k, kb, kbit, m, mb, mbit, g, gb and "
                                            "gbit, and none is b",
                               .units = kSizeUnits,
                               .bare_unit = 1,
                               .max = max,
                               .max_text = max_text});
}

std::int64_t parse_tc_whole(std::string_view text, std::int64_t min, std::int64_t max) {
  std::string_view rest = text;
  const bool negative = take_sign(rest);
  int base = 10;
  if (rest.starts_with("0x") || rest.starts_with("0X")) {
    base = 16;
    rest.remove_prefix(2);
  } else if (rest.starts_with('0')) {
    base = 8;
  }
  std::uint32_t magnitude = 0;
  const char* const end = rest.data() + rest.size();
  const auto [stopped, error] = std::from_chars(rest.data(), end, magnitude, base);
  const std::int64_t value = negative ? -std::int64_t{magnitude} : std::int64_t{magnitude};
  if (error != std::errc() || stopped != end || value < min || value > max) {
    throw TextError(quote(text) + " is not a whole number from " + std::to_string(min) + " to " +
                    std::to_string(max));
  }
  return value;
}

std::string format_tc_time(Duration time) {
  const auto ns = static_cast<std::uint64_t>(time.count());
  if (ns % kUs == 0) return whole_of(ns, kDelayUnits);
  return decimal_text(ns, kUs) + "us";
}

std::string format_tc_slot_time(Duration time) {
  return whole_of(static_cast<std::uint64_t>(time.count()), kTimeUnits);
}

std::string format_tc_rate(std::uint64_t bits_per_second) {
  return bits_per_second == 0 ? "0bit" : whole_of(bits_per_second, kRateUnits);
}

}  // namespace lossy
