#include <lossy/harness/capture/timestamp_unit.hpp>

#include <gtest/gtest.h>

#include <limits>

namespace lossy {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

// Powers of ten and of two, coarser and finer than nanoseconds, which are rounded down to.
TEST(TimestampUnitTest, KnowsEveryPower) {
  EXPECT_EQ(TimestampUnit().at(1'700'000'000'123'456), Instant(1'700'000'000s + 123'456us));
  EXPECT_EQ(TimestampUnit::of(9, 0).at(1'700'000'000'123'456'789),
            Instant(1'700'000'000'123'456'789ns));
  EXPECT_EQ(TimestampUnit::of(0, 0).at(1'700'000'000), Instant(1'700'000'000s));
  EXPECT_EQ(TimestampUnit::of(3, 0).at(1'700'000'000'123), Instant(1'700'000'000s + 123ms));
  EXPECT_EQ(TimestampUnit::of(12, 0).at(1'700'000'000'999), Instant(1'700'000'000ns));
  EXPECT_EQ(TimestampUnit::of(0x80, 0).at(7), Instant(7s));
  EXPECT_EQ(TimestampUnit::of(0x81, 0).at(7), Instant(3'500ms));
  EXPECT_EQ(TimestampUnit::of(0x80 + 32, 0).at(0x1'4000'0000), Instant(1'250ms));
  EXPECT_EQ(TimestampUnit::of(0x80 + 63, 0).at(kMost), Instant(1'999'999'999ns));
  EXPECT_EQ(TimestampUnit::of(0x80 + 64, 0).at(kMost), Instant(999'999'999ns));
  // Never more than so many nanoseconds in all.
  EXPECT_EQ(TimestampUnit::of(28, 0).at(kMost), Instant(1ns));
  EXPECT_EQ(TimestampUnit::of(27, 0).at(kMost), Instant(18ns));
  EXPECT_EQ(TimestampUnit::of(29, 0).at(kMost), Instant());
  EXPECT_EQ(TimestampUnit::of(127, 0).at(kMost), Instant());
  EXPECT_EQ(TimestampUnit::of(0xFF, 0).at(kMost), Instant());
}

// The offset is added, whichever sign it has.
TEST(TimestampUnitTest, AddsTheOffset) {
  EXPECT_EQ(TimestampUnit::of(6, 10).at(5), Instant(10s + 5us));
  EXPECT_EQ(TimestampUnit::of(6, -10).at(15'000'000), Instant(5s));
  EXPECT_EQ(TimestampUnit::of(0x81, 1).at(1), Instant(1'500ms));
}

// What no record can have becomes the nearest time that one can.
TEST(TimestampUnitTest, StaysWithinTheTimesOfACapture) {
  for (const int power : {0, 3, 6, 9, 0x80, 0x8A}) {
    const auto resolution = static_cast<std::uint8_t>(power);
    EXPECT_EQ(TimestampUnit::of(resolution, 0).at(kMost), kCaptureTimeMax) << power;
    EXPECT_EQ(TimestampUnit::of(resolution, std::numeric_limits<std::int64_t>::max()).at(kMost),
              kCaptureTimeMax);
    EXPECT_EQ(TimestampUnit::of(resolution, std::numeric_limits<std::int64_t>::min())
                  .at(std::uint64_t{1} << 62),
              Instant());
  }
  EXPECT_EQ(TimestampUnit::of(6, -1).at(999'999), Instant());
  EXPECT_EQ(TimestampUnit().at(std::uint64_t{1} << 62), kCaptureTimeMax);
}

}  // namespace
}  // namespace lossy
