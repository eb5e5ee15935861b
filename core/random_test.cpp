#include <lossy/core/random.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace lossy {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

// How many of n draws of a stream make the event happen.
std::uint64_t happened(Probability probability, RandomStream stream, std::uint64_t n) {
  std::uint64_t count = 0;
  for (std::uint64_t i = 1; i <= n; ++i) count += probability.happens(stream.at(i)) ? 1 : 0;
  return count;
}

// Pearson's statistic of counts that should all be equal, in standard deviations from its mean.
double chi_squared_sigmas(const std::vector<std::uint64_t>& counts) {
  double total = 0;
  for (const std::uint64_t count : counts) total += static_cast<double>(count);
  const double expected = total / static_cast<double>(counts.size());
  double statistic = 0;
  for (const std::uint64_t count : counts) {
    statistic += std::pow(static_cast<double>(count) - expected, 2) / expected;
  }
  const double freedom = static_cast<double>(counts.size()) - 1;
  return (statistic - freedom) / std::sqrt(2 * freedom);
}

// The generator is SplitMix64: these are the outputs its authors and its users publish for this
// seed. Recordings and golden captures stand on them.
TEST(Random, IsSplitMix64) {
  constexpr RandomStream stream(1234567);
  EXPECT_EQ(stream.at(1), 6457827717110365317U);
  EXPECT_EQ(stream.at(2), 3203168211198807973U);
  EXPECT_EQ(stream.at(3), 9817491932198370423U);
  EXPECT_EQ(stream.at(4), 4593380528125082431U);
  EXPECT_EQ(stream.at(5), 16408922859458223821U);
}

// Any position can be asked for at any time, in constant expressions too.
TEST(Random, IsAFunctionOfKeyAndPosition) {
  static_assert(RandomStream(1234567).at(5) == 16408922859458223821U);
  const RandomStream stream(1);
  const std::uint64_t third = stream.at(3);
  (void)stream.at(kMax);
  EXPECT_EQ(stream.at(3), third);
}

// How streams derive from streams is pinned: changing it would change every recording.
TEST(Random, StreamsArePinned) {
  const RandomStream zero(0);
  EXPECT_EQ(zero.stream(0).at(1), 11923130667873509210U);
  EXPECT_EQ(zero.stream(1).at(1), 189867062603121276U);
  EXPECT_EQ(zero.stream(2).at(1), 12622595547960920781U);
  EXPECT_EQ(zero.stream(kMax).at(1), 16462359259705441794U);
  EXPECT_EQ(zero.stream(1).stream(2).at(3), 8803025431302503053U);
  EXPECT_EQ(RandomStream(1).stream(1).at(1), 5545059916015567776U);
  EXPECT_EQ(RandomStream(1).stream(1).stream(2).at(3), 15966281584736780279U);
  EXPECT_EQ(RandomStream(1234567).stream(1).at(1), 8967918213257086779U);
  EXPECT_EQ(RandomStream(1234567).stream(1).stream(2).at(3), 14402891051958481984U);
}

// The distributions are pinned, value for value.
TEST(Random, UniformBelowIsPinned) {
  const RandomStream stream(1);
  const std::vector<std::uint64_t> below_ten = {5, 7, 9, 4, 4, 7, 8, 5};
  const std::vector<std::uint64_t> below_prime = {566563, 745783, 971005, 444360,
                                                  444266, 762896, 877351, 523068};
  for (std::uint64_t i = 0; i < 8; ++i) {
    EXPECT_EQ(uniform_below(stream.at(i + 1), 10), below_ten[i]);
    EXPECT_EQ(uniform_below(stream.at(i + 1), 1'000'003), below_prime[i]);
    EXPECT_EQ(uniform_below(stream.at(i + 1), kMax), stream.at(i + 1) - 1);
  }
}

// Every value below the bound can come, and none at or above it.
TEST(Random, UniformBelowKeepsItsBounds) {
  for (const std::uint64_t draw : {std::uint64_t{0}, std::uint64_t{1} << 63, kMax}) {
    EXPECT_EQ(uniform_below(draw, 0), 0U);
    EXPECT_EQ(uniform_below(draw, 1), 0U);
  }
  for (const std::uint64_t bound : {std::uint64_t{2}, std::uint64_t{1000}, kMax}) {
    EXPECT_EQ(uniform_below(0, bound), 0U);
    EXPECT_EQ(uniform_below(kMax, bound), bound - 1);
  }
}

TEST(Random, UniformSpreadIsPinned) {
  const RandomStream stream(1);
  const std::vector<Duration::rep> jitter = {2'662'463,  9'831'271,  18'840'111, -2'225'631,
                                             -2'229'412, 10'515'776, 15'093'948, 922'687};
  const std::vector<Duration::rep> widest = {133'123'150'344'561'923,  491'563'514'525'402'379,
                                             942'005'507'173'592'587,  -111'281'565'888'455'807,
                                             -111'470'598'347'283'741, 525'788'783'823'522'080,
                                             754'697'373'528'346'112,  46'134'359'701'962'931};
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(uniform_spread(stream.at(i + 1), 20ms).count(), jitter[i]);
    EXPECT_EQ(uniform_spread(stream.at(i + 1), kDurationMax).count(), widest[i]);
  }
}

