#include <lossy/core/histogram.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <lossy/core/random.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

// The quantile's definition, on the values themselves.
Duration exact_quantile(std::vector<Duration> values, std::size_t numerator,
                        std::size_t denominator) {
  std::sort(values.begin(), values.end());
  const std::size_t rank = (values.size() * numerator + denominator - 1) / denominator;
  return values[std::max<std::size_t>(rank, 1) - 1];
}

// Quantiles of values of every magnitude are right to within 0.1 %, smallest and largest exactly.
TEST(Histogram, QuantilesAreWithinATenthOfAPercent) {
  const RandomStream stream(1);
  for (int bits = 1; bits <= 63; ++bits) {
    SCOPED_TRACE(bits);
    Histogram histogram;
    std::vector<Duration> values;
    for (std::uint64_t i = 1; i <= 1000; ++i) {
      values.emplace_back(static_cast<Duration::rep>(stream.at(i) >> (64 - bits)));
      histogram.add(values.back());
    }
    EXPECT_EQ(histogram.count(), 1000U);
    EXPECT_EQ(histogram.min(), exact_quantile(values, 0, 100));
    EXPECT_EQ(histogram.max(), exact_quantile(values, 100, 100));
    for (std::size_t percent = 0; percent <= 100; ++percent) {
      const auto exact = static_cast<double>(exact_quantile(values, percent, 100).count());
      const auto found = static_cast<double>(histogram.quantile(percent, 100).count());
      ASSERT_LE(std::abs(found - exact), exact / 1000) << percent << " %";
    }
  }
}

// Small durations, below 2048 ns, are known exactly, at every rank.
TEST(Histogram, SmallValuesAreExact) {
  Histogram histogram;
  for (int i = 1; i <= 2047; ++i) histogram.add(Duration(i));
  for (std::uint64_t i = 1; i <= 2047; ++i) {
    EXPECT_EQ(histogram.quantile(i, 2047), Duration(static_cast<Duration::rep>(i)));
  }
  EXPECT_EQ(histogram.quantile(1, 2), 1024ns);
}

TEST(Histogram, QuantilesStayBetweenSmallestAndLargest) {
  Histogram histogram;
  histogram.add(1'000'001ns);
  for (const std::uint64_t percent : {0U, 1U, 50U, 99U, 100U}) {
    EXPECT_EQ(histogram.quantile(percent, 100), 1'000'001ns);
  }
  histogram.add(1'000'003ns);
  EXPECT_GE(histogram.quantile(0, 100), 1'000'001ns);
  EXPECT_LE(histogram.quantile(100, 100), 1'000'003ns);
}

// The median of an even number is the lower of the middle two, and p99 of 100 is the 99th.
TEST(Histogram, QuantileIsTheSmallestThatEnoughDoNotExceed) {
  Histogram histogram;
  for (int i = 1; i <= 100; ++i) histogram.add(Duration(i));
  EXPECT_EQ(histogram.quantile(1, 2), 50ns);
  EXPECT_EQ(histogram.quantile(99, 100), 99ns);
  EXPECT_EQ(histogram.quantile(991, 1000), 100ns);
  EXPECT_EQ(histogram.quantile(1, 1'000'000), 1ns);
}

TEST(Histogram, EmptyIsZeroEverywhere) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.min(), 0ns);
  EXPECT_EQ(histogram.max(), 0ns);
  EXPECT_EQ(histogram.quantile(1, 2), 0ns);
}

// The extremes of a Duration have a bucket, too, and what is below zero counts as zero.
TEST(Histogram, TakesEveryDuration) {
  Histogram histogram;
  histogram.add(Duration::min());
  histogram.add(-1ns);
  EXPECT_EQ(histogram.max(), 0ns);
  histogram.add(Duration::max());
  EXPECT_EQ(histogram.min(), 0ns);
  EXPECT_EQ(histogram.max(), Duration::max());
  EXPECT_EQ(histogram.quantile(1, 2), 0ns);
  const double error = 1 - static_cast<double>(histogram.quantile(1, 1).count()) /
                               static_cast<double>(Duration::max().count());
  EXPECT_LE(std::abs(error), 0.001);
}

TEST(Histogram, RefusesWhatIsNoFraction) {
  Histogram histogram;
  EXPECT_THROW((void)histogram.quantile(1, 0), std::logic_error);
  EXPECT_THROW((void)histogram.quantile(2, 1), std::logic_error);
}

// Powers of two part the values exactly, however wide the buckets are there.
TEST(Histogram, CountsBelowAPowerOfTwo) {
  Histogram histogram;
  EXPECT_EQ(histogram.count_below(Duration(1)), 0U);
  std::uint64_t added = 0;
  for (int power = 0; power < 60; ++power) {
    const std::int64_t value = std::int64_t{1} << power;
    for (const std::int64_t below : {value / 2, value - 1}) {
      histogram.add(Duration(below));
      ++added;
    }
    histogram.add(Duration(value));
    EXPECT_EQ(histogram.count_below(Duration(value)), added);
    ++added;
  }
  EXPECT_EQ(histogram.count_below(Duration::max()), added);
  EXPECT_EQ(histogram.count_below(Duration::zero()), 0U);
}

}  // namespace
}  // namespace lossy
