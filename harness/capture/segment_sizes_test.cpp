#include <lossy/harness/capture/segment_sizes.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <string_view>

#include <lossy/harness/capture/files_for_test.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

void remember(SegmentSizes& sizes, std::string_view packet, Duration time,
              std::uint16_t segment_bytes) {
  sizes.remember({.beginning = beginning_of(as_bytes(packet)),
                  .time = Instant(time),
                  .segment_bytes = segment_bytes});
}

// The size that is remembered, or 0.
int take(SegmentSizes& sizes, std::string_view packet, Duration time) {
  const auto found = sizes.take(as_bytes(packet), Instant(time));
  return found ? found->segment_bytes : 0;
}

// A packet is found once, by what it begins with.
TEST(SegmentSizesTest, FoundOnce) {
  SegmentSizes sizes;
  EXPECT_TRUE(sizes.empty());
  EXPECT_EQ(take(sizes, "packet", 1s), 0);
  remember(sizes, "packet", 1s, 100);
  EXPECT_EQ(take(sizes, "another", 1s), 0);
  EXPECT_EQ(take(sizes, "packe", 1s), 0);
  EXPECT_EQ(sizes.size(), 1U);
  EXPECT_EQ(take(sizes, "packet", 1s), 100);
  EXPECT_EQ(take(sizes, "packet", 1s), 0);
  EXPECT_TRUE(sizes.empty());
}

// What is behind the beginning does not count: it is not told.
TEST(SegmentSizesTest, OnlyTheBeginningCounts) {
  SegmentSizes sizes;
  const std::string begins(kPacketBeginningBytes, 'x');
  remember(sizes, begins, 1s, 100);
  EXPECT_EQ(take(sizes, begins.substr(1), 1s), 0);
  EXPECT_EQ(take(sizes, begins + "and so on", 1s), 100);
}

// Of packets that begin the same, it is the one of that time, however they are asked for.
TEST(SegmentSizesTest, EqualOnesAreToldApartByTime) {
  for (const bool backwards : {false, true}) {
    SegmentSizes sizes;
    for (int i = 1; i <= 5; ++i) {
      remember(sizes, "packet", 1s + i * 10us, static_cast<std::uint16_t>(i));
    }
    for (int n = 1; n <= 5; ++n) {
      const int i = backwards ? 6 - n : n;
      EXPECT_EQ(take(sizes, "packet", 1s + i * 10us), i);
    }
  }
}

// Two of them at one time are two.
TEST(SegmentSizesTest, SameTimeTwice) {
  SegmentSizes sizes;
  remember(sizes, "packet", 1s, 100);
  remember(sizes, "packet", 1s, 100);
  EXPECT_EQ(take(sizes, "packet", 1s), 100);
  EXPECT_EQ(take(sizes, "packet", 1s), 100);
  EXPECT_EQ(take(sizes, "packet", 1s), 0);
}

// Where the times of two sockets differ it is the closest one, before or after, but none that is
// far away.
TEST(SegmentSizesTest, ClosestInTime) {
  SegmentSizes sizes({.difference_max = 100us});
  remember(sizes, "packet", 1s + 100us, 1);
  remember(sizes, "packet", 1s + 200us, 2);
  EXPECT_EQ(take(sizes, "packet", 1s - 1us), 0);
  EXPECT_EQ(take(sizes, "packet", 1s + 301us), 0);
  EXPECT_EQ(take(sizes, "packet", 1s + 149us), 1);
  EXPECT_EQ(take(sizes, "packet", 1s + 149us), 2);
  remember(sizes, "packet", 1s + 100us, 1);
  remember(sizes, "packet", 1s + 200us, 2);
  EXPECT_EQ(take(sizes, "packet", 1s + 151us), 2);
  EXPECT_EQ(take(sizes, "packet", 1s), 1);
}

// Once a packet had just the time that was remembered, times are exact: what begins the same at
// another time is another packet, which was not merged.
TEST(SegmentSizesTest, ExactTimesStayExact) {
  SegmentSizes sizes;
  remember(sizes, "packet", 1s, 100);
  remember(sizes, "packet", 1s + 1us, 100);
  EXPECT_EQ(take(sizes, "packet", 1s), 100);
  EXPECT_EQ(take(sizes, "packet", 1s + 2us), 0);
  EXPECT_EQ(take(sizes, "packet", 1s + 1us), 100);
}

// What never comes, because somebody filters it out, is forgotten in time.
TEST(SegmentSizesTest, ExpiresWithTheTimesOfOthers) {
  SegmentSizes sizes({.disorder_max = 1s});
  remember(sizes, "one", 10s, 100);
  remember(sizes, "two", 10s + 500ms, 100);
  EXPECT_EQ(take(sizes, "another", 11s), 0);
  EXPECT_EQ(sizes.size(), 2U);
  EXPECT_EQ(take(sizes, "another", 11s + 1ns), 0);
  EXPECT_EQ(sizes.size(), 1U);
  EXPECT_EQ(take(sizes, "two", 10s + 500ms), 100);
  EXPECT_EQ(sizes.lost(), 0U) << "nobody had any use for it";
}

// It takes bounded memory: the oldest goes, which is told where its packet may still come.
TEST(SegmentSizesTest, OldestGoesWhereThereIsNoRoom) {
  SegmentSizes sizes({.packets_max = 2, .disorder_max = 1s});
  remember(sizes, "one", 1s, 1);
  remember(sizes, "two", 2s, 2);
  remember(sizes, "three", 2s, 3);
  EXPECT_EQ(sizes.size(), 2U);
  EXPECT_EQ(sizes.lost(), 1U);
  remember(sizes, "four", 3s + 1ns, 4);
  EXPECT_EQ(sizes.size(), 2U);
  EXPECT_EQ(sizes.lost(), 1U) << "one of a flow that is not recorded";
  EXPECT_EQ(take(sizes, "two", 2s), 0);
  EXPECT_EQ(take(sizes, "four", 3s + 1ns), 4);
}

}  // namespace
}  // namespace lossy
