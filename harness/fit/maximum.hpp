// The maximum of a smooth function of a few variables, and how sharp it is.
#pragma once

#include <array>
#include <cstddef>
#include <functional>

namespace lossy {

inline constexpr std::size_t kVariablesMax = 4;
using Point = std::array<double, kVariablesMax>;  // Of which the first few are used.
using Matrix = std::array<Point, kVariablesMax>;
using Function = std::function<double(const Point&)>;

struct Maximum {
  Point at{};
  double value = 0;
  // The inverse of minus the second derivatives: of a log-likelihood, the covariances of its
  // variables (the observed information).
  Matrix covariance{};
  bool is_sharp = false;  // There is one: the function falls off in every direction.
};

// Climbs from `start` without derivatives (Nelder and Mead, 1965). No variable of the start is 0:
// the first steps are a fifth of each. Stops after so many calls at the latest.
Point climb(const Function& function, const Point& start, std::size_t variables,
            std::size_t calls_max);

// From near the maximum to it, by Newton's method with numeric derivatives. It gives up, with what
// is not sharp, where the maximum seems to be below `worth`.
Maximum find_maximum(const Function& function, const Point& near, std::size_t variables,
                     double worth);

}  // namespace lossy
