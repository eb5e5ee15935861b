// Counts durations in bounded memory: whatever their number, a quantile is known to within 0.1 %.
#pragma once

#include <cstdint>
#include <vector>

#include <lossy/core/clock.hpp>

namespace lossy {

// Buckets are 1/1024 of their power of two wide, so that small and large durations are told apart
// equally well. Durations below zero count as zero.
class Histogram {
 public:
  void add(Duration value);

  std::uint64_t count() const { return count_; }
  // Exact. Of an empty histogram, zero.
  Duration min() const { return count_ == 0 ? Duration::zero() : min_; }
  Duration max() const { return max_; }

  // The smallest value that at least numerator / denominator of all values do not exceed, rounded
  // to the middle of its bucket. Of an empty histogram, zero. The fraction must lie in [0, 1].
  Duration quantile(std::uint64_t numerator, std::uint64_t denominator) const;

  // How many values lie below `bound`: exact when that is a power of two nanoseconds, and else
  // known as well as a quantile.
  std::uint64_t count_below(Duration bound) const;

 private:
  // Grows with the largest value, to at most 54 * 1024 counts.
  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  Duration min_ = Duration::max();
  Duration max_ = Duration::zero();
};

}  // namespace lossy
