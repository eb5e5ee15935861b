#include <lossy/harness/link/netem_units.hpp>

#include <array>
#include <charconv>
#include <span>

#include <lossy/harness/link/quantity.hpp>
#include <lossy/harness/link/scan.hpp>
#include <lossy/harness/link/text.hpp>

namespace lossy {
namespace {

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

Duration parse_time(std::string_view text, std::span<const Unit> units, std::uint64_t bare_unit,
                    std::string_view units_are) {
  return Duration(static_cast<Duration::rep>(
      parse_quantity(text, {.name = "time",
                            .example = "20ms",
                            .units_are = units_are,
                            .units = units,
                            .max = static_cast<std::uint64_t>(kDurationMax.count()),
                            .max_text = "1000000000s",
                            .bare_unit = bare_unit})));
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
  const auto probability = ratio_of(*number, 2);
  if (!probability) throw refuse("it must be 0% to 100%");
  return *probability;
}

Duration parse_tc_time(std::string_view text) {
  return parse_time(text, kTcTimeUnits, kUs, "the units are s, ms and us, and none is us");
}

Duration parse_tc_slot_time(std::string_view text) {
  return parse_time(text, kTcSlotTimeUnits, 1, "the units are s, ms, us and ns, and none is ns");
}

std::uint64_t parse_tc_rate(std::string_view text) {
  return parse_quantity(text, {.name = "rate",
                               .example = "1mbit",
                               .units_are = "the units are bit, kbit, kibit, bps (bytes), kbps, "
                                            "kibps, the same with m, g and t, and none is bit",
                               .units = kTcRateUnits,
                               .max = kRateMax,
                               .max_text = "1000tbit",
                               .bare_unit = 1,
                               .one_text = "1bit, or 0 for no limit"});
}

std::uint64_t parse_tc_size(std::string_view text, std::uint64_t max) {
  const std::string max_text = std::to_string(max);
  return parse_quantity(text, {.name = "size",
                               .example = "10k",
                               .units_are = "the units are b, k, kb, kbit, m, mb, mbit, g, gb and "
                                            "gbit, and none is b",
                               .units = kSizeUnits,
                               .max = max,
                               .max_text = max_text,
                               .bare_unit = 1});
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
  if (ns % kUs == 0) return whole_of(ns, kTcTimeUnits);
  return decimal_text(ns, kUs) + "us";
}

std::string format_tc_slot_time(Duration time) {
  return whole_of(static_cast<std::uint64_t>(time.count()), kTcSlotTimeUnits);
}

std::string format_tc_rate(std::uint64_t bits_per_second) {
  return bits_per_second == 0 ? "0bit" : whole_of(bits_per_second, kTcRateUnits);
}

}  // namespace lossy
