#include <lossy/harness/link/correlated_stream.hpp>

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include <lossy/harness/link/chain_for_test.hpp>

namespace lossy {
namespace {

constexpr std::uint64_t kNumbers = 1'000'000;

// Numbers are repeated as often as the correlation says, and are otherwise new and uniform, so that
// the correlation at lag 1 is the one asked for. (Of signs, whose products are independent.)
TEST(CorrelatedStream, TheCorrelationIsTheOneAskedFor) {
  for (const double correlation : {0.0, 0.1, 1.0, 25.0, 50.0, 99.0}) {
    SCOPED_TRACE(correlation);
    CorrelatedStream stream(RandomStream(4), percent(correlation));
    const double rho = correlation / 100;
    std::uint64_t repeats = 0;
    std::uint64_t same_half = 0;
    EventTally upper_half;
    std::uint64_t before = stream.at(1);
    for (std::uint64_t n = 2; n <= kNumbers; ++n) {
      const std::uint64_t number = stream.at(n);
      repeats += number == before ? 1 : 0;
      same_half += (number ^ before) >> 63 == 0 ? 1 : 0;
      upper_half.add(number >> 63 != 0);
      before = number;
    }
    expect_rate(repeats, kNumbers - 1, rho, "repeats");
    expect_rate(same_half, kNumbers - 1, (1 + rho) / 2, "same signs");
    expect_like(chain_of({percent(50), percent(correlation)}), upper_half, "upper half");
  }
}

// Without correlation it is the stream itself; with all of it, one number for ever.
TEST(CorrelatedStream, ZeroAndAHundredAreExact) {
  const RandomStream plain(4);
  CorrelatedStream none(plain, {});
  CorrelatedStream all(plain, percent(100));
  for (std::uint64_t n = 1; n <= 10'000; ++n) {
    ASSERT_EQ(none.at(n), plain.at(n));
    ASSERT_EQ(all.at(n), plain.at(1));
  }
  // Nothing is counted up to there.
  EXPECT_EQ(CorrelatedStream(plain, percent(100)).at(~std::uint64_t{0}), plain.at(1));
  EXPECT_EQ(CorrelatedStream(plain, percent(99)).at(1), plain.at(1));
}

// A number is a function of its place, whichever others are asked for.
TEST(CorrelatedStream, ANumberBelongsToItsPlace) {
  for (const double correlation : {0.0, 30.0, 99.0, 100.0}) {
    CorrelatedStream all(RandomStream(4), percent(correlation));
    CorrelatedStream some(RandomStream(4), percent(correlation));
    for (std::uint64_t n = 1; n <= 20'000; ++n) {
      const std::uint64_t number = all.at(n);
      if (n % 97 == 0 || n % 89 < 3) {
        ASSERT_EQ(some.at(n), number) << n;
        ASSERT_EQ(some.at(n), number) << n << ", asked again";
      }
      if (n % 1000 == 0) {
        ASSERT_EQ(CorrelatedStream(RandomStream(4), percent(correlation)).at(n), number);
      }
    }
  }
}

// The numbers that are repeated are those of the stream without correlation.
TEST(CorrelatedStream, RepeatsTheStreamItself) {
  const RandomStream plain(4);
  std::set<std::uint64_t> all;
  for (std::uint64_t n = 1; n <= 1000; ++n) all.insert(plain.at(n));
  CorrelatedStream stream(plain, percent(50));
  for (std::uint64_t n = 1; n <= 1000; ++n) ASSERT_TRUE(all.contains(stream.at(n)));
}

// A chance keeps its probability whatever its correlation, and its runs are as long as they say.
TEST(ChanceStream, KeepsItsRate) {
  for (const double rate : {0.1, 10.0, 50.0, 97.0}) {
    for (const double correlation : {0.0, 25.0, 90.0}) {
      SCOPED_TRACE(testing::Message() << rate << "% " << correlation << '%');
      const Chance chance{percent(rate), percent(correlation)};
      ChanceStream stream(chance, RandomStream(4));
      EventTally tally;
      for (std::uint64_t n = 1; n <= kNumbers; ++n) tally.add(stream.happens(n));
      expect_like(chain_of(chance), tally, "chance");
      const Chain::Figures figures = chain_of(chance).figures();
      const double p = rate / 100;
      EXPECT_NEAR(figures.events, p, 1e-9);
      EXPECT_NEAR(figures.mean_run(), 1 / ((1 - correlation / 100) * (1 - p)), 1e-6);
    }
  }
}

// 0% never happens and 100% always does, with any correlation.
TEST(ChanceStream, ZeroAndAHundredAreExact) {
  for (const double correlation : {0.0, 25.0, 100.0}) {
    ChanceStream never({{}, percent(correlation)}, RandomStream(4));
    ChanceStream always({percent(100), percent(correlation)}, RandomStream(4));
    EXPECT_TRUE(never.never());
    EXPECT_FALSE(always.never());
    for (std::uint64_t n = 1; n <= 10'000; ++n) {
      ASSERT_FALSE(never.happens(n));
      ASSERT_TRUE(always.happens(n));
    }
  }
}

// Raising a probability only adds events, with any correlation.
TEST(ChanceStream, RaisingAProbabilityOnlyAddsEvents) {
  for (const double correlation : {0.0, 25.0, 90.0}) {
    ChanceStream lower({percent(20), percent(correlation)}, RandomStream(4));
    ChanceStream higher({percent(22), percent(correlation)}, RandomStream(4));
    int added = 0;
    for (std::uint64_t n = 1; n <= 20'000; ++n) {
      const bool happened = lower.happens(n);
      const bool happens = higher.happens(n);
      ASSERT_TRUE(happens || !happened) << n;
      added += happens && !happened ? 1 : 0;
    }
    EXPECT_GT(added, 0);
  }
}

}  // namespace
}  // namespace lossy
