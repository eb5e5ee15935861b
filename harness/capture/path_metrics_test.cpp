#include <lossy/harness/capture/path_metrics.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include <lossy/core/random.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

class PathMetricsTest : public testing::Test {
 protected:
  void sent(std::uint32_t number, Duration at) {
    tracker.sent(number, Instant(at), metrics, budget);
  }
  void arrived(std::uint32_t number, Duration at) {
    tracker.arrived(number, Instant(at), metrics, budget);
  }
  // Sends 1 to `count` a millisecond apart, and has those arrive that are listed, in that order.
  void run(std::uint32_t count, const std::vector<std::uint32_t>& arrivals) {
    for (std::uint32_t n = 1; n <= count; ++n) sent(n, n * 1ms);
    Duration at = 1s;
    for (const std::uint32_t n : arrivals) arrived(n, at += 1ms);
    tracker.finish(metrics);
  }

  PathTracker tracker;
  PathMetrics metrics;
  PathBudget budget;
};

// RFC 3357: a loss period is a run of losses, and the end of the capture ends no datagram's way.
TEST_F(PathMetricsTest, CountsLossPeriods) {
  run(10, {1, 4, 5, 7, 8});  // Lost: 2 3, 6, 9 10.
  EXPECT_EQ(metrics.counters.sent, 10U);
  EXPECT_EQ(metrics.counters.arrived, 5U);
  EXPECT_EQ(metrics.counters.lost, 5U);
  EXPECT_EQ(metrics.loss_periods, 3U);
  EXPECT_EQ(metrics.longest_loss_period, 2U);
  EXPECT_EQ(metrics.counters.reordered, 0U);
}

// What is known to be under way when the capture ends is not lost, and parts losses.
TEST_F(PathMetricsTest, WhatIsInFlightIsNotLost) {
  for (std::uint32_t n = 1; n <= 6; ++n) sent(n, n * 1ms);
  arrived(1, 10ms);
  tracker.in_flight(1);  // A second copy of it.
  tracker.in_flight(3);
  tracker.in_flight(5);
  tracker.in_flight(7);  // Never sent.
  tracker.finish(metrics);
  EXPECT_EQ(metrics.counters.sent, 6U);
  EXPECT_EQ(metrics.counters.arrived, 1U);
  EXPECT_EQ(metrics.counters.in_flight, 2U);
  EXPECT_EQ(metrics.counters.lost, 3U);
  EXPECT_EQ(tracker.counters().in_flight, 2U);
  EXPECT_EQ(metrics.loss_periods, 3U);
  EXPECT_EQ(metrics.longest_loss_period, 1U);
  PathTracker empty;
  empty.in_flight(1);
}

// RFC 5560: what arrives again is a duplicate, reorders nothing and has no delay of its own.
TEST_F(PathMetricsTest, CountsDuplicates) {
  run(3, {1, 2, 1, 1, 3, 2});
  EXPECT_EQ(metrics.counters.duplicated, 3U);
  EXPECT_EQ(metrics.counters.reordered, 0U);
  EXPECT_EQ(metrics.counters.arrived, 3U);
  EXPECT_EQ(metrics.delay.count(), 3U);
}

// What RFC 4737 section 4.2.3 calls the extent: 4, 5 and 6 come after 7, and 2 after all of them.
TEST_F(PathMetricsTest, MeasuresReordering) {
  run(8, {1, 3, 7, 4, 5, 6, 8, 2});
  EXPECT_EQ(metrics.counters.reordered, 4U);
  EXPECT_EQ(metrics.extent_max, 6U);  // From 3, the second, to 2, the eighth.
  EXPECT_EQ(metrics.extent_sum, 1U + 2 + 3 + 6);
}