// Both ends belong to the spread, and a spread of nothing is nothing.
TEST(Random, UniformSpreadReachesBothEnds) {
  for (const Duration spread : {Duration(0ns), Duration(1ns), Duration(10ms), kDurationMax}) {
    EXPECT_EQ(uniform_spread(0, spread), -spread);
    EXPECT_EQ(uniform_spread(kMax, spread), spread);
  }
}

// A ratio becomes the nearest threshold, and 0 and 1 are exact.
TEST(Random, RatioIsPinned) {
  const auto threshold = [](std::uint64_t numerator, std::uint64_t denominator) {
    return Probability::ratio(numerator, denominator).threshold();
  };
  EXPECT_EQ(threshold(0, 1), 0U);
  EXPECT_EQ(threshold(1, 1), Probability::kOne);
  EXPECT_EQ(threshold(1, 2), Probability::kOne / 2);
  EXPECT_EQ(threshold(1, 3), 3074457345618258603U);
  EXPECT_EQ(threshold(2, 3), 6148914691236517205U);
  EXPECT_EQ(threshold(1, 10), 922337203685477581U);
  EXPECT_EQ(threshold(1, 100), 92233720368547758U);
  EXPECT_EQ(threshold(10, 1000), threshold(1, 100));
  EXPECT_EQ(threshold(3, 1000), 27670116110564327U);
  EXPECT_EQ(threshold(1, 1'000'000), 9223372036855U);
  EXPECT_EQ(threshold(kMax - 1, kMax), Probability::kOne - 1);
  EXPECT_EQ(threshold(1, kMax), 1U);
  EXPECT_EQ(threshold(kMax, kMax), Probability::kOne);
  EXPECT_TRUE(Probability().is_zero());
  EXPECT_FALSE(Probability::ratio(1, kMax).is_zero());
}

TEST(Random, RatioRefusesWhatIsNoProbability) {
  EXPECT_THROW((void)Probability::ratio(1, 0), std::logic_error);
  EXPECT_THROW((void)Probability::ratio(0, 0), std::logic_error);
  EXPECT_THROW((void)Probability::ratio(11, 10), std::logic_error);
}

// 0 never happens and 1 always does, whatever is drawn.
TEST(Random, NeverAndAlwaysAreExact) {
  const Probability never = Probability::ratio(0, 100);
  const Probability always = Probability::ratio(100, 100);
  for (const std::uint64_t draw : {std::uint64_t{0}, std::uint64_t{1}, kMax / 2, kMax - 1, kMax}) {
    EXPECT_FALSE(never.happens(draw));
    EXPECT_TRUE(always.happens(draw));
  }
}

// Which draws make an event happen is pinned: bit i stands for draw i + 1 of key 1.
TEST(Random, HappeningsArePinned) {
  const auto first_64 = [](Probability probability) {
    std::uint64_t bits = 0;
    for (int i = 0; i < 64; ++i) {
      const auto n = static_cast<std::uint64_t>(i) + 1;
      if (probability.happens(RandomStream(1).at(n))) bits |= std::uint64_t{1} << i;
    }
    return bits;
  };
  EXPECT_EQ(first_64(Probability::ratio(1, 2)), 0x22DCC40713F0D518U);
  EXPECT_EQ(first_64(Probability::ratio(1, 3)), 0x229CC40413B08100U);
  EXPECT_EQ(first_64(Probability::ratio(1, 10)), 0x2080000012300000U);
}

// Raising a rate only adds events: what happened at the lower one still happens.
TEST(Random, RaisingARateOnlyAddsEvents) {
  const RandomStream stream(5);
  for (std::uint64_t i = 1; i <= 10'000; ++i) {
    if (Probability::ratio(1, 10).happens(stream.at(i))) {
      ASSERT_TRUE(Probability::ratio(11, 100).happens(stream.at(i)));
    }
  }
}

