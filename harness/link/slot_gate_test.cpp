#include <lossy/harness/link/slot_gate.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <set>
#include <vector>

namespace lossy {
namespace {

using namespace std::chrono_literals;

Slots every(Duration interval, std::uint64_t datagrams_max = 0, std::uint64_t bytes_max = 0) {
  return {.enabled = true,
          .interval_min = interval,
          .interval_max = interval,
          .datagrams_max = datagrams_max,
          .bytes_max = bytes_max};
}

// When a copy that came then leaves, having left.
Duration pass(SlotGate& gate, Duration came, const Slots& slots, std::size_t ip_bytes = 100) {
  const Instant leaves = gate.leaves(Instant(came), slots);
  EXPECT_EQ(gate.leaves(Instant(came), slots), leaves);  // Asking moves nothing.
  gate.pass(Instant(came), ip_bytes, slots);
  return leaves.time_since_epoch();
}

std::vector<Duration> pass_all(SlotGate& gate, const std::vector<Duration>& came,
                               const Slots& slots) {
  std::vector<Duration> left;
  for (const Duration at : came) left.push_back(pass(gate, at, slots));
  return left;
}

using Times = std::vector<Duration>;

// The first to come begins a slot, and all that come until it opens leave together.
TEST(SlotGate, WhatComesUntilASlotOpensLeavesWithIt) {
  SlotGate gate(RandomStream(1));
  EXPECT_EQ(pass_all(gate, {0ms, 3ms, 10ms, 10ms + 1ns, 15ms, 100ms}, every(10ms)),
            (Times{10ms, 10ms, 10ms, 20ms + 1ns, 20ms + 1ns, 110ms}));
}

// A slot takes so many; the others leave with the next, an interval after the full one.
TEST(SlotGate, AFullSlotIsFollowedByTheNext) {
  SlotGate gate(RandomStream(1));
  EXPECT_EQ(pass_all(gate, {0ms, 0ms, 0ms, 0ms, 0ms, 31ms, 31ms}, every(10ms, 2)),
            (Times{10ms, 10ms, 20ms, 20ms, 30ms, 41ms, 41ms}));
  // After a full slot the next opens whether anybody waits or not; what comes before takes it.
  SlotGate other(RandomStream(1));
  EXPECT_EQ(pass_all(other, {0ms, 0ms, 19ms, 20ms, 20ms + 1ns}, every(10ms, 2)),
            (Times{10ms, 10ms, 20ms, 20ms, 30ms}));
  SlotGate late(RandomStream(1));
  EXPECT_EQ(pass_all(late, {0ms, 0ms, 20ms + 1ns}, every(10ms, 2)),
            (Times{10ms, 10ms, 30ms + 1ns}));
}

// By bytes a slot is full with the copy that reaches the bound, so that a large one gets out, too.
TEST(SlotGate, BytesFillASlot) {
  SlotGate gate(RandomStream(1));
  const Slots slots = every(10ms, 0, 250);
  EXPECT_EQ(pass(gate, 0ms, slots, 249), 10ms);
  EXPECT_EQ(pass(gate, 0ms, slots, 9000), 10ms);
  EXPECT_EQ(pass(gate, 0ms, slots, 250), 20ms);
  EXPECT_EQ(pass(gate, 0ms, slots, 1), 30ms);
  EXPECT_EQ(pass(gate, 0ms, slots, 248), 30ms);
  EXPECT_EQ(pass(gate, 0ms, slots, 1), 30ms);
  EXPECT_EQ(pass(gate, 0ms, slots, 1), 40ms);
  // Whichever bound comes first.
  SlotGate both(RandomStream(1));
  const Slots two = every(10ms, 2, 250);
  EXPECT_EQ(pass(both, 0ms, two, 250), 10ms);
  EXPECT_EQ(pass(both, 0ms, two, 1), 20ms);
  EXPECT_EQ(pass(both, 0ms, two, 1), 20ms);
  EXPECT_EQ(pass(both, 0ms, two, 1), 30ms);
}

// Time step by time step, as a clock would do it, gives the same.
TEST(SlotGate, BehavesAsAClockWould) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    const RandomStream stream(seed);
    const auto interval = static_cast<Duration::rep>(stream.at(1) % 20);
    const std::uint64_t datagrams_max = stream.at(2) % 4;
    const std::uint64_t bytes_max = stream.at(3) % 2 * 300;
    const Slots slots = every(Duration(interval), datagrams_max, bytes_max);
    std::vector<std::pair<Duration::rep, std::size_t>> came;
    Duration::rep time = 0;
    for (std::uint64_t n = 0; n < 500; ++n) {
      time += static_cast<Duration::rep>(stream.at(10 + n) % (seed % 3 == 0 ? 40 : 8) / 2);
      came.emplace_back(time, 50 + stream.at(1000 + n) % 150);
    }
    SlotGate gate(RandomStream(9));
    std::vector<Duration> left;
    for (const auto& [at, size] : came) left.push_back(pass(gate, Duration(at), slots, size));

