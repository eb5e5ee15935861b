#include <lossy/harness/link/timeline.hpp>

#include <gtest/gtest.h>

#include <stdexcept>

namespace lossy {
namespace {

using namespace std::chrono_literals;

// A value holds from its start on, the nanosecond of the start included, until the next one's.
TEST(Timeline, AValueHoldsFromItsStartOn) {
  Timeline<int> timeline(1);
  timeline.add(Instant(2s), 2);
  timeline.add(Instant(2s + 1ns), 3);
  timeline.add(Instant(5s), 4);
  const Timeline<int> fixed = timeline;
  const std::pair<Instant, int> expected[] = {
      {Instant::min(), 1}, {Instant{}, 1},         {Instant(2s - 1ns), 1}, {Instant(2s), 2},
      {Instant(2s), 2},    {Instant(2s + 1ns), 3}, {Instant(5s - 1ns), 3}, {Instant(5s), 4},
      {Instant(9h), 4},    {Instant::max(), 4},    {Instant::max(), 4}};
  for (const auto& [when, value] : expected) {
    EXPECT_EQ(timeline.at(when), value);
    EXPECT_EQ(timeline.advance(when), static_cast<std::size_t>(value - 1));
    EXPECT_EQ(fixed.look_up(when), value);
    EXPECT_EQ(timeline.look_up(Instant(2s)), 2);  // Whenever it is asked.
  }
}

// Copies share what holds, and neither where they stand nor what is added to one of them.
TEST(Timeline, CopiesShareTheirPhases) {
  Timeline<int> first(1);
  first.add(Instant(1s), 2);
  Timeline<int> second = first;
  EXPECT_EQ(&first.phases(), &second.phases());
  EXPECT_EQ(first.at(Instant(1s)), 2);
  EXPECT_EQ(second.at(Instant{}), 1);
  second.add(Instant(2s), 3);
  EXPECT_EQ(first.at(Instant(2s)), 2);
  EXPECT_EQ(second.at(Instant(2s)), 3);
  EXPECT_EQ(first.phases().size(), 2U);
}

// Phases that are jumped over are over.
TEST(Timeline, MayJumpOverPhases) {
  Timeline<int> timeline(1);
  timeline.add(Instant(1s), 2);
  timeline.add(Instant(2s), 3);
  EXPECT_EQ(timeline.at(Instant(1h)), 3);
}

// What is added once the timeline is under way still holds.
TEST(Timeline, GrowsAtItsEnd) {
  Timeline<int> timeline(1);
  EXPECT_EQ(timeline.at(Instant(1s)), 1);
  timeline.add(Instant(2s), 2);
  timeline.add(Instant::max(), 3);
  EXPECT_EQ(timeline.at(Instant(2s)), 2);
  EXPECT_EQ(timeline.at(Instant::max()), 3);
}

// Starts that do not increase are the caller's mistake.
TEST(Timeline, StartsIncrease) {
  Timeline<int> timeline(1);
  timeline.add(Instant(2s), 2);
  EXPECT_THROW(timeline.add(Instant(2s), 3), std::logic_error);
  EXPECT_THROW(timeline.add(Instant(1s), 3), std::logic_error);
}

}  // namespace
}  // namespace lossy
