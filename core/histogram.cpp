#include <lossy/core/histogram.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <numeric>

#include <lossy/core/check.hpp>
#include <lossy/core/random.hpp>

namespace lossy {
namespace {

constexpr int kSubBits = 10;
constexpr std::uint64_t kSubCount = std::uint64_t{1} << kSubBits;

// Values below 2 * kSubCount have a bucket each; above, each power of two is cut into kSubCount.
std::size_t bucket_of(std::uint64_t value) {
  const int shift = std::max(0, static_cast<int>(std::bit_width(value)) - kSubBits - 1);
  return static_cast<std::size_t>((static_cast<std::uint64_t>(shift) << kSubBits) +
                                  (value >> shift));
}

std::uint64_t middle_of(std::size_t bucket) {
  if (bucket < 2 * kSubCount) return bucket;
  const auto shift = static_cast<int>(bucket / kSubCount - 1);
  const std::uint64_t low = (bucket - (static_cast<std::uint64_t>(shift) << kSubBits)) << shift;
  return low + (std::uint64_t{1} << shift) / 2;
}

}  // namespace

void Histogram::add(Duration value) {
  const Duration counted = std::max(value, Duration::zero());
  const std::size_t bucket = bucket_of(static_cast<std::uint64_t>(counted.count()));
  if (bucket >= buckets_.size()) buckets_.resize(bucket + 1);
  ++buckets_[bucket];
  ++count_;
  min_ = std::min(min_, counted);
  max_ = std::max(max_, counted);
}

Duration Histogram::quantile(std::uint64_t numerator, std::uint64_t denominator) const {
  check(denominator > 0 && numerator <= denominator, "Histogram::quantile: outside [0, 1]");
  if (count_ == 0) return Duration::zero();
  const auto wanted =
      static_cast<std::uint64_t>((Uint128{count_} * numerator + denominator - 1) / denominator);
  std::uint64_t seen = 0;
  std::size_t bucket = 0;
  while (bucket + 1 < buckets_.size() && (seen += buckets_[bucket]) < wanted) ++bucket;
  const Duration middle(static_cast<Duration::rep>(middle_of(bucket)));
  return std::clamp(middle, min(), max());
}

std::uint64_t Histogram::count_below(Duration bound) const {
  if (bound <= Duration::zero()) return 0;
  const std::size_t end =
      std::min(buckets_.size(), bucket_of(static_cast<std::uint64_t>(bound.count())));
  return std::accumulate(buckets_.begin(), buckets_.begin() + static_cast<std::ptrdiff_t>(end),
                         std::uint64_t{0});
}

}  // namespace lossy
