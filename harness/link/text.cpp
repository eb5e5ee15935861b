#include <lossy/harness/link/text.hpp>

#include <charconv>
#include <optional>
#include <span>

#include <lossy/core/escape.hpp>
#include <lossy/harness/link/quantity.hpp>
#include <lossy/harness/link/scan.hpp>

namespace lossy {

std::string quote(std::string_view text) {
  constexpr std::size_t kShownMax = 80;
  const std::string_view shown = text.substr(0, kShownMax);
  return '"' + escape_bytes(std::as_bytes(std::span(shown.data(), shown.size()))) +
         (text.size() > kShownMax ? "...\"" : "\"");
}

Duration parse_duration(std::string_view text) {
  return Duration(static_cast<Duration::rep>(
      parse_quantity(text, {.name = "time",
                            .example = "20ms or 1.5s",
                            .units_are = "the units are ns, us, ms, s, min and h",
                            .units = kTimeUnits,
                            .max = static_cast<std::uint64_t>(kDurationMax.count()),
                            .max_text = "1000000000s",
                            .whole_of = "nanoseconds"})));
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
  const auto number = take_number(rest);
  const bool percent = rest == "%";
  if (!number || !number->plain || !(percent || rest.empty())) {
    throw refuse("write a percentage, as in 10%, or a fraction, as in 0.1");
  }
  if (number->negative) throw refuse("it must not be negative");
  if (!percent && number->digits != 0 && text.find('.') == std::string_view::npos) {
    if (number->digits > 100) throw refuse("write a percentage from 0% to 100%, as in 10%");
    throw refuse("did you mean " + std::string(text) +
                 "%? A fraction has a decimal point, as in 0.1");
  }
  const int places = percent ? 2 : 0;
  if (!number->exact || places - number->exponent > kPlacesMax) {
    throw refuse("a percentage has at most 17 decimals, a fraction 19");
  }
  const auto probability = ratio_of(*number, places);
  if (!probability) {
    throw refuse(percent ? "it must be 0% to 100%" : "a fraction must be 0 to 1; 10% is 0.1");
  }
  return *probability;
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
  const std::uint64_t rate = parse_quantity(
      text, {.name = "rate",
             .example = "1mbit",
             .units_are = "the units are bit, kbit, mbit, gbit and tbit, a second (mbps would be "
                          "megabytes, as tc has it)",
             .units = kRateUnits,
             .max = kRateMax,
             .max_text = "1000tbit",
             .whole_of = "bits a second"});
  if (rate == 0) {
    throw TextError(quote(text) +
                    " is not a rate: nothing would ever arrive; leave it out for no limit");
  }
  return rate;
}

std::string format_rate(std::uint64_t bits_per_second) {
  for (const Unit& unit : kRateUnits.last<5>()) {
    if (bits_per_second >= unit.size) {
      return decimal_text(bits_per_second, unit.size) + std::string(unit.name);
    }
  }
  return "0bit";
}

Pace parse_pace(std::string_view text) {
  const auto refuse = [text](std::string_view why) {
    return TextError(quote(text) + " is not a pace: " + std::string(why));
  };
  constexpr std::string_view kHow =
      "write so many in a time, as in 1000/s, 0.25/s or 30/min, with at most three decimals, "
      "or the time between two, as in 4s";
  Pace pace;
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    try {
      pace.time = parse_duration(text);
    } catch (const TextError&) {
      throw refuse(kHow);
    }
  } else {
    const auto thousandths = parse_thousandths(text.substr(0, slash), kS * 3600);
    const Unit* const unit = find_unit(kTimeUnits, text.substr(slash + 1));
    if (!thousandths || unit == nullptr) throw refuse(kHow);
    pace = {.count = *thousandths, .time = Duration(1000 * unit->size)};
  }
  if (pace.count == 0 || pace.time == Duration::zero()) throw refuse("it must be above 0");
  if (pace.count > static_cast<std::uint64_t>(pace.time.count())) {
    throw refuse("it must be at most 1000000000/s");
  }
  return pace;
}

std::optional<std::uint64_t> parse_thousandths(std::string_view text, std::uint64_t max) {
  const auto number = take_number(text);
  if (!number || !number->plain || number->negative || !text.empty()) return std::nullopt;
  const auto thousandths = scaled(*number, 1000, 1000 * max);
  if (!thousandths || thousandths->cut) return std::nullopt;
  return thousandths->value;
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
