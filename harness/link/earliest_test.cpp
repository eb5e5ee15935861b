#include <lossy/harness/link/earliest.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include <lossy/core/random.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

// Whatever is set, the earliest is found, of equal ones the lowest: as looking at all of them does
// it, for any number of sources.
TEST(Earliest, IsWhatLookingAtAllFinds) {
  for (std::size_t sources = 0; sources <= 70; ++sources) {
    SCOPED_TRACE(sources);
    const RandomStream stream(sources);
    Earliest earliest(sources);
    std::vector<Instant> all(sources, Instant::max());
    for (std::uint64_t n = 1; n <= 2000 && sources > 0; ++n) {
      const std::uint64_t draw = stream.at(n);
      const std::size_t source = draw % sources;
      // Few times, so that many are equal; now and then none, and the ends of time.
      const std::uint64_t kind = (draw >> 32) % 16;
      all[source] = kind == 0   ? Instant::max()
                    : kind == 1 ? Instant::min()
                                : Instant(Duration(static_cast<Duration::rep>(kind)));
      earliest.set(source, all[source]);
      const auto expected = std::ranges::min_element(all);
      ASSERT_EQ(earliest.when(), *expected);
      ASSERT_EQ(earliest.source(), static_cast<std::size_t>(expected - all.begin()));
    }
  }
}

// In the beginning nobody has an event.
TEST(Earliest, BeginsWithNothing) {
  for (const std::size_t sources : {0U, 1U, 2U, 3U, 100U}) {
    EXPECT_EQ(Earliest(sources).when(), Instant::max());
  }
}

// Setting the same time again changes nothing.
TEST(Earliest, SettingTheSameChangesNothing) {
  Earliest earliest(3);
  earliest.set(2, Instant(5ms));
  earliest.set(1, Instant(5ms));
  earliest.set(2, Instant(5ms));
  EXPECT_EQ(earliest.source(), 1U);
  EXPECT_EQ(earliest.when(), Instant(5ms));
}

}  // namespace
}  // namespace lossy
