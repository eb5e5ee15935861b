#include <lossy/harness/report/figure_text.hpp>

#include <array>
#include <utility>

#include <lossy/harness/report/readable.hpp>

namespace lossy {

std::string percent_text(double share) {
  return plain_digits(100 * share, 3) + '%';
}

std::string bit_rate_text(double bits_per_second) {
  constexpr std::array kUnits{std::pair{1e12, "Tbit/s"}, std::pair{1e9, "Gbit/s"},
                              std::pair{1e6, "Mbit/s"}, std::pair{1e3, "kbit/s"}};
  for (const auto& [size, name] : kUnits) {
    if (bits_per_second >= size) return plain_digits(bits_per_second / size, 4) + ' ' + name;
  }
  return plain_digits(bits_per_second, 4) + " bit/s";
}

}  // namespace lossy
