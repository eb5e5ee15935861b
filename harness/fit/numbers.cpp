#include <lossy/harness/fit/numbers.hpp>

#include <algorithm>

namespace lossy {

double natural_log(double x) {
  int exponent = 0;
  double mantissa = std::frexp(x, &exponent);  // In [1/2, 1).
  constexpr double kRootOfHalf = 0.70710678118654752440;
  if (mantissa < kRootOfHalf) {
    mantissa *= 2;
    --exponent;
  }
  // ln m = 2 artanh((m - 1) / (m + 1)), whose square is below 0.03.
  const double t = (mantissa - 1) / (mantissa + 1);
  const double square = t * t;
  double series = 0;
  for (int odd = 25; odd >= 1; odd -= 2) series = series * square + 1.0 / odd;
  constexpr double kLog2 = 0.69314718055994530942;
  return 2 * t * series + exponent * kLog2;
}

Estimate share_of(std::uint64_t count, std::uint64_t of) {
  const double n = static_cast<double>(of);
  const double p = static_cast<double>(count) / n;
  return {p, std::sqrt(p * (1 - p) / n)};
}

double rounded_to_error(double value, double error) {
  if (error <= 0) return value;
  double above = 1;  // 1 / unit, or unit where that is 1 or more.
  double half = error / 2;
  if (half >= 1) {
    while (above * 10 <= half) above *= 10;
    return std::round(value / above) * above;
  }
  while (above * half < 1 && above < 1e12) above *= 10;
  return std::round(value * above) / above;
}

Probability rounded_probability(const Estimate& estimate) {
  constexpr std::uint64_t kParts = 1'000'000'000'000;
  const double value = std::clamp(rounded_to_error(estimate.value, estimate.error), 0.0, 1.0);
  return Probability::ratio(
      static_cast<std::uint64_t>(std::llround(value * static_cast<double>(kParts))), kParts);
}

Duration rounded_duration(const Estimate& nanoseconds) {
  const double value = rounded_to_error(nanoseconds.value, std::max(nanoseconds.error, 1.0));
  return Duration(std::llround(std::clamp(value, 0.0, static_cast<double>(kDurationMax.count()))));
}

}  // namespace lossy
