// How far from its expectation a number may be that chance decides, so that a lesson which is right
// fails once in a million runs at most.
//
// Bernstein's inequality: of a sum of independent terms with variance V in all, none of them
// farther than 1 from its mean, P(|sum - mean| > t) <= 2 exp(-t^2 / (2 V + 2 t / 3)). It holds for
// every number of terms, rare events included, where a normal distribution would promise too much.
#pragma once

#include <cmath>

namespace lossy {

inline double sum_tolerance(double variance) {
  const double l = std::log(2e6);
  return l / 3 + std::sqrt(l * l / 9 + 2 * l * variance);
}

// Of a count among `tries`, each counted with probability p. Where one try resembles the one
// before, they count as so many fewer: `inflation` is (1 + c) / (1 - c) for a Markov chain of two
// states with correlation c.
inline double count_tolerance(double tries, double p, double inflation = 1) {
  if (p <= 0 || p >= 1) return 0;  // Then nothing is left to chance.
  return inflation * sum_tolerance(tries * p * (1 - p) / inflation);
}

// The same as a share of the tries.
inline double share_tolerance(double tries, double p, double inflation = 1) {
  return tries > 0 ? count_tolerance(tries, p, inflation) / tries : 0;
}

}  // namespace lossy
