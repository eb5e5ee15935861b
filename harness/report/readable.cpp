#include <lossy/harness/report/readable.hpp>

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace lossy {

std::string plain_digits(double number, int digits) {
  const std::string shown = fmt::format("{:.{}g}", number, digits);
  if (shown.find('e') == std::string::npos) return shown;
  if (std::abs(number) >= 1) return fmt::format("{:.0f}", number);
  const int zeros = -1 - static_cast<int>(std::floor(std::log10(std::abs(number))));
  std::string decimals = fmt::format("{:.{}f}", number, zeros + digits);
  return decimals.substr(0, decimals.find_last_not_of('0') + 1);
}

std::string readable(double seconds) {
  struct Unit {
    double from;  // In seconds.
    double size;
    const char* name;
  };
  constexpr std::array kUnits{Unit{2 * 86400, 86400, "days"}, Unit{7200, 3600, "h"},
                              Unit{1000, 60, "min"}, Unit{1, 1, "s"}, Unit{1e-3, 1e-3, "ms"}};
  if (seconds == 0) return "0 ms";
  for (const auto& [from, size, name] : kUnits) {
    if (seconds >= from) return plain_digits(seconds / size, 4) + ' ' + name;
  }
  return plain_digits(seconds * 1e6, 4) + " us";
}

std::string readable(Duration duration) {
  return readable(in_seconds(duration));
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0 || part == 0) return {};
  const double exact = 100 * static_cast<double>(part) / static_cast<double>(whole);
  const std::string shown = plain_digits(exact, 3) + '%';
  return shown == "100%" && part != whole ? ">99.9%" : shown;
}

}  // namespace lossy
