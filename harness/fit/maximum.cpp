#include <lossy/harness/fit/maximum.hpp>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

namespace lossy {
namespace {

struct Corner {
  Point at{};
  double value = 0;
};

// center + factor * (center - away)
Point reflected(const Point& center, const Point& away, double factor, std::size_t variables) {
  Point point{};
  for (std::size_t i = 0; i < variables; ++i) {
    point[i] = center[i] + factor * (center[i] - away[i]);
  }
  return point;
}

// The inverse of a matrix that is positive definite, or nothing (Gauss and Jordan).
std::optional<Matrix> inverse_of(Matrix matrix, std::size_t size) {
  Matrix inverse{};
  for (std::size_t i = 0; i < size; ++i) inverse[i][i] = 1;
  for (std::size_t i = 0; i < size; ++i) {
    const double pivot = matrix[i][i];
    if (!(pivot > 0)) return std::nullopt;
    for (std::size_t j = 0; j < size; ++j) {
      matrix[i][j] /= pivot;
      inverse[i][j] /= pivot;
    }
    for (std::size_t k = 0; k < size; ++k) {
      if (k == i) continue;
      const double factor = matrix[k][i];
      for (std::size_t j = 0; j < size; ++j) {
        matrix[k][j] -= factor * matrix[i][j];
        inverse[k][j] -= factor * inverse[i][j];
      }
    }
  }
  return inverse;
}

class Curvature {
 public:
  Curvature(const Function& function, std::size_t variables)
      : function_(function), variables_(variables) {}

  // Steps that change the function by about a tenth, as far as it is a parabola.
  void choose_steps(const Point& at, double value) {
    for (std::size_t i = 0; i < variables_; ++i) {
      double step = 1e-3 * std::max(std::abs(at[i]), 1e-6);
      for (int tries = 0; tries < 40; ++tries) {
        const double lower = 2 * value - moved(at, i, step) - moved(at, i, -step);
        if (lower > 0.01 && lower < 1) break;
        step *= lower <= 0.01 ? 4 : 0.3;
        if (step > 0.3 * std::abs(at[i])) {
          step = 0.3 * std::abs(at[i]);
          break;
        }
      }
      steps_[i] = step;
    }
  }

  void look(const Point& at, double value) {
    for (std::size_t i = 0; i < variables_; ++i) {
      const double above = moved(at, i, steps_[i]);
      const double below = moved(at, i, -steps_[i]);
      slope[i] = (above - below) / (2 * steps_[i]);
      fall[i][i] = (2 * value - above - below) / (steps_[i] * steps_[i]);
      for (std::size_t j = 0; j < i; ++j) fall[i][j] = fall[j][i] = mixed(at, i, j);
    }
  }

  Point slope{};
  Matrix fall{};  // Minus the second derivatives.

 private:
  double moved(Point at, std::size_t i, double by) const {
    at[i] += by;
    return function_(at);
  }
  double mixed(const Point& at, std::size_t i, std::size_t j) const {
    double sum = 0;
    for (const int a : {1, -1}) {
      for (const int b : {1, -1}) {
        Point point = at;
        point[i] += a * steps_[i];
        point[j] += b * steps_[j];
        sum += a * b * function_(point);
      }
    }
    return -sum / (4 * steps_[i] * steps_[j]);
  }

  const Function& function_;
  std::size_t variables_;
  Point steps_{};
};

}  // namespace

Point climb(const Function& function, const Point& start, std::size_t variables,
            std::size_t calls_max) {
  std::size_t calls = 0;
  const auto look = [&](const Point& at) {
    ++calls;
    return Corner{at, function(at)};
  };
  std::vector<Corner> corners{look(start)};
  for (std::size_t i = 0; i < variables; ++i) {
    Point at = start;
    at[i] *= 1.2;
    corners.push_back(look(at));
  }
  const auto is_higher = [](const Corner& a, const Corner& b) { return a.value > b.value; };
  while (calls < calls_max) {
    std::stable_sort(corners.begin(), corners.end(), is_higher);
    if (corners.front().value - corners.back().value < 0.03) break;
    Point center{};
    for (std::size_t i = 0; i < variables; ++i) {
      for (std::size_t c = 0; c < variables; ++c) {
        center[i] += corners[c].at[i] / static_cast<double>(variables);
      }
    }
    Corner& lowest = corners.back();
    Corner next = look(reflected(center, lowest.at, 1, variables));
    if (next.value > corners.front().value) {
      const Corner further = look(reflected(center, lowest.at, 2, variables));
      lowest = further.value > next.value ? further : next;
      continue;
    }
    if (next.value > corners[variables - 1].value) {
      lowest = next;
      continue;
    }
    const double towards = next.value > lowest.value ? 0.5 : -0.5;
    next = look(reflected(center, lowest.at, towards, variables));
    if (next.value > lowest.value) {
      lowest = next;
      continue;
    }
    for (std::size_t c = 1; c < corners.size(); ++c) {
      corners[c] = look(reflected(corners.front().at, corners[c].at, -0.5, variables));
    }
  }
  return std::max_element(corners.begin(), corners.end(),
                          [](const Corner& a, const Corner& b) { return a.value < b.value; })
      ->at;
}

Maximum find_maximum(const Function& function, const Point& near, std::size_t variables,
                     double worth) {
  Maximum maximum{.at = near, .value = function(near)};
  Curvature curvature(function, variables);
  for (int rounds = 0; rounds < 30; ++rounds) {
    if (rounds < 2) curvature.choose_steps(maximum.at, maximum.value);
    curvature.look(maximum.at, maximum.value);
    auto inverse = inverse_of(curvature.fall, variables);
    maximum.is_sharp = inverse.has_value();
    if (inverse) maximum.covariance = *inverse;
    // On a ridge or in a dip, shorter steps and rather up the slope (Levenberg and Marquardt).
    for (double more = 0.1; !inverse && more < 1e5; more *= 10) {
      Matrix bent = curvature.fall;
      for (std::size_t i = 0; i < variables; ++i) bent[i][i] += more * std::abs(bent[i][i]);
      inverse = inverse_of(bent, variables);
    }
    if (!inverse) break;
    Point step{};
    double gain = 0;  // As far as the function is a parabola, twice what the step gains.
    for (std::size_t i = 0; i < variables; ++i) {
      for (std::size_t j = 0; j < variables; ++j) step[i] += (*inverse)[i][j] * curvature.slope[j];
      gain += step[i] * curvature.slope[i];
    }
    if (gain < 1e-6) break;  // A thousandth of a standard error.
    if (rounds >= 2 && maximum.value + 5 * gain < worth) {
      maximum.is_sharp = false;
      break;
    }
    bool higher = false;
    for (double part = 1; part > 1e-3 && !higher; part /= 2) {
      Point at = maximum.at;
      for (std::size_t i = 0; i < variables; ++i) at[i] += part * step[i];
      const double value = function(at);
      higher = value > maximum.value;
      if (higher) maximum = {at, value, maximum.covariance, maximum.is_sharp};
    }
    if (!higher) break;
  }
  return maximum;
}

}  // namespace lossy
