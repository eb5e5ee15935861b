// Jitter of random fates: its distributions and its correlation.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <lossy/harness/link/distributions_for_test.hpp>
#include <lossy/harness/link/fates_for_test.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

// Jitter has the mean 0, the variance and the shape of a uniform distribution, for either copy
// independently, and nothing else happens.
TEST(RandomFatesDelay, JitterIsUniform) {
  constexpr std::uint64_t kBins = 10'000;
  const auto n = static_cast<double>(kDatagrams);
  for (const Direction direction : kDirections) {
    const Duration jitter = direction == Direction::kUplink ? 1ms : 999'999'937ns;
    const auto spread = static_cast<double>(jitter.count());
    std::vector<std::uint64_t> bins[2] = {std::vector<std::uint64_t>(kBins),
                                          std::vector<std::uint64_t>(kBins)};
    double sums[2] = {};
    double squares[2] = {};
    double products = 0;
    std::uint64_t others = 0;
    for_each_fate(Impairments{.duplicate = percent(100), .jitter = jitter}, 4, direction,
                  kDatagrams, [&](std::uint64_t, const Fate& fate) {
                    double product = 1;
                    for (std::size_t i = 0; i < 2; ++i) {
                      const CopyFate& copy = fate.copy[i];
                      others += copy.held_back || copy.flips_count > 0 ? 1 : 0;
                      const double x = static_cast<double>(copy.extra_delay.count()) / spread;
                      sums[i] += x;
                      squares[i] += x * x;
                      product *= x;
                      ++bins[i].at(static_cast<std::size_t>((x + 1) / 2 * (kBins - 0.001)));
                    }
                    products += product;
                  });
    EXPECT_EQ(others, 0U);
    for (const std::size_t i : {0U, 1U}) {
      EXPECT_NEAR(sums[i] / n, 0, 4 * std::sqrt(1.0 / 3 / n));
      EXPECT_NEAR(squares[i] / n, 1.0 / 3, 4 * std::sqrt((1.0 / 5 - 1.0 / 9) / n));
      double below = 0;
      double distance = 0;
      for (std::size_t bin = 0; bin < kBins; ++bin) {
        below += static_cast<double>(bins[i][bin]);
        const double expected = static_cast<double>(bin + 1) / kBins;
        distance = std::max(distance, std::abs(below / n - expected));
      }
      EXPECT_LT(distance, distance_max(kDatagrams));
    }
    EXPECT_NEAR(products / n, 0, 4.0 / 3 / std::sqrt(n)) << "the copies' jitter is not independent";
  }
}

// The smallest jitter and both ends of it happen: -1 ns, 0 and 1 ns alike.
TEST(RandomFatesDelay, EveryNanosecondOfJitterIsEquallyLikely) {
  std::uint64_t counts[3] = {};
  for_each_fate(Impairments{.jitter = 1ns}, 4, Direction::kUplink, kDatagrams,
                [&](std::uint64_t, const Fate& fate) {
                  const auto at = fate.copy[0].extra_delay.count() + 1;
                  ASSERT_TRUE(at >= 0 && at <= 2);
                  ++counts[at];
                });
  for (const std::uint64_t count : counts) expect_rate(count, kDatagrams, 1.0 / 3, "nanosecond");
}