// The configured rate is the rate that happens.
TEST(Random, RateIsWhatWasAskedFor) {
  constexpr std::uint64_t kDraws = 1'000'000;
  for (const auto& [numerator, denominator] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
           {1, 10'000}, {1, 100}, {1, 10}, {1, 2}, {9, 10}, {999, 1000}}) {
    const double p = static_cast<double>(numerator) / static_cast<double>(denominator);
    const double sigma = std::sqrt(kDraws * p * (1 - p));
    for (const std::uint64_t key : {0U, 1U, 2U, 12345U}) {
      const auto count = static_cast<double>(
          happened(Probability::ratio(numerator, denominator), RandomStream(key), kDraws));
      EXPECT_NEAR(count, kDraws * p, 4 * sigma) << "key " << key;
    }
  }
}

// Every value of a small range is equally likely, and every nanosecond of a small spread.
TEST(Random, SmallRangesAreUniform) {
  const RandomStream stream(3);
  for (const std::uint64_t bound : {2U, 3U, 10U, 257U}) {
    std::vector<std::uint64_t> counts(bound);
    for (std::uint64_t i = 1; i <= 500'000; ++i) ++counts[uniform_below(stream.at(i), bound)];
    EXPECT_LT(std::abs(chi_squared_sigmas(counts)), 4) << "bound " << bound;
  }
  std::vector<std::uint64_t> counts(5);
  for (std::uint64_t i = 1; i <= 500'000; ++i) {
    ++counts[static_cast<std::size_t>(uniform_spread(stream.at(i), 2ns).count() + 2)];
  }
  EXPECT_LT(std::abs(chi_squared_sigmas(counts)), 4);
}

// Jitter has the mean 0 and the variance of a uniform distribution, and its shape
// (Kolmogorov-Smirnov).
TEST(Random, UniformSpreadHasItsMomentsAndShape) {
  constexpr std::size_t kDraws = 200'000;
  constexpr double kSpread = 5e6;
  const RandomStream stream(7);
  std::vector<double> values(kDraws);
  double sum = 0;
  double squares = 0;
  for (std::size_t i = 0; i < kDraws; ++i) {
    values[i] = static_cast<double>(uniform_spread(stream.at(i + 1), 5ms).count()) / kSpread;
    sum += values[i];
    squares += values[i] * values[i];
  }
  constexpr double kVariance = 1.0 / 3;
  constexpr double kVarianceOfSquares = 1.0 / 5 - 1.0 / 9;
  EXPECT_NEAR(sum / kDraws, 0, 4 * std::sqrt(kVariance / kDraws));
  EXPECT_NEAR(squares / kDraws, kVariance, 4 * std::sqrt(kVarianceOfSquares / kDraws));

  std::sort(values.begin(), values.end());
  double distance = 0;
  for (std::size_t i = 0; i < kDraws; ++i) {
    const double expected = (values[i] + 1) / 2;
    distance = std::max(distance, std::abs(static_cast<double>(i + 1) / kDraws - expected));
  }
  // The distance that a true uniform distribution exceeds as rarely as a normal one 4 sigma.
  EXPECT_LT(distance, 2.28 / std::sqrt(kDraws));
}

// Streams do not echo one another: neither parent and child, nor neighbours, nor a stream and its
// own next number, nor the streams of neighbouring seeds.
TEST(Random, StreamsAreIndependent) {
  const RandomStream parent(1);
  struct Pair {
    const char* what;
    RandomStream a;
    RandomStream b;
    std::uint64_t lag;
  };
  const std::vector<Pair> pairs = {
      {"parent and child", parent, parent.stream(1), 0},
      {"siblings", parent.stream(1), parent.stream(2), 0},
      {"far siblings", parent.stream(1), parent.stream(1'000'000), 0},
      {"cousins", parent.stream(1).stream(2), parent.stream(2).stream(1), 0},
      {"child and grandchild", parent.stream(1), parent.stream(1).stream(1), 0},
      {"a number and its next", parent, parent, 1},
      {"neighbouring seeds", RandomStream(1), RandomStream(2), 0},
      {"neighbouring seeds' streams", RandomStream(1).stream(1), RandomStream(2).stream(1), 0},
      {"neighbouring seeds' streams, one on", RandomStream(0).stream(1), RandomStream(1).stream(1),
       1},
  };
  constexpr std::uint64_t kDraws = 100'000;
  for (const Pair& pair : pairs) {
    SCOPED_TRACE(pair.what);
    std::vector<std::uint64_t> joint(256);
    std::vector<std::uint64_t> low_bits(256);
    std::uint64_t equal_bits = 0;
    for (std::uint64_t i = 1; i <= kDraws; ++i) {
      const std::uint64_t a = pair.a.at(i);
      const std::uint64_t b = pair.b.at(i + pair.lag);
      ++joint[a >> 60 << 4 | b >> 60];
      ++low_bits[(a & 15) << 4 | (b & 15)];
      equal_bits += static_cast<std::uint64_t>(std::popcount(~(a ^ b)));
    }
    EXPECT_LT(std::abs(chi_squared_sigmas(joint)), 4);
    EXPECT_LT(std::abs(chi_squared_sigmas(low_bits)), 4);
    EXPECT_NEAR(static_cast<double>(equal_bits), 32.0 * kDraws, 4 * std::sqrt(16.0 * kDraws));
  }
}

// Derived streams do not fall onto each other: all first numbers of many streams differ.
TEST(Random, StreamsDoNotCollide) {
  std::vector<std::uint64_t> firsts;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    for (std::uint64_t n = 0; n < 1000; ++n) {
      firsts.push_back(RandomStream(seed).stream(n).at(1));
    }
  }
  std::sort(firsts.begin(), firsts.end());
  EXPECT_EQ(std::adjacent_find(firsts.begin(), firsts.end()), firsts.end());
}

}  // namespace
}  // namespace lossy
