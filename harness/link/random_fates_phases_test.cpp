// Random fates that change over time.
#include <gtest/gtest.h>

#include <functional>
#include <utility>
#include <vector>

#include <lossy/harness/link/fates_for_test.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

// The n-th datagram comes at n seconds.
Instant when(std::uint64_t number) {
  return Instant(std::chrono::seconds(number));
}

Timeline<Impairments> timeline(const std::vector<std::pair<std::uint64_t, Impairments>>& phases,
                               const Impairments& first = {}) {
  Timeline<Impairments> result = first;
  for (const auto& [from, impairments] : phases) result.add(when(from), impairments);
  return result;
}

// What has no memory is a function of the datagram's number, and so each phase decides as if it had
// always been there.
TEST(RandomFatesPhases, EachPhaseDecidesAsIfItHadAlwaysBeenThere) {
  Impairments rates = everything();
  rates.loss = RandomLoss{{percent(10), percent(30)}};
  rates.early.gap = 1;
  Impairments others = rates;
  others.loss = RandomLoss{percent(30)};
  others.checksum = percent(10);
  others.duplicate = {percent(50), percent(20)};
  others.reorder = percent(3);
  others.reorder_delay = 2s;
  others.early.chance = percent(80);
  others.delay = 120s;
  others.corrupt = {percent(10), percent(90)};
  others.corrupt_bits = 8;
  others.truncate = percent(10);
  others.jitter = 1s;
  others.jitter_correlation = {};
  others.distribution = nullptr;
  for (const Direction direction : kDirections) {
    RandomFates changing(timeline({{501, rates}, {1001, others}, {1501, {}}, {2001, rates}}), 4,
                         direction);
    RandomFates always(rates, 4, direction);
    RandomFates other(others, 4, direction);
    for (std::uint64_t n = 1; n <= 3000; ++n) {
      const Fate& fate = changing.decide(when(n), n, kPayloadBytes);
      const Fate& as_rates = always.decide({}, n, kPayloadBytes);
      const Fate& as_others = other.decide({}, n, kPayloadBytes);
      if (n <= 500 || (n > 1500 && n <= 2000)) {
        ASSERT_TRUE(fate.is_plain()) << n;
      } else {
        ASSERT_EQ(fate, n > 1000 && n <= 1500 ? as_others : as_rates) << n;
      }
    }
  }
}

// A Markov chain and a gap that are not changed go on, whatever else changes.
TEST(RandomFatesPhases, WhatStaysGoesOn) {
  Impairments before = everything();
  before.early.gap = 7;
  Impairments after = before;
  after.jitter = 1ms;
  after.checksum = {};
  for (const LossModel& model :
       {LossModel(GilbertElliott{percent(2), percent(10), percent(90), percent(1)}),
        LossModel(FourStateLoss{percent(2), percent(10), percent(5), percent(30), percent(1)})}) {
    before.loss = after.loss = model;
    RandomFates changing(
        timeline({{500, after}, {501, before}, {777, after}, {1234, before}}, before), 4,
        Direction::kUplink);
    RandomFates always(before, 4, Direction::kUplink);
    for (std::uint64_t n = 1; n <= 5000; ++n) {
      const Fate fate = changing.decide(when(n), n, kPayloadBytes);
      const Fate& same = always.decide({}, n, kPayloadBytes);
      const auto dropped = [](const Fate& f) { return f.lost() && f.loss == LossReason::kDrop; };
      ASSERT_EQ(dropped(fate), dropped(same)) << n;
      if (fate.lost() || same.lost()) continue;
      ASSERT_EQ(fate.copies_count, same.copies_count);
      for (std::size_t i = 0; i < fate.copies_count; ++i) {
        ASSERT_EQ(is_early(fate.copy[i]), is_early(same.copy[i])) << n;
      }
    }
  }
}

// A correlated stream that is not changed does not look back to where it began in each phase:
// otherwise this would take the square of its time, which is minutes.
TEST(RandomFatesPhases, WhatStaysDoesNotLookBack) {
  const Chance nearly_always{percent(50),
                             Probability::ratio(Probability::kOne - 1, Probability::kOne)};
  const Impairments before{.checksum = {{}, nearly_always.correlation},
                           .duplicate = nearly_always,
                           .reorder = nearly_always,
                           .early = {nearly_always, 1},
                           .delay = kJumpedDelay,
                           .corrupt = nearly_always,
                           .truncate = nearly_always,
                           .jitter = 1ms,
                           .jitter_correlation = nearly_always.correlation};
  Impairments after = before;
  after.loss = RandomLoss{percent(1)};
  Timeline<Impairments> phases = before;
  constexpr std::uint64_t kEnd = 400'000;
  for (std::uint64_t n = 2; n <= kEnd; n += 2) phases.add(when(n), n % 4 == 2 ? after : before);
  RandomFates fates(phases, 4, Direction::kUplink);
  RandomFates always(before, 4, Direction::kUplink);
  for (std::uint64_t n = 1; n <= kEnd; ++n) {
    const Fate& fate = fates.decide(when(n), n, kPayloadBytes);
    const Fate& same = always.decide({}, n, kPayloadBytes);
    if (!fate.lost()) {
      ASSERT_EQ(fate, same) << n;
    }
  }
}

