#include <lossy/core/rtt_estimator.hpp>

#include <gtest/gtest.h>

#include <vector>

namespace lossy {
namespace {

using namespace std::chrono_literals;

// One that was sent at the beginning of time.
void measure(RttEstimator& estimator, Duration rtt) {
  estimator.sample(Instant{}, Instant{} + rtt);
}

// Before any measurement the timeout is 1 s (RFC 6298, 2.1; RFC 8085, 3.1.1).
TEST(RttEstimator, StartsAtTheInitialTimeout) {
  EXPECT_EQ(RttEstimator(RetryOptions{}).rto(), 1s);
  EXPECT_EQ(RttEstimator(RetryOptions{.initial_rto = 100ms}).rto(), 100ms);
}

// RFC 6298, 2.2 and 2.3, computed by hand:
//   R = 400 ms: SRTT = 400, RTTVAR = 200, RTO = 400 + 800
//   R = 800 ms: RTTVAR = 3/4 * 200 + 1/4 * 400 = 250, SRTT = 7/8 * 400 + 1/8 * 800 = 450
//   R = 450 ms: RTTVAR = 187.5, SRTT = 450
//   R =  10 ms: RTTVAR = 140.625 + 110 = 250.625, SRTT = 393.75 + 1.25 = 395
TEST(RttEstimator, FollowsRfc6298) {
  RttEstimator estimator(RetryOptions{});
  measure(estimator, 400ms);
  EXPECT_EQ(estimator.rto(), 1200ms);
  measure(estimator, 800ms);
  EXPECT_EQ(estimator.rto(), 450ms + 4 * 250ms);
  measure(estimator, 450ms);
  EXPECT_EQ(estimator.rto(), 450ms + 4 * 187'500us);
  measure(estimator, 10ms);
  EXPECT_EQ(estimator.rto(), 395ms + 4 * 250'625us);
}

// A steady round-trip time wins in the end: the variation fades away, and the timeout comes down to
// it, or to min_rto.
TEST(RttEstimator, ConvergesToASteadyTime) {
  RttEstimator slow(RetryOptions{});
  RttEstimator fast(RetryOptions{});
  for (int i = 0; i < 100; ++i) {
    measure(slow, 500ms);
    measure(fast, 20us);
  }
  EXPECT_GE(slow.rto(), 500ms);
  EXPECT_LT(slow.rto(), 500ms + 1us);
  EXPECT_EQ(fast.rto(), 200ms);
}

// What is measured stays within min_rto and max_rto; the initial timeout may be below the former.
TEST(RttEstimator, KeepsItsBounds) {
  const RetryOptions options{.initial_rto = 10ms, .min_rto = 50ms, .max_rto = 2s};
  RttEstimator estimator(options);
  EXPECT_EQ(estimator.rto(), 10ms);
  measure(estimator, 1ns);
  EXPECT_EQ(estimator.rto(), 50ms);
  measure(estimator, 5s);
  EXPECT_EQ(estimator.rto(), 2s);
}

// Each timeout doubles the next (RFC 6298, 5.5), up to max_rto and never beyond it.
TEST(RttEstimator, BackoffDoublesAndSaturates) {
  const RttEstimator estimator(RetryOptions{});
  std::vector<Duration> timeouts = {1s};
  while (timeouts.size() < 9) timeouts.push_back(estimator.backed_off(timeouts.back()));
  EXPECT_EQ(timeouts, (std::vector<Duration>{1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s, 60s}));

  const RttEstimator odd(RetryOptions{.initial_rto = 1ns, .min_rto = 1ns, .max_rto = 5ns});
  EXPECT_EQ(odd.backed_off(2ns), 4ns);
  EXPECT_EQ(odd.backed_off(3ns), 5ns);
  const RttEstimator longest(RetryOptions{.max_rto = kDurationMax});
  EXPECT_EQ(longest.backed_off(kDurationMax), kDurationMax);
  EXPECT_EQ(longest.backed_off(kDurationMax - 1ns), kDurationMax);
}

// What is sent next begins with the longest timeout that was doubled to, or the one computed if
// that is longer, and a sample forgets it (RFC 6298, the notes behind 5.7).
TEST(RttEstimator, KeepsTheLongestBackedOffUntilASample) {
  const Instant now{};
  RttEstimator estimator(RetryOptions{.max_rto = 10s});
  EXPECT_EQ(estimator.expired(now, 1s), 2s);
  EXPECT_EQ(estimator.rto(), 2s);
  EXPECT_EQ(estimator.expired(now, 4s), 8s);
  EXPECT_EQ(estimator.rto(), 8s);
  EXPECT_EQ(estimator.expired(now, 1s), 2s);  // Of another request.
  EXPECT_EQ(estimator.rto(), 8s);
  EXPECT_EQ(estimator.expired(now, 8s), 10s);
  EXPECT_EQ(estimator.rto(), 10s);
  measure(estimator, 400ms);
  EXPECT_EQ(estimator.rto(), 1200ms);
  EXPECT_EQ(estimator.expired(now, 200ms), 400ms);
  EXPECT_EQ(estimator.rto(), 1200ms);
}

// A timeout counts unless something that was sent later was measured, whichever sample came last.
TEST(RttEstimator, LeavesOldTimeoutsAside) {
  const auto at = [](Duration since_start) { return Instant(since_start); };
  RttEstimator estimator(RetryOptions{});
  estimator.sample(at(100ms), at(140ms));
  estimator.sample(at(50ms), at(150ms));
  const Duration computed = estimator.rto();
  EXPECT_EQ(estimator.expired(at(100ms) - 1ns, 4s), 8s);
  EXPECT_EQ(estimator.rto(), computed);
  EXPECT_EQ(estimator.expired(at(100ms), 4s), 8s);
  EXPECT_EQ(estimator.rto(), 8s);
}

// No time whatever overflows: not the longest, not one before zero, not both in turn.
TEST(RttEstimator, ExtremeTimesDoNotOverflow) {
  RttEstimator estimator(RetryOptions{.max_rto = kDurationMax});
  for (int i = 0; i < 200; ++i) {
    if (i % 2 == 0) {
      estimator.sample(Instant::min(), Instant::max());
    } else {
      estimator.sample(Instant::max(), Instant::min());
    }
    ASSERT_GE(estimator.rto(), 200ms);
    ASSERT_LE(estimator.rto(), kDurationMax);
  }
  RttEstimator steady(RetryOptions{.max_rto = kDurationMax});
  for (int i = 0; i < 200; ++i) measure(steady, Duration::max());
  EXPECT_EQ(steady.rto(), kDurationMax);
}

}  // namespace
}  // namespace lossy
