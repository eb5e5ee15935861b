#include <lossy/harness/link/quantity.hpp>

#include <algorithm>

#include <lossy/harness/link/scan.hpp>
#include <lossy/harness/link/text.hpp>

namespace lossy {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
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

}  // namespace

bool take_sign(std::string_view& text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  return negative;
}

std::optional<Number> take_number(std::string_view& text) {
  std::string_view rest = text;
  Number number{.negative = take_sign(rest), .plain = !text.starts_with('+')};
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
    if (full && rest.front() != '0') number.exact = false;
    if (full != fraction) number.exponent += full ? 1 : -1;
  }
  if (!any) return std::nullopt;
  const std::size_t before = rest.size();
  number.exponent += take_exponent(rest);
  number.plain = number.plain && rest.size() == before;
  text = rest;
  if (number.digits == 0) number.exponent = 0;
  for (; number.exponent < 0 && number.digits % 10 == 0; ++number.exponent) number.digits /= 10;
  return number;
}

std::optional<Probability> ratio_of(const Number& number, int places) {
  // digits / 10^below, brought to where both fit.
  std::uint64_t digits = number.digits;
  std::int64_t below = places - number.exponent;
  for (; digits > 0 && below > kPlacesMax; --below) digits /= 10;
  if (digits == 0) return Probability();
  if (below < 0) return std::nullopt;
  const std::uint64_t all = power_of_ten(static_cast<std::uint64_t>(below));
  if (digits > all) return std::nullopt;
  return Probability::ratio(digits, all);
}

std::optional<Scaled> scaled(const Number& number, std::uint64_t unit, std::uint64_t max) {
  Uint128 value = Uint128{number.digits} * unit;
  std::int64_t exponent = number.exponent;
  bool cut = !number.exact;
  for (; exponent < 0 && value > 0; ++exponent) {
    cut = cut || value % 10 != 0;
    value /= 10;
  }
  for (; exponent > 0 && value > 0 && value <= max; --exponent) value *= 10;
  if (value > max) return std::nullopt;
  return Scaled{static_cast<std::uint64_t>(value), cut};
}

const Unit* find_unit(std::span<const Unit> units, std::string_view name) {
  const auto found = std::ranges::find_if(units, [name](const Unit& unit) {
    return std::ranges::equal(unit.name, name, {}, {}, lower);
  });
  return found == units.end() ? nullptr : &*found;
}

std::uint64_t parse_quantity(std::string_view text, const Quantity& quantity) {
  const auto refuse = [&](std::string_view why, std::string_view what = {}) {
    return TextError(quote(text) + " is not a " + std::string(quantity.name) + ": " +
                     std::string(why) + std::string(what));
  };
  const bool ours = !quantity.whole_of.empty();
  std::string_view rest = text;
  const auto number = take_number(rest);
  if (!number || (ours && !number->plain)) {
    throw refuse("write a number and a unit, as in ", quantity.example);
  }
  if (number->negative && (ours || number->digits > 0)) throw refuse("it must not be negative");
  if (ours && rest.starts_with(' ')) rest.remove_prefix(1);
  const bool bare = rest.empty();
  const Unit* const unit = find_unit(quantity.units, rest);
  if (!bare && unit == nullptr) throw refuse(quantity.units_are);
  if (bare && ours && number->digits > 0) throw refuse("it needs a unit, as in ", quantity.example);
  const auto value = scaled(*number, bare ? quantity.bare_unit : unit->size, quantity.max);
  if (ours && (!value || value->cut)) {
    throw refuse("it must be whole " + std::string(quantity.whole_of) + " and at most ",
                 quantity.max_text);
  }
  if (!value) throw refuse("it must be at most ", quantity.max_text);
  if (value->value == 0 && number->digits > 0 && !quantity.one_text.empty()) {
    throw refuse("it must be at least ", quantity.one_text);
  }
  return value->value;
}

}  // namespace lossy