// A Markov chain that is new starts in its stationary distribution, at the first datagram of its
// phase.
TEST(RandomFatesPhases, ANewChainStartsStationary) {
  const GilbertElliott chain{percent(1), percent(2), percent(100), percent(0)};
  const Timeline<Impairments> phases =
      timeline({{50, {.loss = RandomLoss{percent(100)}}}, {100, {.loss = chain}}});
  constexpr std::uint64_t kRuns = 10'000;
  std::uint64_t lost = 0;
  std::uint64_t lost_later = 0;
  for (std::uint64_t seed = 1; seed <= kRuns; ++seed) {
    RandomFates fates(phases, seed, Direction::kUplink);
    for (std::uint64_t n = 50; n < 100; n += 10) {
      ASSERT_TRUE(fates.decide(when(n), n, kPayloadBytes).lost());
    }
    const bool is_lost = fates.decide(when(100), 100, kPayloadBytes).lost();
    // It is the process that starts there, not one that has long been going on.
    const RandomStream stream = RandomStream(seed).stream(1).stream(1);  // Uplink, drop.
    ASSERT_EQ(is_lost, LossProcess(chain, stream, 100).lost(100)) << "seed " << seed;
    lost += is_lost ? 1 : 0;
    lost_later += fates.decide(when(120), 120, kPayloadBytes).lost() ? 1 : 0;
  }
  expect_rate(lost, kRuns, 1.0 / 3, "at first");
  expect_rate(lost_later, kRuns, 1.0 / 3, "later");
}

// A gap that is new is counted from the first datagram of its phase, for either copy.
TEST(RandomFatesPhases, ANewGapIsCountedAnew) {
  const Impairments fives{
      .duplicate = percent(100), .early = {percent(100), 5}, .delay = kJumpedDelay};
  Impairments threes = fives;
  threes.early.gap = 3;
  RandomFates fates(timeline({{98, threes}}, fives), 4, Direction::kUplink);
  for (std::uint64_t n = 1; n <= 1000; ++n) {
    for (const CopyFate& copy : fates.decide(when(n), n, kPayloadBytes).copies()) {
      ASSERT_EQ(is_early(copy), n < 98 ? n % 5 == 0 : (n - 97) % 3 == 0) << n;
    }
  }
}

// A phase begins at its very moment, and those that no datagram met are passed over.
TEST(RandomFatesPhases, BeginsAtItsMoment) {
  Timeline<Impairments> phases = Impairments{};
  phases.add(Instant(1s), {.loss = RandomLoss{percent(100)}});
  phases.add(Instant(2s), {.checksum = percent(100)});
  phases.add(Instant(3s), {.duplicate = percent(100)});
  RandomFates fates(phases, 4, Direction::kUplink);
  EXPECT_TRUE(fates.decide(Instant(1s) - 1ns, 1, kPayloadBytes).is_plain());
  EXPECT_EQ(fates.decide(Instant(1s), 2, kPayloadBytes).loss, LossReason::kDrop);
  EXPECT_EQ(fates.decide(Instant(3s), 3, kPayloadBytes).copies_count, 2U);
  EXPECT_EQ(RandomFates(phases, 4, Direction::kUplink).decide(Instant(2s), 1, 5).loss,
            LossReason::kChecksum);
}

// Nothing of what a phase did to a copy is left in the next.
TEST(RandomFatesPhases, LeavesNothingBehind) {
  Impairments all = everything();
  all.loss = {};
  all.checksum = {};
  all.duplicate = all.reorder = all.corrupt = all.truncate = percent(100);
  RandomFates fates(timeline({{11, {.duplicate = percent(100)}}}, all), 4, Direction::kUplink);
  for (std::uint64_t n = 1; n <= 20; ++n) {
    const Fate& fate = fates.decide(when(n), n, kPayloadBytes);
    ASSERT_EQ(fate.copies_count, 2U);
    for (const CopyFate& copy : fate.copies()) ASSERT_EQ(copy == CopyFate{}, n > 10) << n;
  }
}

}  // namespace
}  // namespace lossy
