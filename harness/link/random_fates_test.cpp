#include <lossy/harness/link/random_fates.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <lossy/harness/link/fates_for_test.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

// With default settings nothing happens to anything.
TEST(RandomFates, NothingHappensByDefault) {
  for (const Direction direction : kDirections) {
    for_each_fate(Impairments{}, 4, direction, kDatagrams,
                  [](std::uint64_t, const Fate& fate) { ASSERT_TRUE(fate.is_plain()); });
  }
}

class RandomFatesKnob : public testing::TestWithParam<Knob> {};

// Everything happens as often as was asked for, in runs as long as the correlation says, and
// nothing else happens.
TEST_P(RandomFatesKnob, HappensAsOftenAsAskedFor) {
  const Knob& knob = GetParam();
  const struct {
    double rate;
    double correlation;
    std::uint64_t seed;
    Direction direction;
  } runs[] = {
      {0.01, 0, 1, Direction::kUplink},        {10, 0, 4, Direction::kDownlink},
      {99, 0, 0, Direction::kUplink},          {10, 25, 4, Direction::kDownlink},
      {0.3, 80, 1U << 31, Direction::kUplink},
  };
  for (const auto& run : runs) {
    SCOPED_TRACE(testing::Message() << knob.name << ' ' << run.rate << "% " << run.correlation
                                    << "%, seed " << run.seed << ", " << to_string(run.direction));
    const Chance chance{percent(run.rate), percent(run.correlation)};
    Impairments impairments;
    knob.set(impairments, chance);
    EventTally tally;
    std::uint64_t others = 0;
    for_each_fate(impairments, run.seed, run.direction, kDatagrams,
                  [&](std::uint64_t, const Fate& fate) {
                    const bool happened = knob.happened(fate, 0);
                    tally.add(happened);
                    others += fate.is_plain() == happened ? 1 : 0;
                    if (happened && tally.events < 1000) {
                      Fate without = fate;
                      knob.undo(without, 0);
                      others += without.is_plain() ? 0 : 1;
                    }
                  });
    EXPECT_EQ(others, 0U) << "something else happened, too";
    expect_like(chain_of(chance), tally, knob.name);
  }
}

// 0% never happens and 100% always does, alone and beside everything else, to either copy.
TEST_P(RandomFatesKnob, ZeroAndAHundredAreExact) {
  const Knob& knob = GetParam();
  for (const Direction direction : kDirections) {
    for (const double correlation : {0, 50}) {
      Impairments alone;
      Impairments beside = everything();
      beside.loss = {};
      beside.checksum = {};
      beside.duplicate = percent(100);
      beside.early.gap = 1;
      beside.corrupt_bits = 1;
      for (const bool all : {true, false}) {
        const Chance chance{percent(all ? 100 : 0), percent(correlation)};
        knob.set(alone, chance);
        knob.set(beside, chance);
        const auto expect_all = [&](std::uint64_t, const Fate& fate) {
          for (std::size_t i = 0; i < fate.copies_count; ++i) {
            ASSERT_EQ(knob.happened(fate, i), all);
          }
        };
        for_each_fate(alone, 4, direction, 20'000, [&](std::uint64_t n, const Fate& fate) {
          ASSERT_EQ(fate.is_plain(), !all);
          if (knob.of_copies) expect_all(n, fate);
        });
        if (knob.of_copies) for_each_fate(beside, 4, direction, 20'000, expect_all);
      }
    }
  }
}

