// The closed forms of the built-in distributions of delay, and how far a sample is from one.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace lossy {

// What jitter is multiplied with, as a distribution function: P(X < x). All are cut off at
// kHighest.
using DistributionFunction = std::function<double(double)>;

inline constexpr double kHighest = 32767.0 / 8192;

inline double normal_below(double x) {
  return std::erfc(-x / std::sqrt(2.0)) / 2;
}

// Pareto's distribution with shape 3, P(X > x) = x^-3, whose mean and deviation are 0 and 1 once it
// is cut off at c: E = (3 - c^-2) / 2, E^2 = 3 - 2 / c.
struct StandardPareto {
  double mean = 0;
  double deviation = 0;

  StandardPareto() {
    double low = 1;
    double high = 1000;
    for (int i = 0; i < 200; ++i) {
      const double c = (low + high) / 2;
      mean = (3 - 1 / (c * c)) / 2;
      deviation = std::sqrt(3 - 2 / c - mean * mean);
      ((c - mean) / deviation < kHighest ? low : high) = c;
    }
  }
  double below(double x) const {
    return x > kHighest ? 1 : 1 - std::pow(std::max(mean + x * deviation, 1.0), -3);
  }
  // The quantile of 1 - `above`.
  double quantile(double above) const {
    return std::min((std::pow(above, -1.0 / 3) - mean) / deviation, kHighest);
  }
};

// Three quarters of pareto's and one quarter of normal's quantile, with the mean 0 and the
// deviation 1; z is the normal one.
struct StandardParetonormal {
  StandardPareto pareto;
  double mean = 0;
  double deviation = 1;

  StandardParetonormal() {
    double sum = 0;
    double squares = 0;
    double weights = 0;
    for (double z = -8; z <= 8; z += 1.0 / 4096) {
      const double weight = std::exp(-z * z / 2);
      const double x = mixed(z);
      sum += weight * x;
      squares += weight * x * x;
      weights += weight;
    }
    mean = sum / weights;
    deviation = std::sqrt(squares / weights - mean * mean);
  }
  double mixed(double z) const { return (3 * pareto.quantile(normal_below(-z)) + z) / 4; }
  double below(double x) const {
    if (x > kHighest) return 1;
    double low = -9;
    double high = 9;
    for (int i = 0; i < 60; ++i) {
      const double z = (low + high) / 2;
      (mixed(z) < mean + x * deviation ? low : high) = z;
    }
    return normal_below(low);
  }
};

inline DistributionFunction closed_form(std::string_view name) {
  if (name == "pareto") return [p = StandardPareto()](double x) { return p.below(x); };
  if (name == "paretonormal") return [p = StandardParetonormal()](double x) { return p.below(x); };
  return normal_below;
}

// How often each entry of a table, or multiple of 1 / 8192 of the jitter, was seen.
struct EntryCounts {
  std::vector<std::uint64_t> counts = std::vector<std::uint64_t>(65'536);
  std::uint64_t total = 0;

  void add(std::int64_t entry) {
    ++counts.at(static_cast<std::size_t>(entry + 32'768));
    ++total;
  }

  // Kolmogorov and Smirnov's.
  double distance(const DistributionFunction& below) const {
    const auto n = static_cast<double>(total);
    double seen = 0;
    double result = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] == 0) continue;
      const double x = (static_cast<double>(i) - 32'768) / 8192;
      const double before = seen / n;
      seen += static_cast<double>(counts[i]);
      // An entry stands for all that is rounded to it.
      const double half = 0.5 / 8192;
      result = std::max({result, std::abs(before - below(std::min(x, kHighest) - half)),
                         std::abs(seen / n - below(x + half))});
    }
    return result;
  }
  double mean() const { return moment(1); }
  double deviation() const { return std::sqrt(moment(2) - mean() * mean()); }
  double moment(int power) const {
    double sum = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] == 0) continue;
      const double x = (static_cast<double>(i) - 32'768) / 8192;
      sum += static_cast<double>(counts[i]) * std::pow(x, power);
    }
    return sum / static_cast<double>(total);
  }
};

// The distance that a sample exceeds as rarely as a normal variable 4 standard deviations.
inline double distance_max(std::uint64_t sample) {
  return 2.28 / std::sqrt(static_cast<double>(sample));
}

}  // namespace lossy
