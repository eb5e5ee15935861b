#include "harness/link/random_fates.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "harness/link/fault_list.hpp"

namespace lossy {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kDatagrams = 1'000'000;
constexpr std::size_t kPayloadBytes = 25;
constexpr Direction kDirections[] = {Direction::kUplink, Direction::kDownlink};

Probability percent(double value) {
  return Probability::ratio(static_cast<std::uint64_t>(std::llround(value * 10'000)), 1'000'000);
}

const double kRates[] = {0.01, 1, 5, 10, 50, 99};

// What happened to a copy, first or second, in so many datagrams.
struct CopyTally {
  std::uint64_t copies = 0;
  std::uint64_t held_back = 0;
  std::uint64_t corrupted = 0;
  std::uint64_t held_back_and_corrupted = 0;
};

struct Tally {
  std::uint64_t datagrams = 0;
  std::uint64_t lost = 0;
  std::uint64_t lost_twice_in_a_row = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t both_held_back = 0;
  std::uint64_t both_corrupted = 0;
  CopyTally copy[2];
};

// Calls with each of the first datagrams' numbers and fates.
template <typename Visit>
void for_each_fate(const Impairments& impairments, std::uint64_t seed, Direction direction,
                   std::uint64_t datagrams, Visit&& visit) {
  RandomFates fates(impairments, seed, direction);
  for (std::uint64_t number = 1; number <= datagrams; ++number) {
    visit(number, fates.decide({}, number, kPayloadBytes));
  }
}

Tally tally(const Impairments& impairments, std::uint64_t seed, Direction direction) {
  Tally sum;
  bool lost_before = false;
  for_each_fate(impairments, seed, direction, kDatagrams, [&](std::uint64_t, const Fate& fate) {
    ++sum.datagrams;
    sum.lost += fate.lost() ? 1 : 0;
    sum.lost_twice_in_a_row += fate.lost() && lost_before ? 1 : 0;
    lost_before = fate.lost();
    if (fate.copies_count == 2) {
      ++sum.duplicated;
      sum.both_held_back += fate.copy[0].held_back && fate.copy[1].held_back ? 1 : 0;
      sum.both_corrupted += fate.copy[0].flips_count + fate.copy[1].flips_count == 2 ? 1 : 0;
    }
    for (std::size_t i = 0; i < fate.copies_count; ++i) {
      const CopyFate& copy = fate.copy[i];
      ++sum.copy[i].copies;
      sum.copy[i].held_back += copy.held_back ? 1 : 0;
      sum.copy[i].corrupted += copy.flips_count;
      sum.copy[i].held_back_and_corrupted += copy.held_back && copy.flips_count > 0 ? 1 : 0;
    }
  });
  return sum;
}

// That `count` of `trials` is what a probability of `p` gives, within 4 standard deviations.
void expect_rate(std::uint64_t count, std::uint64_t trials, double p, const char* what) {
  const auto n = static_cast<double>(trials);
  EXPECT_NEAR(static_cast<double>(count), n * p, 4 * std::sqrt(n * p * (1 - p))) << what;
}

// What is left to chance in a run, as its command line would say it.
std::string command(const char* option, double rate, Direction direction, std::uint64_t seed) {
  return "lossy simulate --" + std::string(to_string(direction)) + "-" + option + "=" +
         std::to_string(rate) + "% --seed=" + std::to_string(seed);
}

// Runs a test at several rates, with several seeds, in both directions.
void at_all_rates(const char* option, const std::function<void(Impairments&, Probability)>& set,
                  const std::function<void(const Tally&, double)>& test) {
  for (const double rate : kRates) {
    for (const std::uint64_t seed : {1U, 4U}) {
      for (const Direction direction : kDirections) {
        SCOPED_TRACE(command(option, rate, direction, seed));
        Impairments impairments;
        set(impairments, percent(rate));
        test(tally(impairments, seed, direction), rate / 100);
      }
    }
  }
}

// The distance that a sample of a uniform distribution exceeds as rarely as a normal one 4 sigma
// (Kolmogorov-Smirnov).
double uniform_distance_max(std::size_t sample) {
  return 2.28 / std::sqrt(static_cast<double>(sample));
}

// How far a sample in [0, 1] is from uniform.
double uniform_distance(std::vector<double> values) {
  std::ranges::sort(values);
  const auto n = static_cast<double>(values.size());
  double distance = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto below = static_cast<double>(i);
    distance = std::max({distance, values[i] - below / n, (below + 1) / n - values[i]});
  }
  return distance;
}

// One impairment's decisions in a run, one number each: what the others must not move.
struct Decisions {
  std::vector<bool> lost;
  std::vector<bool> duplicated;
  std::vector<bool> held_back[2];
  std::vector<std::uint32_t> corrupted[2];  // 0, or the bit's number and 1.
  std::vector<Duration> jitter[2];

  friend bool operator==(const Decisions&, const Decisions&) = default;
};

Decisions decisions(const Impairments& impairments, std::uint64_t seed, Direction direction) {
  Decisions all;
  for_each_fate(impairments, seed, direction, 20'000, [&](std::uint64_t, const Fate& fate) {
    all.lost.push_back(fate.lost());
    all.duplicated.push_back(fate.copies_count == 2);
    for (std::size_t i = 0; i < 2; ++i) {
      const CopyFate& copy = fate.copy[i];
      const bool there = i < fate.copies_count;
      const bool held_back = there && copy.held_back;
      all.held_back[i].push_back(held_back);
      all.corrupted[i].push_back(there && copy.flips_count > 0 ? copy.flipped_bits[0] + 1 : 0);
      all.jitter[i].push_back(
          there ? copy.extra_delay - (held_back ? impairments.reorder_delay : 0s) : 0s);
    }
  });
  return all;
}

Impairments everything() {
  return {.loss = RandomLoss{percent(10)},
          .duplicate = percent(20),
          .reorder = percent(15),
          .reorder_delay = 7ms,
          .corrupt = percent(25),
          .jitter = 3ms};
}

// With default settings nothing happens to anything.
TEST(RandomFates, NothingHappensByDefault) {
  for (const Direction direction : kDirections) {
    for_each_fate({}, 4, direction, kDatagrams,
                  [](std::uint64_t, const Fate& fate) { ASSERT_TRUE(fate.is_plain()); });
  }
}

// So many datagrams are lost as was asked for, independently of each other, and nothing else
// happens.
TEST(RandomFates, DropsAsAskedFor) {
  at_all_rates(
      "drop", [](Impairments& i, Probability p) { i.loss = RandomLoss{p}; },
      [](const Tally& sum, double p) {
        expect_rate(sum.lost, sum.datagrams, p, "lost");
        expect_rate(sum.lost_twice_in_a_row, sum.datagrams - 1, p * p, "lost twice in a row");
        EXPECT_EQ(sum.copy[0].copies, sum.datagrams - sum.lost);
        EXPECT_EQ(sum.duplicated + sum.copy[0].held_back + sum.copy[0].corrupted, 0U);
      });
}

// So many datagrams arrive twice as was asked for, and nothing else happens.
TEST(RandomFates, DuplicatesAsAskedFor) {
  at_all_rates(
      "duplicate", [](Impairments& i, Probability p) { i.duplicate = p; },
      [](const Tally& sum, double p) {
        expect_rate(sum.duplicated, sum.datagrams, p, "duplicated");
        EXPECT_EQ(sum.lost, 0U);
        for (const CopyTally& copy : sum.copy) EXPECT_EQ(copy.held_back + copy.corrupted, 0U);
      });
}

// The rate of duplicates is that of what is delivered, whatever the losses, and neither changes the
// other's.
TEST(RandomFates, DuplicatesWhatIsDelivered) {
  for (const Direction direction : kDirections) {
    const Tally sum =
        tally({.loss = RandomLoss{percent(30)}, .duplicate = percent(10)}, 4, direction);
    expect_rate(sum.lost, sum.datagrams, 0.3, "lost");
    expect_rate(sum.duplicated, sum.datagrams - sum.lost, 0.1, "duplicated");
  }
}

// So many copies are held back as was asked for, by the reorder delay, and nothing else happens.
TEST(RandomFates, HoldsBackAsAskedFor) {
  at_all_rates(
      "reorder", [](Impairments& i, Probability p) { i.reorder = p; },
      [](const Tally& sum, double p) {
        expect_rate(sum.copy[0].held_back, sum.datagrams, p, "held back");
        EXPECT_EQ(sum.lost + sum.duplicated + sum.copy[0].corrupted, 0U);
      });
  for (const Duration reorder_delay : {Impairments{}.reorder_delay, Duration(1ns), kDurationMax}) {
    for_each_fate({.reorder = percent(50), .reorder_delay = reorder_delay}, 4, Direction::kUplink,
                  1000, [&](std::uint64_t, const Fate& fate) {
                    ASSERT_EQ(fate.copy[0].extra_delay,
                              fate.copy[0].held_back ? reorder_delay : Duration(0));
                  });
  }
}

// So many copies have one flipped bit as was asked for, and nothing else happens.
TEST(RandomFates, CorruptsAsAskedFor) {
  at_all_rates(
      "corrupt", [](Impairments& i, Probability p) { i.corrupt = p; },
      [](const Tally& sum, double p) {
        expect_rate(sum.copy[0].corrupted, sum.datagrams, p, "corrupted");
        EXPECT_EQ(sum.lost + sum.duplicated + sum.copy[0].held_back, 0U);
      });
}

// Each copy of a datagram has its own chances, independent of the other copy's and of each other.
TEST(RandomFates, CopiesAreIndependent) {
  for (const Direction direction : kDirections) {
    const Tally sum = tally(
        {.duplicate = percent(50), .reorder = percent(20), .corrupt = percent(30)}, 4, direction);
    for (const CopyTally& copy : sum.copy) {
      expect_rate(copy.held_back, copy.copies, 0.2, "held back");
      expect_rate(copy.corrupted, copy.copies, 0.3, "corrupted");
      expect_rate(copy.held_back_and_corrupted, copy.copies, 0.06, "held back and corrupted");
    }
    expect_rate(sum.both_held_back, sum.duplicated, 0.04, "both copies held back");
    expect_rate(sum.both_corrupted, sum.duplicated, 0.09, "both copies corrupted");
  }
}

// Every bit of the payload is as likely to be flipped as any other, in either copy.
TEST(RandomFates, AnyBitMayBeFlipped) {
  for (const Direction direction : kDirections) {
    std::vector<double> counts[2] = {std::vector<double>(8 * kPayloadBytes),
                                     std::vector<double>(8 * kPayloadBytes)};
    for_each_fate({.duplicate = percent(100), .corrupt = percent(100)}, 4, direction, kDatagrams,
                  [&](std::uint64_t, const Fate& fate) {
                    for (std::size_t i = 0; i < 2; ++i) {
                      ASSERT_EQ(fate.copy[i].flips_count, 1);
                      ASSERT_LT(fate.copy[i].flipped_bits[0], 8 * kPayloadBytes);
                      ++counts[i][fate.copy[i].flipped_bits[0]];
                    }
                  });
    for (const std::vector<double>& of_copy : counts) {
      // Pearson's statistic, which is about normal for so many bits.
      const double expected = static_cast<double>(kDatagrams) / static_cast<double>(of_copy.size());
      double statistic = 0;
      for (const double count : of_copy) statistic += std::pow(count - expected, 2) / expected;
      const double freedom = static_cast<double>(of_copy.size()) - 1;
      EXPECT_NEAR(statistic, freedom, 4 * std::sqrt(2 * freedom));
    }
  }
}

// A payload of any size has its flip within it, and one of no bytes is left alone.
TEST(RandomFates, FlipsStayWithinThePayload) {
  RandomFates fates(Impairments{.corrupt = percent(100)}, 4, Direction::kUplink);
  std::uint64_t number = 0;
  for (const std::size_t bytes : {1U, 2U, 3U, 1024U, 65'507U}) {
    for (int i = 0; i < 1000; ++i) {
      const Fate& fate = fates.decide({}, ++number, bytes);
      ASSERT_EQ(fate.copy[0].flips_count, 1);
      ASSERT_LT(fate.copy[0].flipped_bits[0], 8 * bytes);
    }
  }
  EXPECT_TRUE(fates.decide({}, ++number, 0).is_plain());
}

// Jitter has the mean 0, the variance and the shape of a uniform distribution, for either copy, and
// nothing else happens.
TEST(RandomFates, JitterIsUniform) {
  for (const Direction direction : kDirections) {
    for (const Duration jitter : {Duration(1ms), Duration(999'999'937ns)}) {
      const auto spread = static_cast<double>(jitter.count());
      std::vector<double> values[2];
      double products = 0;
      for_each_fate({.duplicate = percent(100), .jitter = jitter}, 4, direction, kDatagrams,
                    [&](std::uint64_t, const Fate& fate) {
                      double product = 1;
                      for (std::size_t i = 0; i < 2; ++i) {
                        const CopyFate& copy = fate.copy[i];
                        ASSERT_TRUE(copy.extra_delay >= -jitter && copy.extra_delay <= jitter);
                        ASSERT_FALSE(copy.held_back || copy.flips_count > 0);
                        values[i].push_back(static_cast<double>(copy.extra_delay.count()) / spread);
                        product *= values[i].back();
                      }
                      products += product;
                    });
      const auto n = static_cast<double>(kDatagrams);
      for (std::vector<double>& of_copy : values) {
        double sum = 0;
        double squares = 0;
        for (const double value : of_copy) {
          sum += value;
          squares += value * value;
        }
        EXPECT_NEAR(sum / n, 0, 4 * std::sqrt(1.0 / 3 / n));
        EXPECT_NEAR(squares / n, 1.0 / 3, 4 * std::sqrt((1.0 / 5 - 1.0 / 9) / n));
        for (double& value : of_copy) value = (value + 1) / 2;
        const std::size_t sample = of_copy.size();
        EXPECT_LT(uniform_distance(std::move(of_copy)), uniform_distance_max(sample));
      }
      EXPECT_NEAR(products / n, 0, 4.0 / 3 / std::sqrt(n))
          << "the copies' jitter is not independent";
    }
  }
}

// The smallest jitter and both ends of it happen: -1 ns, 0 and 1 ns alike.
TEST(RandomFates, EveryNanosecondOfJitterIsEquallyLikely) {
  std::uint64_t counts[3] = {};
  for_each_fate({.jitter = 1ns}, 4, Direction::kUplink, kDatagrams,
                [&](std::uint64_t, const Fate& fate) {
                  const auto at = fate.copy[0].extra_delay.count() + 1;
                  ASSERT_TRUE(at >= 0 && at <= 2);
                  ++counts[at];
                });
  for (const std::uint64_t count : counts) expect_rate(count, kDatagrams, 1.0 / 3, "nanosecond");
}

// What is held back has its jitter on top.
TEST(RandomFates, HeldBackHasItsJitterToo) {
  double sum = 0;
  for_each_fate({.reorder = percent(100), .reorder_delay = 10ms, .jitter = 2ms}, 4,
                Direction::kUplink, kDatagrams, [&](std::uint64_t, const Fate& fate) {
                  ASSERT_GE(fate.copy[0].extra_delay, 8ms);
                  ASSERT_LE(fate.copy[0].extra_delay, 12ms);
                  sum += static_cast<double>(fate.copy[0].extra_delay.count()) / 1e6;
                });
  const auto n = static_cast<double>(kDatagrams);
  EXPECT_NEAR(sum / n, 10, 4 * 2 * std::sqrt(1.0 / 3 / n));
}

// 0% never happens, beside whatever else does.
TEST(RandomFates, ZeroIsExact) {
  for (const Direction direction : kDirections) {
    Impairments impairments = everything();
    impairments.loss = {};
    impairments.duplicate = {};
    const Tally kept = tally(impairments, 4, direction);
    EXPECT_EQ(kept.lost + kept.duplicated, 0U);
    impairments = everything();
    impairments.reorder = impairments.corrupt = {};
    const Tally intact = tally(impairments, 4, direction);
    for (const CopyTally& copy : intact.copy) EXPECT_EQ(copy.held_back + copy.corrupted, 0U);
  }
}

// 100% always happens.
TEST(RandomFates, AHundredIsExact) {
  for (const Direction direction : kDirections) {
    EXPECT_EQ(tally({.loss = RandomLoss{percent(100)}}, 4, direction).lost, kDatagrams);
    const Tally sum =
        tally({.duplicate = percent(100), .reorder = percent(100), .corrupt = percent(100)}, 4,
              direction);
    EXPECT_EQ(sum.duplicated, kDatagrams);
    for (const CopyTally& copy : sum.copy) {
      EXPECT_EQ(copy.held_back, kDatagrams);
      EXPECT_EQ(copy.corrupted, kDatagrams);
    }
  }
}

// Switching an impairment on or off, or changing it, never moves another's decisions.
TEST(RandomFates, NoImpairmentMovesAnothersDecisions) {
  for (const Direction direction : kDirections) {
    // Loss is left out at first, because what is lost has no copies to decide about.
    Impairments all = everything();
    all.loss = {};
    const Decisions before = decisions(all, 4, direction);

    Impairments changed = all;
    changed.duplicate = {};
    Decisions after = decisions(changed, 4, direction);
    EXPECT_NE(after.duplicated, before.duplicated);
    EXPECT_EQ(after.lost, before.lost);
    EXPECT_EQ(after.held_back[0], before.held_back[0]);
    EXPECT_EQ(after.corrupted[0], before.corrupted[0]);
    EXPECT_EQ(after.jitter[0], before.jitter[0]);

    // Each change, and the part of the decisions that it may move.
    struct Change {
      const char* what;
      std::function<void(Impairments&)> make;
      std::function<void(Decisions&)> forget;
    };
    const auto forget_held_back = [](Decisions& d) { d.held_back[0] = d.held_back[1] = {}; };
    const auto forget_corrupted = [](Decisions& d) { d.corrupted[0] = d.corrupted[1] = {}; };
    const auto forget_jitter = [](Decisions& d) { d.jitter[0] = d.jitter[1] = {}; };
    const std::vector<Change> changes = {
        {"reorder off", [](Impairments& i) { i.reorder = {}; }, forget_held_back},
        {"reorder up", [](Impairments& i) { i.reorder = percent(90); }, forget_held_back},
        {"reorder delay", [](Impairments& i) { i.reorder_delay = 1s; }, [](Decisions&) {}},
        {"corrupt off", [](Impairments& i) { i.corrupt = {}; }, forget_corrupted},
        {"corrupt up", [](Impairments& i) { i.corrupt = percent(90); }, forget_corrupted},
        {"jitter off", [](Impairments& i) { i.jitter = {}; }, forget_jitter},
        {"jitter up", [](Impairments& i) { i.jitter = 4ms; }, forget_jitter},
    };
    for (const Change& change : changes) {
      SCOPED_TRACE(change.what);
      changed = all;
      change.make(changed);
      after = decisions(changed, 4, direction);
      Decisions expected = before;
      change.forget(after);
      change.forget(expected);
      EXPECT_EQ(after, expected);
    }
  }
}

// Switching everything else on leaves the very same datagrams lost, and loss leaves what happens to
// the others as it was.
TEST(RandomFates, LossAndTheRestLeaveEachOtherAlone) {
  for (const Direction direction : kDirections) {
    Impairments rest = everything();
    rest.loss = {};
    const Decisions all = decisions(everything(), 4, direction);
    const Decisions lossless = decisions(rest, 4, direction);
    EXPECT_EQ(all.lost, decisions({.loss = RandomLoss{percent(10)}}, 4, direction).lost);
    for (std::size_t n = 0; n < all.lost.size(); ++n) {
      if (all.lost[n]) continue;
      ASSERT_EQ(all.duplicated[n], lossless.duplicated[n]);
      for (std::size_t i = 0; i < 2; ++i) {
        ASSERT_EQ(all.held_back[i][n], lossless.held_back[i][n]);
        ASSERT_EQ(all.corrupted[i][n], lossless.corrupted[i][n]);
        ASSERT_EQ(all.jitter[i][n], lossless.jitter[i][n]);
      }
    }
  }
}

// Raising a rate only adds events.
TEST(RandomFates, RaisingARateOnlyAddsEvents) {
  const auto adds_only = [](const auto& lower, const auto& higher) {
    std::size_t added = 0;
    for (std::size_t n = 0; n < lower.size(); ++n) {
      if (lower[n] != 0) {
        EXPECT_EQ(higher[n], lower[n]);
      } else if (higher[n] != 0) {
        ++added;
      }
    }
    EXPECT_GT(added, 0U);
  };
  for (const Direction direction : kDirections) {
    const auto lower = decisions(everything(), 4, direction);
    Impairments raised = everything();
    raised.duplicate = percent(21);
    raised.reorder = percent(16);
    raised.corrupt = percent(26);
    const auto higher = decisions(raised, 4, direction);
    adds_only(lower.duplicated, higher.duplicated);
    for (std::size_t i = 0; i < 2; ++i) {
      adds_only(lower.held_back[i], higher.held_back[i]);
      adds_only(lower.corrupted[i], higher.corrupted[i]);
    }
    raised.loss = RandomLoss{percent(11)};
    adds_only(lower.lost, decisions(raised, 4, direction).lost);
  }
}

// The two directions, and neighbouring seeds, decide independently in everything: two that decided
// the same would agree always, and two that decide independently agree as often as chance has it.
TEST(RandomFates, DirectionsAndSeedsAreIndependent) {
  const Impairments half{.loss = RandomLoss{percent(50)}};
  const Impairments halves{
      .duplicate = percent(50), .reorder = percent(50), .corrupt = percent(50)};
  const std::vector<std::pair<std::uint64_t, Direction>> runs = {
      {4, Direction::kUplink}, {4, Direction::kDownlink}, {5, Direction::kUplink},
      {0, Direction::kUplink}, {0, Direction::kDownlink}, {1U << 31, Direction::kUplink}};
  const auto agreements = [](const auto& a, const auto& b) {
    std::uint64_t count = 0;
    for (std::size_t n = 0; n < a.size(); ++n) count += (a[n] != 0) == (b[n] != 0) ? 1 : 0;
    expect_rate(count, a.size(), 0.5, "agreements");
  };
  for (std::size_t a = 0; a < runs.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      SCOPED_TRACE(testing::Message() << "runs " << a << " and " << b);
      agreements(decisions(half, runs[a].first, runs[a].second).lost,
                 decisions(half, runs[b].first, runs[b].second).lost);
      const Decisions one = decisions(halves, runs[a].first, runs[a].second);
      const Decisions other = decisions(halves, runs[b].first, runs[b].second);
      agreements(one.duplicated, other.duplicated);
      agreements(one.held_back[0], other.held_back[0]);
      agreements(one.corrupted[0], other.corrupted[0]);
    }
  }
  // The impairments of one run decide independently of each other, too.
  const Decisions run = decisions(halves, 4, Direction::kUplink);
  agreements(run.duplicated, run.held_back[0]);
  agreements(run.duplicated, run.corrupted[0]);
  agreements(run.held_back[0], run.corrupted[0]);
  agreements(run.duplicated, decisions(half, 4, Direction::kUplink).lost);
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

// What a seed means is pinned: recordings, golden captures and every command that was ever given to
// a friend stand on it.
TEST(RandomFates, SeedsArePinned) {
  const auto text = [](std::uint64_t seed, Direction direction, std::uint64_t datagrams) {
    std::string all;
    for_each_fate(everything(), seed, direction, datagrams,
                  [&](std::uint64_t number, const Fate& fate) {
                    all += format_fault(direction, number, fate) + '\n';
                  });
    return all;
  };
  EXPECT_EQ(text(4, Direction::kUplink, 11),
            "uplink.1:deliver-1.401679ms\n"
            "uplink.2:drop\n"
            "uplink.3:deliver-622.245us\n"
            "uplink.4:deliver+161.505us\n"
            "uplink.5:deliver-1.176309ms^39\n"
            "uplink.6:hold+9.198093ms^199\n"
            "uplink.7:deliver-57.051us\n"
            "uplink.8:deliver+2.513168ms^30\n"
            "uplink.9:deliver+920.276us/deliver+471.979us\n"
            "uplink.10:deliver+2.522605ms\n"
            "uplink.11:deliver+1.076869ms/deliver+1.582554ms^140\n");
  // FNV-1a of the texts of more fates than anybody would read.
  const auto digest = [&text](std::uint64_t seed, Direction direction) {
    std::uint64_t hash = 0xCBF29CE484222325;
    for (const char c : text(seed, direction, 10'000)) {
      hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
    }
    return hash;
  };
  EXPECT_EQ(digest(4, Direction::kUplink), 14064395912665936434U);
  EXPECT_EQ(digest(4, Direction::kDownlink), 3151346252610878878U);
  EXPECT_EQ(digest(0, Direction::kUplink), 4728800588647412636U);
  EXPECT_EQ(digest(0xFFFFFFFFFFFFFFFF, Direction::kDownlink), 7940993467233530023U);
}

// Whatever a random run did can be written down, and the list does the same again.
TEST(RandomFates, AListDoesWhatARandomRunDid) {
  std::string text;
  for (const Direction direction : kDirections) {
    for_each_fate(everything(), 4, direction, 20'000, [&](std::uint64_t number, const Fate& fate) {
      if (!fate.is_plain()) text += format_fault(direction, number, fate) + '\n';
    });
  }
  const FaultList list = FaultList::parse(text);
  for (const Direction direction : kDirections) {
    ListedFates listed(list, direction);
    for_each_fate(everything(), 4, direction, 30'000, [&](std::uint64_t number, const Fate& fate) {
      const Fate& again = listed.decide({}, number, kPayloadBytes);
      ASSERT_EQ(again, number <= 20'000 ? fate : Fate{}) << number;
    });
  }
}

// Settings that cannot be meant are the caller's mistake.
TEST(RandomFates, RefusesSettingsOutsideTheirRange) {
  const auto make = [](const Impairments& impairments) {
    return RandomFates(impairments, 4, Direction::kUplink);
  };
  EXPECT_THROW(make({.jitter = -1ns}), std::logic_error);
  EXPECT_THROW(make({.jitter = kDurationMax + 1ns}), std::logic_error);
  EXPECT_THROW(make({.reorder_delay = 0ns}), std::logic_error);
  EXPECT_THROW(make({.reorder_delay = kDurationMax + 1ns}), std::logic_error);
  EXPECT_NO_THROW(make({.reorder_delay = kDurationMax, .jitter = kDurationMax}));
}

}  // namespace
}  // namespace lossy
