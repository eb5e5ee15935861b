#include "harness/link/text.hpp"

#include <array>
#include <charconv>
#include <optional>
#include <span>

#include "core/escape.hpp"
#include "harness/link/scan.hpp"

namespace lossy {
namespace {

// digits * 10^-decimals, with digits below 10^19: enough to tell any two probabilities apart.
struct Decimal {
  std::uint64_t digits = 0;
  unsigned decimals = 0;
};

struct Unit {
  std::string_view name;
  std::uint64_t size;
};

constexpr std::array<Unit, 6> kTimeUnits{{{"min", 60'000'000'000},
                                          {"s", 1'000'000'000},
                                          {"ms", 1'000'000},
                                          {"us", 1'000},
                                          {"ns", 1},
                                          {"h", 3'600'000'000'000}}};
constexpr std::array<Unit, 5> kRateUnits{{{"tbit", 1'000'000'000'000},
                                          {"gbit", 1'000'000'000},
                                          {"mbit", 1'000'000},
                                          {"kbit", 1'000},
                                          {"bit", 1}}};

// Takes a decimal number off the front of `text`, or nothing where there is none. One that is too
// long is refused.
std::optional<Decimal> take_decimal(std::string_view& text) {
  Decimal number;
  const std::string_view whole = text;
  std::size_t at = 0;
  bool any = false;
  bool fraction = false;
  for (; at < text.size() && (is_digit(text[at]) || (text[at] == '.' && !fraction)); ++at) {
    if (text[at] == '.') {
      fraction = true;
      continue;
    }
    if (number.digits >= power_of_ten(18) || number.decimals == 19) {
      throw TextError(quote(whole) + " has too many digits: 19 can be read");
    }
    number.digits = number.digits * 10 + static_cast<std::uint64_t>(text[at] - '0');
    number.decimals += fraction ? 1 : 0;
    any = true;
  }
  if (!any) return std::nullopt;
  text.remove_prefix(at);
  while (number.decimals > 0 && number.digits % 10 == 0) {
    number.digits /= 10;
    --number.decimals;
  }
  return number;
}

// digits * 10^-decimals * unit, when it is a whole number of at most `max`.
std::optional<std::uint64_t> scaled(Decimal number, std::uint64_t unit, std::uint64_t max) {
  const Uint128 product = Uint128{number.digits} * unit;
  const std::uint64_t divisor = power_of_ten(number.decimals);
  if (product % divisor != 0 || product / divisor > max) return std::nullopt;
  return static_cast<std::uint64_t>(product / divisor);
}

const Unit* find_unit(std::span<const Unit> units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

}  // namespace

std::string quote(std::string_view text) {
  constexpr std::size_t kShownMax = 80;
  const std::string_view shown = text.substr(0, kShownMax);
  return '"' + escape_bytes(std::as_bytes(std::span(shown.data(), shown.size()))) +
         (text.size() > kShownMax ? "...\"" : "\"");
}

Duration parse_duration(std::string_view text) {
  const auto refuse = [text](const char* why) -> TextError {
    return TextError(quote(text) + " is not a time: " + why);
  };
  std::string_view rest = text;
  if (rest.starts_with('-')) throw refuse("it must not be negative");
  const auto number = take_decimal(rest);
  if (!number) throw refuse("write a number and a unit, as in 20ms or 1.5s");
  if (rest.empty() && number->digits == 0) return Duration::zero();
  const Unit* unit = find_unit(kTimeUnits, rest);
  if (rest.empty()) throw refuse("it needs a unit, as in 20ms or 1.5s");
  if (unit == nullptr) throw refuse("the units are ns, us, ms, s, min and h");
  const auto ns = scaled(*number, unit->size, static_cast<std::uint64_t>(kDurationMax.count()));
  if (!ns) throw refuse("it must be whole nanoseconds and at most 1000000000s");
  return Duration(static_cast<Duration::rep>(*ns));
}

std::string format_duration(Duration duration) {
  if (duration == Duration::zero()) return "0s";
  const bool negative = duration < Duration::zero();
  const auto count = static_cast<std::uint64_t>(duration.count());
  const std::uint64_t ns = negative ? ~count + 1 : count;
  for (const char* name : {"s", "ms", "us", "ns"}) {
    const Unit& unit = *find_unit(kTimeUnits, name);
    if (ns >= unit.size) {
      return std::string(negative ? "-" : "") + decimal_text(ns, unit.size) + name;
    }
  }
  return {};
}

Probability parse_probability(std::string_view text) {
  const auto refuse = [text](const std::string& why) -> TextError {
    return TextError(quote(text) + " is not a probability: " + why);
  };
  std::string_view rest = text;
  if (rest.starts_with('-')) throw refuse("it must not be negative");
  const auto number = take_decimal(rest);
  const bool percent = rest == "%";
  if (!number || !(percent || rest.empty())) {
    throw refuse("write a percentage, as in 10%, or a fraction, as in 0.1");
  }
  if (!percent && number->digits != 0 && text.find('.') == std::string_view::npos) {
    if (number->digits > 100) throw refuse("write a percentage from 0% to 100%, as in 10%");
    throw refuse("did you mean " + std::string(text) +
                 "%? A fraction has a decimal point, as in 0.1");
  }
  const std::uint64_t one = power_of_ten(number->decimals);
  if (Uint128{number->digits} > Uint128{one} * (percent ? 100 : 1)) {
    throw refuse(percent ? "it must be 0% to 100%" : "a fraction must be 0 to 1; 10% is 0.1");
  }
  // The denominator is at most 10^19, which is below 2^64 and tells all thresholds apart.
  if (percent && number->decimals > 17) throw refuse("a percentage has at most 17 decimals");
  return Probability::ratio(number->digits, percent ? one * 100 : one);
}

std::string format_probability(Probability probability) {
  // The nearest percentage with ever more decimals, until it means the same threshold.
  for (unsigned decimals = 0; decimals <= 17; ++decimals) {
    const std::uint64_t one = power_of_ten(decimals);
    const Uint128 scaled_up = Uint128{probability.threshold()} * one * 100;
    const auto digits =
        static_cast<std::uint64_t>((scaled_up + Probability::kOne / 2) / Probability::kOne);
    if (Probability::ratio(digits, one * 100) == probability) {
      return decimal_text(digits, one) + '%';
    }
  }
  return {};
}

std::uint64_t parse_rate(std::string_view text) {
  const auto refuse = [text](const char* why) -> TextError {
    return TextError(quote(text) + " is not a rate: " + why);
  };
  std::string_view rest = text;
  if (rest.starts_with('-')) throw refuse("it must not be negative");
  const auto number = take_decimal(rest);
  if (!number) throw refuse("write a number and a unit, as in 1mbit");
  if (number->digits == 0) throw refuse("nothing would ever arrive; leave it out for no limit");
  const Unit* unit = find_unit(kRateUnits, rest);
  if (unit == nullptr) throw refuse("the units are bit, kbit, mbit, gbit and tbit, a second");
  const auto rate = scaled(*number, unit->size, kRateMax);
  if (!rate) throw refuse("it must be whole bits a second and at most 1000tbit");
  return *rate;
}

std::string format_rate(std::uint64_t bits_per_second) {
  for (const Unit& unit : kRateUnits) {
    if (bits_per_second >= unit.size) {
      return decimal_text(bits_per_second, unit.size) + std::string(unit.name);
    }
  }
  return "0bit";
}

std::uint64_t parse_whole(std::string_view text, std::uint64_t min, std::uint64_t max) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < min || number > max) {
    throw TextError(quote(text) + " is not a whole number from " + std::to_string(min) + " to " +
                    std::to_string(max));
  }
  return number;
}

}  // namespace lossy
