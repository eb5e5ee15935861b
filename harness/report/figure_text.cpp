#include "harness/report/figure_text.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace lossy {

std::string percent_text(double share) {
  return fmt::format("{:.3g}%", 100 * share);
}

std::string milliseconds_text(double ms) {
  return fmt::format("{:.4g} ms", ms);
}

std::string bit_rate_text(double bits_per_second) {
  constexpr std::array kUnits{std::pair{1e9, "Gbit/s"}, std::pair{1e6, "Mbit/s"},
                              std::pair{1e3, "kbit/s"}};
  for (const auto& [size, name] : kUnits) {
    if (bits_per_second >= size) return fmt::format("{:.4g} {}", bits_per_second / size, name);
  }
  return fmt::format("{:.4g} bit/s", bits_per_second);
}

}  // namespace lossy
