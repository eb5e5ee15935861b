#include <lossy/harness/link/early.hpp>

#include <gtest/gtest.h>

#include <cmath>

#include <lossy/harness/link/chain_for_test.hpp>

namespace lossy {
namespace {

constexpr std::uint64_t kDatagrams = 1'000'000;

// 1 / (gap - 1 + 1 / p) of the datagrams jump, never fewer than gap - 1 apart.
TEST(EarlyProcess, JumpsAsOftenAsItsClosedForm) {
  for (const double rate : {0.1, 25.0, 50.0, 100.0}) {
    for (const std::uint64_t gap : {1U, 2U, 5U, 100U}) {
      SCOPED_TRACE(testing::Message() << rate << "% gap " << gap);
      EarlyProcess process({percent(rate), gap}, RandomStream(4));
      std::uint64_t jumps = 0;
      std::uint64_t last = 0;
      for (std::uint64_t n = 1; n <= kDatagrams; ++n) {
        if (!process.jumps(n)) continue;
        ASSERT_GE(n - last, gap);
        last = n;
        ++jumps;
      }
      // A renewal process: the time between two jumps is gap - 1 and a geometric one.
      const double p = rate / 100;
      const double mean = static_cast<double>(gap) - 1 + 1 / p;
      const double variance = (1 - p) / (p * p);
      const auto n = static_cast<double>(kDatagrams);
      EXPECT_NEAR(static_cast<double>(jumps), n / mean,
                  4 * std::sqrt(n * variance / (mean * mean * mean)) + 1);
    }
  }
}

// With certainty every gap-th jumps, exactly; at 0% none does.
TEST(EarlyProcess, ZeroAndAHundredAreExact) {
  for (const std::uint64_t gap : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{7}}) {
    EarlyProcess always({percent(100), gap}, RandomStream(4));
    EarlyProcess never({{}, gap}, RandomStream(4));
    EarlyProcess from_100({percent(100), gap}, RandomStream(4), 100);
    EXPECT_TRUE(never.never());
    for (std::uint64_t n = 1; n <= 1000; ++n) {
      ASSERT_EQ(always.jumps(n), n % gap == 0) << n;
      ASSERT_FALSE(never.jumps(n)) << n;
      if (n >= 100) {
        ASSERT_EQ(from_100.jumps(n), (n - 99) % gap == 0) << n;
      }
    }
  }
  EarlyProcess endless({percent(100), ~std::uint64_t{0}}, RandomStream(4));
  for (std::uint64_t n = 1; n <= 1000; ++n) ASSERT_FALSE(endless.jumps(n));
}

// Without a gap it is a chance with its correlation.
TEST(EarlyProcess, KeepsItsCorrelation) {
  const Chance chance{percent(25), percent(50)};
  EarlyProcess process({chance, 1}, RandomStream(4));
  EventTally tally;
  for (std::uint64_t n = 1; n <= kDatagrams; ++n) tally.add(process.jumps(n));
  expect_like(chain_of(chance), tally, "early");
}

// With a gap the correlation shows, too: once a jump was refused it is refused for longer.
TEST(EarlyProcess, TheCorrelationReachesBeyondAGap) {
  std::uint64_t jumps[2] = {};
  for (const int correlated : {0, 1}) {
    EarlyProcess process({{percent(50), percent(correlated * 90)}, 2}, RandomStream(4));
    for (std::uint64_t n = 1; n <= kDatagrams; ++n) jumps[correlated] += process.jumps(n) ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(jumps[0]), 1e6 / 3, 4 * std::sqrt(1e6 * 2 / 27));
  // While the draws allow it, which is half of the time, every second jumps; else none.
  EXPECT_LT(jumps[1], jumps[0] * 9 / 10);
}

// A jump is the same for whoever asks for some numbers only.
TEST(EarlyProcess, AJumpBelongsToItsNumber) {
  for (const std::uint64_t gap : {1U, 4U}) {
    const Early early{{percent(30), percent(20)}, gap};
    EarlyProcess all(early, RandomStream(4), 3);
    EarlyProcess some(early, RandomStream(4), 3);
    for (std::uint64_t n = 3; n <= 20'000; ++n) {
      const bool jumps = all.jumps(n);
      if (n % 13 < 2) {
        ASSERT_EQ(some.jumps(n), jumps) << n;
        ASSERT_EQ(some.jumps(n), jumps) << n << ", asked again";
      }
    }
  }
}

}  // namespace
}  // namespace lossy