    std::deque<std::size_t> waiting;
    Duration::rep opens = -1;  // Or none.
    std::uint64_t datagrams = 0;
    std::uint64_t bytes = 0;
    std::size_t next = 0;
    std::size_t gone = 0;
    for (Duration::rep now = 0; gone < came.size(); ++now) {
      if (opens < now) opens = -1;  // It opened, had room, and is over.
      while (next < came.size() && came[next].first == now) {
        if (opens < 0) {
          opens = now + interval;
          datagrams = bytes = 0;
        }
        waiting.push_back(next++);
      }
      while (opens == now && !waiting.empty()) {
        ASSERT_EQ(left[waiting.front()], Duration(now)) << waiting.front();
        ++gone;
        ++datagrams;
        bytes += came[waiting.front()].second;
        waiting.pop_front();
        if ((datagrams_max > 0 && datagrams >= datagrams_max) ||
            (bytes_max > 0 && bytes >= bytes_max)) {
          opens = now + interval;
          datagrams = bytes = 0;
        }
      }
    }
  }
}

// Each slot's interval is drawn from the whole range and belongs to its number, however it began.
TEST(SlotGate, IntervalsAreDrawnByTheSlotsNumber) {
  const Slots slots{.enabled = true, .interval_min = 5ms, .interval_max = 9ms, .datagrams_max = 1};
  SlotGate apart(RandomStream(3));
  SlotGate together(RandomStream(3));
  std::set<Duration> seen;
  Duration before{};
  for (int n = 1; n <= 1000; ++n) {
    // The first draws its slot's number n, then n + 1 for one that nobody waits for.
    const Duration left = pass(together, 0ms, slots);
    const Duration interval = left - before;
    before = left;
    ASSERT_TRUE(interval >= 5ms && interval <= 9ms);
    seen.insert(interval);
    if (n % 2 == 1) {
      EXPECT_EQ(pass(apart, n * 1s, slots) - n * 1s, interval);
    }
  }
  EXPECT_GT(seen.size(), 990U);
  EXPECT_LT(*seen.begin(), 5ms + 20us);
  EXPECT_GT(*seen.rbegin(), 9ms - 20us);
  SlotGate other(RandomStream(4));
  EXPECT_NE(pass(other, 0ms, slots), *seen.begin());
}

// The ends of a range are drawn, too: of two nanoseconds, both.
TEST(SlotGate, BothEndsOfTheRangeAreDrawn) {
  SlotGate gate(RandomStream(3));
  const Slots slots{.enabled = true, .interval_min = 1ns, .interval_max = 2ns};
  std::vector<Duration> seen;
  for (int n = 0; n < 100; ++n) seen.push_back(pass(gate, n * 1s, slots) - n * 1s);
  EXPECT_GT(std::ranges::count(seen, 1ns), 30);
  EXPECT_GT(std::ranges::count(seen, 2ns), 30);
  EXPECT_EQ(std::ranges::count(seen, 1ns) + std::ranges::count(seen, 2ns), 100);
}

// With a table the interval is the delay and what the table adds, and never below zero.
TEST(SlotGate, IntervalsMayComeFromATable) {
  const auto table = DelayTable::parse("-8192 8192", "t");  // Minus and plus the jitter.
  const Slots slots{.enabled = true, .table = table, .table_delay = 10ms, .table_jitter = 4ms};
  SlotGate gate(RandomStream(3));
  std::vector<Duration> seen;
  for (int n = 0; n < 100; ++n) seen.push_back(pass(gate, n * 1s, slots) - n * 1s);
  EXPECT_GT(std::ranges::count(seen, 6ms), 30);
  EXPECT_EQ(std::ranges::count(seen, 6ms) + std::ranges::count(seen, 14ms), 100);

  SlotGate clamped(RandomStream(3));
  const Slots wide{.enabled = true, .table = table, .table_delay = 1ms, .table_jitter = 4ms};
  seen.clear();
  for (int n = 0; n < 100; ++n) seen.push_back(pass(clamped, n * 1s, wide) - n * 1s);
  EXPECT_GT(std::ranges::count(seen, 0ms), 30);
  EXPECT_EQ(std::ranges::count(seen, 0ms) + std::ranges::count(seen, 5ms), 100);
}

// An interval of zero holds nothing up, whatever the bounds.
TEST(SlotGate, AnIntervalOfZeroHoldsNothingUp) {
  SlotGate gate(RandomStream(1));
  EXPECT_EQ(pass_all(gate, {0ms, 0ms, 0ms, 5ms}, every(0ms, 1)), (Times{0ms, 0ms, 0ms, 5ms}));
}

// At the end of time everything leaves.
TEST(SlotGate, TimesSaturate) {
  SlotGate gate(RandomStream(1));
  const Slots slots = every(kDurationMax, 1);
  const Duration late = Instant::max().time_since_epoch() - 1s;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(pass(gate, late, slots), Duration::max());
  EXPECT_EQ(pass(gate, Duration::max(), slots), Duration::max());
}

// Slots that end hold nobody up any more; what comes does not pass those that still wait.
TEST(SlotGate, SlotsMayEndAndBegin) {
  SlotGate gate(RandomStream(1));
  const Slots none;
  EXPECT_EQ(pass(gate, 1ms, none), 1ms);
  EXPECT_EQ(pass(gate, 2ms, every(10ms, 2)), 12ms);
  EXPECT_EQ(pass(gate, 3ms, none), 12ms);
  EXPECT_EQ(pass(gate, 13ms, none), 13ms);
  EXPECT_EQ(pass(gate, 14ms, every(5ms)), 19ms);
}

}  // namespace
}  // namespace lossy
