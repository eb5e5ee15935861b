// The pieces that the readers and printers of the link's texts share.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lossy {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// What isspace() says in C's own locale, and so what tc takes for white space.
constexpr bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Without white space at its ends. What is left of nothing else is its beginning.
constexpr std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  return text;
}

// Takes what stands before the first of `ends` off the front of `text`, or all of it.
constexpr std::string_view take_until(std::string_view& text, std::string_view ends) {
  const std::string_view taken = text.substr(0, text.find_first_of(ends));
  text.remove_prefix(taken.size());
  return taken;
}

// The same, and what ended it is gone, too.
constexpr std::string_view take_part(std::string_view& text, std::string_view ends) {
  const std::string_view taken = take_until(text, ends);
  text.remove_prefix(std::min<std::size_t>(text.size(), 1));
  return taken;
}

// For an exponent of at most 19.
constexpr std::uint64_t power_of_ten(std::uint64_t exponent) {
  std::uint64_t power = 1;
  for (; exponent > 0; --exponent) power *= 10;
  return power;
}

// value / unit in decimal, without trailing zeros. `unit` is a power of ten.
inline std::string decimal_text(std::uint64_t value, std::uint64_t unit) {
  std::string text = std::to_string(value / unit);
  if (value % unit == 0) return text;
  std::string fraction = std::to_string(unit + value % unit).substr(1);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return text + '.' + fraction;
}

}  // namespace lossy
