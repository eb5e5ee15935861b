// What the fits reckon with. The same digits come out on every machine: nothing here or above asks
// the C library for more than IEEE 754 fixes, and the compiler fuses no operations
// (CMakeLists.txt).
#pragma once

#include <cmath>
#include <cstdint>

#include <lossy/core/clock.hpp>
#include <lossy/core/random.hpp>

namespace lossy {

// A figure and its standard error.
struct Estimate {
  double value = 0;
  double error = 0;
};

// The natural logarithm of a number above 0, to within a few units in the last place.
double natural_log(double x);

// The share of `count` in `of`, which is not 0, as a probability that each had alike. The error is
// the binomial one.
Estimate share_of(std::uint64_t count, std::uint64_t of);

// The nearest multiple of the power of ten at or below `error` / 2: what the rest of the digits of
// `value` say is chance. Multiples are of 10^-12 at the least; without an error all digits count.
double rounded_to_error(double value, double error);

// The same, as a link is told it. Nanoseconds of what is below 0 are 0.
Probability rounded_probability(const Estimate& estimate);
Duration rounded_duration(const Estimate& nanoseconds);

}  // namespace lossy
