#include <lossy/harness/sim/host.hpp>

#include <gtest/gtest.h>

#include <stdexcept>

#include <lossy/core/random.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

// A clock shows true time, unless it is set or runs otherwise.
TEST(HostClock, SaysWhatItShould) {
  EXPECT_EQ(HostClock().local(Instant(5s)), Instant(5s));
  EXPECT_EQ(HostClock(-2s).local(Instant(5s)), Instant(3s));
  EXPECT_EQ(HostClock(1h, 100).local(Instant(10s)), Instant(1h + 10s + 1ms));
  EXPECT_EQ(HostClock(0s, -999'999).local(Instant(1s)), Instant(1us));
  EXPECT_EQ(HostClock(0s, 1'000'000).local(Instant(1s)), Instant(2s));
}

// The first moment at which it says a time or more is one at which it does, and no earlier one.
TEST(HostClock, KnowsWhenItSaysATime) {
  const RandomStream draws(1);
  for (std::uint64_t n = 1; n <= 20'000; ++n) {
    const std::uint64_t draw = draws.at(n);
    const auto drift = static_cast<std::int64_t>(draw % 2'000'000) - 999'999;
    const Duration offset = uniform_spread(draws.stream(1).at(n), 1h);
    const HostClock clock(offset, drift);
    const Instant local(uniform_spread(draws.stream(2).at(n), (draw >> 40) % 2 == 0 ? 1us : 24h));
    const Instant when = clock.when_it_says(local);
    ASSERT_GE(when, Instant{});
    ASSERT_GE(clock.local(when), local);
    if (when > Instant{}) {
      ASSERT_LT(clock.local(when - 1ns), local);
    }
  }
}

// Neither end of time is passed, and never stays never.
TEST(HostClock, EndsWithTime) {
  const HostClock fast(1h, 500'000);
  EXPECT_EQ(fast.local(Instant::max()), Instant::max());
  EXPECT_EQ(fast.when_it_says(Instant::max()), Instant::max());
  EXPECT_EQ(HostClock(0s, -999'999).when_it_says(Instant(1s)), Instant(1'000'000s));
  EXPECT_EQ(HostClock(0s, -999'999).when_it_says(Instant::max() - 1ns), Instant::max());
  EXPECT_EQ(fast.when_it_says(Instant::min()), Instant{});
}

TEST(HostClock, RefusesWhatStandsStill) {
  EXPECT_THROW(HostClock(0s, -1'000'000), std::logic_error);
  EXPECT_THROW(HostClock(0s, 1'000'001), std::logic_error);
}

}  // namespace
}  // namespace lossy