// With a distribution the delay has its shape, its mean and its deviation, for either copy, alone
// and beside everything else.
TEST(RandomFatesDelay, JitterHasItsDistribution) {
  constexpr Duration kJitter = 8192us;  // So that an entry of the table is so many microseconds.
  for (const std::string name : {"normal", "pareto", "paretonormal"}) {
    for (const bool alone : {true, false}) {
      SCOPED_TRACE(name + (alone ? ", alone" : ", beside everything else"));
      Impairments impairments = alone ? Impairments{} : everything();
      impairments.jitter = kJitter;
      impairments.jitter_correlation = {};
      impairments.distribution = DelayTable::built_in(name);
      EntryCounts entries[2];
      std::uint64_t inexact = 0;
      for_each_fate(impairments, 4, alone ? Direction::kUplink : Direction::kDownlink,
                    alone ? kDatagrams : kDatagrams / 4, [&](std::uint64_t, const Fate& fate) {
                      for (std::size_t i = 0; i < fate.copies_count; ++i) {
                        const CopyFate& copy = fate.copy[i];
                        if (is_early(copy)) continue;
                        const Duration jitter =
                            copy.extra_delay -
                            (copy.held_back ? impairments.reorder_delay : Duration(0));
                        inexact += jitter.count() % 1000 == 0 ? 0 : 1;
                        entries[i].add(jitter.count() / 1000);
                      }
                    });
      EXPECT_EQ(inexact, 0U);
      const DistributionFunction below = closed_form(name);
      for (const EntryCounts& of_copy : entries) {
        if (alone && of_copy.total == 0) continue;  // There is no second copy.
        const auto n = static_cast<double>(of_copy.total);
        EXPECT_GT(n, 20'000);
        EXPECT_NEAR(of_copy.mean(), 0, 4 / std::sqrt(n));
        // The variance of a sample's variance needs the fourth moment.
        const double of_variance = std::sqrt((of_copy.moment(4) - 1) / n);
        EXPECT_NEAR(std::pow(of_copy.deviation(), 2), 1, 4 * of_variance);
        EXPECT_LT(of_copy.distance(below), distance_max(of_copy.total) + 1.0 / 4096);
      }
    }
  }
}

// A correlation keeps the distribution and is itself what was asked for, for either copy.
TEST(RandomFatesDelay, JitterHasItsCorrelation) {
  constexpr std::uint64_t kRun = 200'000;
  constexpr double n = kRun;
  for (const double correlation : {0.0, 25.0, 90.0}) {
    for (const auto& distribution :
         {std::shared_ptr<const DelayTable>(), DelayTable::built_in("normal")}) {
      SCOPED_TRACE(testing::Message() << correlation << "%, " << (distribution ? "normal" : ""));
      const Impairments impairments{.duplicate = percent(100),
                                    .jitter = 3ms,
                                    .jitter_correlation = percent(correlation),
                                    .distribution = distribution};
      // Of the sign, and of being far out: independent where the numbers are.
      EventTally above[2];
      EventTally far[2];
      std::uint64_t both_above = 0;
      for_each_fate(impairments, 4, Direction::kUplink, kRun, [&](std::uint64_t, const Fate& fate) {
        for (std::size_t i = 0; i < 2; ++i) {
          above[i].add(fate.copy[i].extra_delay > 0s);
          far[i].add(fate.copy[i].extra_delay > 2ms);
        }
        both_above += fate.copy[0].extra_delay > 0s && fate.copy[1].extra_delay > 0s ? 1 : 0;
      });
      const double share = distribution ? normal_below(-2.0 / 3) : 1.0 / 6;
      for (const std::size_t i : {0U, 1U}) {
        expect_like(chain_of({percent(50), percent(correlation)}), above[i], "above the mean");
        // An entry of the table more or less is far out.
        const Chain chain = chain_of({percent(share * 100), percent(correlation)});
        const Chain::Figures figures = chain.figures();
        EXPECT_NEAR(static_cast<double>(far[i].events), n * share,
                    4 * std::sqrt(n * figures.events_variance) + n / 4096);
      }
      const double rho = std::pow(correlation / 100, 2);  // Both go on at once.
      expect_count(both_above, n / 4, n * 3 / 16 * (1 + rho) / (1 - rho) * 2, "both above");
    }
  }
}

// With all the correlation there is, the delay never changes.
TEST(RandomFatesDelay, FullCorrelationIsExact) {
  std::set<Duration> seen;
  for_each_fate(Impairments{.jitter = 3ms, .jitter_correlation = percent(100)}, 4,
                Direction::kUplink, 10'000,
                [&](std::uint64_t, const Fate& fate) { seen.insert(fate.copy[0].extra_delay); });
  EXPECT_EQ(seen.size(), 1U);
}

// What is held back has its jitter on top, and so its own delay; what is early has none.
TEST(RandomFatesDelay, HeldBackHasItsJitterToo) {
  double sum = 0;
  const Impairments impairments{.reorder = percent(100),
                                .reorder_delay = 10ms,
                                .early = {percent(50), 1},
                                .delay = kJumpedDelay,
                                .jitter = 2ms};
  std::uint64_t late = 0;
  for_each_fate(impairments, 4, Direction::kUplink, kDatagrams,
                [&](std::uint64_t, const Fate& fate) {
                  const Duration delay = fate.copy[0].extra_delay;
                  ASSERT_TRUE(fate.copy[0].held_back);
                  if (is_early(fate.copy[0])) {
                    ASSERT_EQ(delay, 10ms - kJumpedDelay);
                    return;
                  }
                  ASSERT_GE(delay, 8ms);
                  ASSERT_LE(delay, 12ms);
                  ++late;
                  sum += static_cast<double>(delay.count()) / 1e6;
                });
  const auto n = static_cast<double>(late);
  EXPECT_NEAR(sum / n, 10, 4 * 2 * std::sqrt(1.0 / 3 / n));
  expect_rate(late, kDatagrams, 0.5, "not early");
}

}  // namespace
}  // namespace lossy
