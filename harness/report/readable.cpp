#include "harness/report/readable.hpp"

#include <fmt/format.h>

namespace lossy {

std::string readable(Duration duration) {
  const double seconds = in_seconds(duration);
  if (seconds >= 1000) return fmt::format("{:.0f} s", seconds);
  if (seconds >= 1) return fmt::format("{:.4g} s", seconds);
  if (seconds >= 0.001 || seconds == 0) return fmt::format("{:.4g} ms", seconds * 1e3);
  return fmt::format("{:.4g} us", seconds * 1e6);
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0 || part == 0) return {};
  const double exact = 100 * static_cast<double>(part) / static_cast<double>(whole);
  const std::string shown = fmt::format("{:.3g}%", exact);
  return shown == "100%" && part != whole ? ">99.9%" : shown;
}

}  // namespace lossy
