#include <lossy/core/clock.hpp>

#include <gtest/gtest.h>

namespace lossy {
namespace {

using namespace std::chrono_literals;

constexpr Instant at(Duration since_epoch) {
  return Instant(since_epoch);
}

// Sums of times stop at the first and the last Instant there is, and never wrap around.
TEST(Clock, SaturatingAddStopsAtTheEnds) {
  EXPECT_EQ(saturating_add(at(1s), 2s), at(3s));
  EXPECT_EQ(saturating_add(at(1s), -2s), at(-1s));
  EXPECT_EQ(saturating_add(Instant::max(), Duration::zero()), Instant::max());
  EXPECT_EQ(saturating_add(Instant::max() - 1ns, 1ns), Instant::max());
  EXPECT_EQ(saturating_add(Instant::max() - 1ns, 2ns), Instant::max());
  EXPECT_EQ(saturating_add(Instant::max(), Duration::max()), Instant::max());
  EXPECT_EQ(saturating_add(Instant::min(), Duration::min()), Instant::min());
  EXPECT_EQ(saturating_add(Instant::min(), Duration::max()), at(-1ns));
}

// Differences stop at the longest Duration, in both directions.
TEST(Clock, SaturatingBetweenStopsAtTheEnds) {
  EXPECT_EQ(saturating_between(at(1s), at(3s)), 2s);
  EXPECT_EQ(saturating_between(at(3s), at(1s)), -2s);
  EXPECT_EQ(saturating_between(at(-1ns), Instant::max()), Duration::max());
  EXPECT_EQ(saturating_between(Instant::min(), Instant::max()), Duration::max());
  EXPECT_EQ(saturating_between(Instant::max(), Instant::min()), Duration::min());
}

}  // namespace
}  // namespace lossy
