#include <lossy/harness/learn/lesson.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include <lossy/core/counted.hpp>
#include <lossy/harness/learn/simulated.hpp>
#include <lossy/harness/report/figure_text.hpp>
#include <lossy/harness/report/readable.hpp>

namespace lossy {

bool Figure::holds() const {
  return std::abs(measured - theory) <= tolerance;  // Never of what is no number.
}

std::string shown(double value, FigureUnit unit) {
  switch (unit) {
    case FigureUnit::kShare:
      return percent_text(value);
    case FigureUnit::kMilliseconds:
      return readable(value / 1000);
    case FigureUnit::kMean:
      if (std::abs(value) < 1e-6) return "0";  // But for rounding.
      return plain_digits(value, 4);
    case FigureUnit::kBytes:
      return counted(static_cast<std::uint64_t>(std::max(0.0, std::round(value))), "byte");
    case FigureUnit::kCount:
      break;
  }
  return std::abs(value - std::round(value)) < 1e-6 ? fmt::format("{:.0f}", value)
                                                    : fmt::format("{:.1f}", value);
}

std::string times_text(double times) {
  return times == 1 ? "once" : plain_digits(times, 3) + " times";
}

void LadderExcerpt::add(std::string line) {
  if (lines.size() < kLinesMax) {
    lines.push_back(std::move(line));
  } else {
    ++more;
  }
}

bool Outcome::holds() const {
  return std::all_of(figures.begin(), figures.end(),
                     [](const Figure& figure) { return figure.holds(); }) &&
         std::all_of(claims.begin(), claims.end(), [](const Claim& claim) { return claim.holds; });
}

std::string why_not(const Lesson& lesson, Parameter parameter) {
  std::string takes;
  for (const Taken& taken : lesson.takes) {
    takes += (takes.empty() ? "--" : ", --") + std::string(text_of(taken.parameter).name);
  }
  return fmt::format("--{}: lesson {} ({}) has no use for it: {}; it takes {}",
                     text_of(parameter).name, lesson.number, lesson.name, lesson.takes_no_other,
                     takes.empty() ? "nothing" : takes);
}

}  // namespace lossy