// Raising a rate only adds events, with or without correlation, to either copy.
TEST_P(RandomFatesKnob, RaisingARateOnlyAddsEvents) {
  const Knob& knob = GetParam();
  for (const Direction direction : kDirections) {
    for (const double correlation : {0, 50}) {
      Impairments lower{.duplicate = percent(knob.of_copies ? 100 : 0)};
      Impairments higher = lower;
      knob.set(lower, {percent(15), percent(correlation)});
      knob.set(higher, {percent(17), percent(correlation)});
      for (const std::size_t copy : {0U, 1U}) {
        if (copy == 1 && !knob.of_copies) continue;
        RandomFates fewer(lower, 4, direction);
        RandomFates more(higher, 4, direction);
        int added = 0;
        for (std::uint64_t n = 1; n <= 20'000; ++n) {
          const Fate& was = fewer.decide({}, n, kPayloadBytes);
          const Fate& is = more.decide({}, n, kPayloadBytes);
          if (knob.happened(was, copy)) {
            ASSERT_TRUE(knob.happened(is, copy)) << n;
            ASSERT_TRUE(!knob.of_copies || was.copy[copy] == is.copy[copy]) << n;
          } else {
            added += knob.happened(is, copy) ? 1 : 0;
          }
        }
        EXPECT_GT(added, 0);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, RandomFatesKnob, testing::ValuesIn(kKnobs),
                         [](const auto& knob) { return std::string(knob.param.name); });

// What the copies of a million datagrams met, with everything switched on.
struct CopyTally {
  std::uint64_t copies = 0;
  std::uint64_t held_back = 0;
  std::uint64_t early = 0;
  std::uint64_t corrupted = 0;
  std::uint64_t truncated = 0;
  std::uint64_t held_back_and_corrupted = 0;
  std::uint64_t corrupted_and_truncated = 0;
};

// All rates are those asked for in combination, too: what is asked of the delivered datagrams is
// that of the delivered, and what is asked of copies that of either copy, independent of the
// others.
TEST(RandomFates, AllRatesHoldTogether) {
  for (const Direction direction : kDirections) {
    SCOPED_TRACE(to_string(direction));
    EventTally dropped;
    std::uint64_t checksum = 0;
    std::uint64_t delivered = 0;
    std::uint64_t duplicated = 0;
    std::uint64_t both_held_back = 0;
    std::uint64_t both_corrupted = 0;
    CopyTally copies[2];
    for_each_fate(everything(), 4, direction, kDatagrams, [&](std::uint64_t, const Fate& fate) {
      dropped.add(fate.lost() && fate.loss == LossReason::kDrop);
      checksum += fate.lost() && fate.loss == LossReason::kChecksum ? 1 : 0;
      delivered += fate.lost() ? 0 : 1;
      for (std::size_t i = 0; i < fate.copies_count; ++i) {
        const CopyFate& copy = fate.copy[i];
        CopyTally& sum = copies[i];
        const bool corrupted = copy.flips_count == 3;
        const bool truncated = copy.kept_bytes < kPayloadBytes;
        ++sum.copies;
        sum.held_back += copy.held_back ? 1 : 0;
        sum.early += is_early(copy) ? 1 : 0;
        sum.corrupted += corrupted ? 1 : 0;
        sum.truncated += truncated ? 1 : 0;
        sum.held_back_and_corrupted += copy.held_back && corrupted ? 1 : 0;
        sum.corrupted_and_truncated += corrupted && truncated ? 1 : 0;
      }
      if (fate.copies_count == 2) {
        ++duplicated;
        both_held_back += fate.copy[0].held_back && fate.copy[1].held_back ? 1 : 0;
        both_corrupted += fate.copy[0].flips_count + fate.copy[1].flips_count == 6 ? 1 : 0;
      }
    });
    expect_like({{{0.98, 0.02}, {0.2, 0.8}}, {0.01, 0.9}}, dropped, "dropped");
    expect_rate(checksum, kDatagrams - dropped.events, 0.04, "checksum");
    EXPECT_EQ(delivered + checksum + dropped.events, kDatagrams);
    expect_rate(duplicated, delivered, 0.2, "duplicated");
    expect_rate(both_held_back, duplicated, 0.15 * 0.15, "both copies held back");
    expect_rate(both_corrupted, duplicated, 0.25 * 0.25, "both copies corrupted");
    for (const CopyTally& sum : copies) {
      expect_rate(sum.held_back, sum.copies, 0.15, "held back");
      expect_rate(sum.corrupted, sum.copies, 0.25, "corrupted");
      expect_rate(sum.truncated, sum.copies, 0.35, "truncated");
      expect_rate(sum.held_back_and_corrupted, sum.copies, 0.15 * 0.25, "held back, corrupted");
      expect_rate(sum.corrupted_and_truncated, sum.copies, 0.25 * 0.35, "corrupted, truncated");
      // A gap only makes them more regular than independent ones.
      expect_rate(sum.early, sum.copies, 1 / (2 + 1 / 0.3), "early");
    }
  }
}

// A loss model decides as it does by itself.
TEST(RandomFates, LosesAsItsModelSays) {
  const LossModel models[] = {
      RandomLoss{{percent(10), percent(30)}},
      GilbertElliott{percent(2), percent(20), percent(90), percent(1)},
      FourStateLoss{percent(2), percent(20), percent(10), percent(30), percent(0.5)},
      EveryNthLoss{7},
  };
  for (const LossModel& model : models) {
    SCOPED_TRACE(model.index());
    const RandomStream place = RandomStream(4).stream(2).stream(1);  // Downlink, drop.
    LossProcess process(model, place);
    std::uint64_t lost = 0;
    for_each_fate(Impairments{.loss = model}, 4, Direction::kDownlink, 20'000,
                  [&](std::uint64_t number, const Fate& fate) {
                    ASSERT_EQ(fate.lost(), process.lost(number));
                    lost += fate.lost() ? 1 : 0;
                  });
    EXPECT_GT(lost, 100U);
  }
}

// A gap keeps early datagrams apart, for either copy, and the first gap is counted from the first
// datagram on, lost or not.
TEST(RandomFates, AGapIsKept) {
  for (const Direction direction : kDirections) {
    for_each_fate(Impairments{.loss = EveryNthLoss{3},
                              .duplicate = percent(100),
                              .early = {percent(100), 5},
                              .delay = kJumpedDelay},
                  4, direction, 10'000, [](std::uint64_t number, const Fate& fate) {
                    for (const CopyFate& copy : fate.copies()) {
                      ASSERT_EQ(is_early(copy), number % 5 == 0) << number;
                      ASSERT_EQ(copy.extra_delay, is_early(copy) ? -kJumpedDelay : 0s);
                    }
                  });
    EventTally early;
    for_each_fate(Impairments{.early = {percent(25), 4}, .delay = kJumpedDelay}, 4, direction,
                  kDatagrams,
                  [&](std::uint64_t, const Fate& fate) { early.add(is_early(fate.copy[0])); });
    const double mean = 3 + 1 / 0.25;
    const auto n = static_cast<double>(kDatagrams);
    expect_count(early.events, n / mean, n * (0.75 / 0.0625) / std::pow(mean, 3), "early");
    EXPECT_EQ(early.starts, early.events) << "two in a row";
  }
}

// The reorder delay is that asked for.
TEST(RandomFates, HoldsBackByTheReorderDelay) {
  for (const Duration reorder_delay : {Impairments{}.reorder_delay, Duration(1ns), kDurationMax}) {
    for_each_fate(Impairments{.reorder = percent(50), .reorder_delay = reorder_delay}, 4,
                  Direction::kUplink, 1000, [&](std::uint64_t, const Fate& fate) {
                    ASSERT_EQ(fate.copy[0].extra_delay,
                              fate.copy[0].held_back ? reorder_delay : Duration(0));
                  });
  }
}

// That the counts are as chance has it when all are equally likely: Pearson's statistic, which is
// about normal for so many.
void expect_equally_likely(const std::vector<double>& counts) {
  double sum = 0;
  for (const double count : counts) sum += count;
  const double expected = sum / static_cast<double>(counts.size());
  double statistic = 0;
  for (const double count : counts) statistic += std::pow(count - expected, 2) / expected;
  const double freedom = static_cast<double>(counts.size()) - 1;
  EXPECT_NEAR(statistic, freedom, 4 * std::sqrt(2 * freedom));
}

// Every bit of the payload is as likely to be flipped as any other, in either copy, and every
// length as likely to be what is left.
TEST(RandomFates, AnyBitMayBeFlippedAndAnyLengthBeLeft) {
  for (const Direction direction : kDirections) {
    const std::vector<double> none(8 * kPayloadBytes);
    std::uint64_t others = 0;
    std::vector<double> flips[2] = {none, none};
    std::vector<double> kept[2] = {std::vector<double>(kPayloadBytes),
                                   std::vector<double>(kPayloadBytes)};
    for_each_fate(
        Impairments{.duplicate = percent(100), .corrupt = percent(100), .truncate = percent(100)},
        4, direction, 400'000, [&](std::uint64_t, const Fate& fate) {
          for (std::size_t i = 0; i < 2; ++i) {
            others += fate.copy[i].flips_count == 1 ? 0 : 1;
            ++flips[i].at(fate.copy[i].flipped_bits[0]);
            ++kept[i].at(fate.copy[i].kept_bytes);
          }
        });
    EXPECT_EQ(others, 0U);
    for (const std::size_t i : {0U, 1U}) {
      expect_equally_likely(flips[i]);
      expect_equally_likely(kept[i]);
    }
  }
}

// As many different bits are flipped as were asked for, every pair of them equally likely.
TEST(RandomFates, FlipsAsManyBitsAsAskedFor) {
  for (unsigned bits = 1; bits <= CopyFate::kFlipsMax; ++bits) {
    RandomFates fates(Impairments{.corrupt = percent(100), .corrupt_bits = bits}, 4,
                      Direction::kUplink);
    constexpr std::uint64_t kBytes = 2;
    std::vector<double> pairs(16 * 16);
    for (std::uint64_t number = 1; number <= 40'000; ++number) {
      const Fate& fate = fates.decide({}, number, kBytes);
      const std::span<const std::uint32_t> flips = fate.copy[0].flips();
      ASSERT_EQ(flips.size(), bits);
      ASSERT_EQ(std::ranges::adjacent_find(flips, std::greater_equal{}), flips.end());
      ASSERT_LT(flips.back(), 8 * kBytes);
      for (std::size_t a = 0; a < flips.size(); ++a) {
        for (std::size_t b = 0; b < a; ++b) ++pairs[flips[b] * 16 + flips[a]];
      }
    }
    if (bits == 1) continue;
    std::erase(pairs, 0);
    EXPECT_EQ(pairs.size(), 16U * 15 / 2);
    if (bits == 2) expect_equally_likely(pairs);
    const double expected = 40'000.0 * bits * (bits - 1) / (16 * 15);
    for (const double count : pairs) EXPECT_NEAR(count, expected, 5 * std::sqrt(expected)) << bits;
  }
}

// More flips are the same and others.
TEST(RandomFates, MoreBitsOnlyAddFlips) {
  for (unsigned bits = 1; bits < CopyFate::kFlipsMax; ++bits) {
    RandomFates fewer(Impairments{.corrupt = percent(50), .corrupt_bits = bits}, 4,
                      Direction::kUplink);
    RandomFates more(Impairments{.corrupt = percent(50), .corrupt_bits = bits + 1}, 4,
                     Direction::kUplink);
    for (std::uint64_t number = 1; number <= 2000; ++number) {
      const auto few = fewer.decide({}, number, kPayloadBytes).copy[0].flips();
      const auto many = more.decide({}, number, kPayloadBytes).copy[0].flips();
      ASSERT_TRUE(std::ranges::includes(many, few)) << number;
    }
  }
}

// A payload of any size has its flips and its cut within it, and one of no bytes is left alone.
TEST(RandomFates, DamageStaysWithinThePayload) {
  RandomFates fates(
      Impairments{.corrupt = percent(100), .corrupt_bits = 8, .truncate = percent(100)}, 4,
      Direction::kUplink);
  std::uint64_t number = 0;
  for (const std::size_t bytes : {1U, 2U, 3U, 1024U, 65'527U}) {
    for (int i = 0; i < 1000; ++i) {
      const CopyFate& copy = fates.decide({}, ++number, bytes).copy[0];
      ASSERT_EQ(copy.flips_count, 8);
      ASSERT_LT(copy.flips().back(), 8 * bytes);
      ASSERT_LT(copy.kept_bytes, bytes);
    }
  }
  EXPECT_TRUE(fates.decide({}, ++number, 0).is_plain());
}

// A datagram's fate is that of its number, whatever was decided before.
TEST(RandomFates, AFateBelongsToItsNumber) {
  RandomFates all(everything(), 4, Direction::kUplink);
  RandomFates some(everything(), 4, Direction::kUplink);
  for (std::uint64_t number = 1; number <= 10'000; ++number) {
    const Fate fate = all.decide({}, number, kPayloadBytes);
    if (number % 7 == 0) {
      ASSERT_EQ(some.decide({}, number, kPayloadBytes), fate) << number;
    }
  }
}

// Settings that cannot be meant are the caller's mistake, in any phase.
TEST(RandomFates, RefusesSettingsOutsideTheirRange) {
  const auto make = [](const Impairments& impairments) {
    Timeline<Impairments> timeline = Impairments{};
    timeline.add(Instant(1s), impairments);
    return RandomFates(timeline, 4, Direction::kUplink);
  };
  EXPECT_THROW(make({.jitter = -1ns}), std::logic_error);
  EXPECT_THROW(make({.jitter = kDurationMax + 1ns}), std::logic_error);
  EXPECT_THROW(make({.reorder_delay = 0ns}), std::logic_error);
  EXPECT_THROW(make({.reorder_delay = kDurationMax + 1ns}), std::logic_error);
  EXPECT_THROW(make({.delay = -1ns}), std::logic_error);
  EXPECT_THROW(make({.delay = kDurationMax + 1ns}), std::logic_error);
  EXPECT_THROW(make({.early = {.gap = 0}}), std::logic_error);
  EXPECT_THROW(make({.corrupt_bits = 0}), std::logic_error);
  EXPECT_THROW(make({.corrupt_bits = CopyFate::kFlipsMax + 1}), std::logic_error);
  EXPECT_THROW(make({.loss = EveryNthLoss{0}}), std::logic_error);
  EXPECT_THROW(RandomFates(Impairments{.loss = EveryNthLoss{0}}, 4, Direction::kUplink),
               std::logic_error);
  EXPECT_NO_THROW(
      make({.reorder_delay = kDurationMax, .delay = kDurationMax, .jitter = kDurationMax}));
}

}  // namespace
}  // namespace lossy