// The definition of RFC 4737, done without any memory of its own: for each arrival the earliest one
// before it that was sent later.
TEST_F(PathMetricsTest, ReorderingIsWhatTheDefinitionSays) {
  for (std::uint64_t round = 0; round < 50; ++round) {
    const RandomStream random = RandomStream(3).stream(round);
    std::vector<std::uint32_t> arrivals;
    for (std::uint32_t n = 1; n <= 200; ++n) {
      if (random.at(n) % 10 != 0) arrivals.push_back(n);
    }
    for (std::size_t i = 0; i + 20 < arrivals.size(); ++i) {
      std::swap(arrivals[i], arrivals[i + random.at(1000 + i) % (round % 19 + 1)]);
    }
    std::uint64_t reordered = 0;
    std::uint64_t extents = 0;
    for (std::size_t i = 0; i < arrivals.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (arrivals[j] < arrivals[i]) continue;
        ++reordered;
        extents += i - j;
        break;
      }
    }
    tracker = {};
    metrics = {};
    run(200, arrivals);
    ASSERT_EQ(metrics.counters.reordered, reordered) << round;
    ASSERT_EQ(metrics.extent_sum, extents) << round;
  }
}

// Delays are from leaving to arriving; their variation is between neighbours as they were sent
// (RFC 3393), whatever the order in which they came, and there is none beside a loss.
TEST_F(PathMetricsTest, MeasuresDelays) {
  for (std::uint32_t n = 1; n <= 5; ++n) sent(n, n * 100ms);
  arrived(2, 230ms);
  arrived(1, 250ms);  // 150 ms; 2 took 30 ms.
  arrived(3, 340ms);  // 40 ms.
  arrived(5, 520ms);  // 20 ms; 4 is lost.
  tracker.finish(metrics);
  EXPECT_EQ(metrics.delay.count(), 4U);
  EXPECT_EQ(metrics.delay.min(), 20ms);
  EXPECT_EQ(metrics.delay.max(), 150ms);
  EXPECT_EQ(metrics.delay_variation.count(), 2U);
  EXPECT_EQ(metrics.delay_variation.min(), 10ms);
  EXPECT_EQ(metrics.delay_variation.max(), 120ms);
}

// Numbers of 16 bits wrap around, and what was sent before the last 65,536 is settled.
TEST_F(PathMetricsTest, NumbersWrapAround) {
  for (std::uint32_t n = 1; n <= 200'000; ++n) {
    sent(n & 0xFFFF, n * 1us);
    if (n % 1000 != 0) arrived(n & 0xFFFF, n * 1us + 5us);
  }
  tracker.finish(metrics);
  EXPECT_EQ(metrics.counters.lost, 200U);
  EXPECT_EQ(metrics.loss_periods, 200U);
  EXPECT_EQ(metrics.counters.arrived, 199'800U);
  EXPECT_EQ(metrics.counters.reordered, 0U);
  EXPECT_EQ(metrics.delay.max(), 5us);
}

// What was never seen to be sent is neither a loss nor an arrival.
TEST_F(PathMetricsTest, CountsWhatCameFromNowhere) {
  arrived(1, 1s);
  run(1, {2, 1});
  EXPECT_EQ(metrics.counters.unmatched, 2U);
  EXPECT_EQ(metrics.counters.arrived, 1U);
}

// Without memory left there are fewer figures, and no growth.
TEST_F(PathMetricsTest, StaysWithinItsBudget) {
  budget = {.datagrams = 100, .gaps = 4};
  std::vector<std::uint32_t> even;
  for (std::uint32_t n = 2; n <= 1000; n += 2) even.push_back(n);
  run(1000, even);
  EXPECT_EQ(budget.datagrams, 36U);
  EXPECT_EQ(metrics.counters.sent, metrics.counters.arrived + metrics.counters.lost);
  PathTracker other;
  budget.datagrams = 0;
  other.sent(1, Instant(0s), metrics, budget);
  EXPECT_EQ(other.counters().sent, 0U);
}

}  // namespace
}  // namespace lossy
