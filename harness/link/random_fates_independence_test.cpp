// What a seed means: nothing that is decided depends on what else is switched on.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lossy/harness/link/fates_for_test.hpp>
#include <lossy/harness/link/fault_list.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

// Each impairment's decisions in a run, one number each; what concerns copies twice.
enum Kind : std::size_t {
  kLoss,
  kChecksum,
  kDuplicate,
  kReorder,
  kEarly,
  kJitter,
  kCorrupt,
  kTruncate,
  kKinds
};
constexpr const char* kKindNames[kKinds] = {"loss",  "checksum", "duplicate", "reorder",
                                            "early", "jitter",   "corrupt",   "truncate"};

// What cannot be seen because of something else: the copies of what is lost, for instance.
constexpr std::int64_t kUnseen = std::numeric_limits<std::int64_t>::min();

using Decisions = std::array<std::array<std::vector<std::int64_t>, 2>, kKinds>;

Decisions decisions(const Impairments& impairments, std::uint64_t seed, Direction direction,
                    std::uint64_t datagrams = 10'000) {
  Decisions all;
  for_each_fate(impairments, seed, direction, datagrams, [&](std::uint64_t, const Fate& fate) {
    const bool dropped = fate.lost() && fate.loss == LossReason::kDrop;
    all[kLoss][0].push_back(dropped ? 1 : 0);
    all[kChecksum][0].push_back(dropped ? kUnseen : fate.lost() ? 1 : 0);
    all[kDuplicate][0].push_back(fate.lost() ? kUnseen : fate.copies_count == 2 ? 1 : 0);
    for (std::size_t i = 0; i < 2; ++i) {
      if (i >= fate.copies_count) {
        for (std::size_t kind = kReorder; kind < kKinds; ++kind) all[kind][i].push_back(kUnseen);
        continue;
      }
      const CopyFate& copy = fate.copy[i];
      all[kReorder][i].push_back(copy.held_back ? 1 : 0);
      all[kEarly][i].push_back(is_early(copy) ? 1 : 0);
      const Duration held = copy.held_back ? impairments.reorder_delay : 0s;
      all[kJitter][i].push_back(is_early(copy) ? kUnseen : (copy.extra_delay - held).count());
      std::uint64_t flips = 0;
      for (const std::uint32_t bit : copy.flips()) flips = flips * 1000 + bit + 1;
      all[kCorrupt][i].push_back(static_cast<std::int64_t>(flips));
      all[kTruncate][i].push_back(copy.kept_bytes);
    }
  });
  return all;
}

// How often both are seen, and how often they differ.
struct Comparison {
  std::uint64_t seen = 0;
  std::uint64_t differ = 0;
};
Comparison compare(const std::vector<std::int64_t>& a, const std::vector<std::int64_t>& b) {
  Comparison result;
  for (std::size_t n = 0; n < a.size(); ++n) {
    if (a[n] == kUnseen || b[n] == kUnseen) continue;
    ++result.seen;
    result.differ += a[n] != b[n] ? 1 : 0;
  }
  return result;
}

// Switching an impairment on or off, or changing it, changes what it decides, and never moves
// another's decisions, in either direction, for either copy.
TEST(RandomFatesIndependence, NoImpairmentMovesAnothersDecisions) {
  const struct {
    const char* what;
    Kind kind;
    std::function<void(Impairments&)> make;
  } changes[] = {
      {"loss off", kLoss, [](Impairments& i) { i.loss = {}; }},
      {"random loss", kLoss, [](Impairments& i) { i.loss = RandomLoss{percent(30)}; }},
      {"other p", kLoss,
       [](Impairments& i) { std::get<GilbertElliott>(i.loss).to_bad = percent(3); }},
      {"other r", kLoss,
       [](Impairments& i) { std::get<GilbertElliott>(i.loss).to_good = percent(10); }},
      {"other 1-h", kLoss,
       [](Impairments& i) { std::get<GilbertElliott>(i.loss).loss_in_bad = percent(50); }},
      {"other 1-k", kLoss,
       [](Impairments& i) { std::get<GilbertElliott>(i.loss).loss_in_good = percent(2); }},
      {"four states", kLoss,
       [](Impairments& i) {
         i.loss = FourStateLoss{percent(2), percent(30), percent(5), percent(30), percent(1)};
       }},
      {"every third", kLoss, [](Impairments& i) { i.loss = EveryNthLoss{3}; }},
      {"checksum off", kChecksum, [](Impairments& i) { i.checksum = {}; }},
      {"checksum up", kChecksum, [](Impairments& i) { i.checksum = percent(50); }},
      {"checksum correlated", kChecksum,
       [](Impairments& i) { i.checksum.correlation = percent(50); }},
      {"duplicate off", kDuplicate, [](Impairments& i) { i.duplicate = {}; }},
      {"duplicate up", kDuplicate, [](Impairments& i) { i.duplicate = percent(90); }},
      {"duplicate correlated", kDuplicate,
       [](Impairments& i) { i.duplicate.correlation = percent(50); }},
      {"reorder off", kReorder, [](Impairments& i) { i.reorder = {}; }},
      {"reorder up", kReorder, [](Impairments& i) { i.reorder = percent(90); }},
      {"reorder correlated", kReorder, [](Impairments& i) { i.reorder.correlation = percent(50); }},
      {"early off", kEarly, [](Impairments& i) { i.early = {}; }},
      {"early up", kEarly, [](Impairments& i) { i.early.chance = percent(80); }},
      {"early correlated", kEarly,
       [](Impairments& i) { i.early.chance.correlation = percent(50); }},
      {"another gap", kEarly, [](Impairments& i) { i.early.gap = 5; }},
      {"corrupt off", kCorrupt, [](Impairments& i) { i.corrupt = {}; }},
      {"corrupt up", kCorrupt, [](Impairments& i) { i.corrupt = percent(90); }},
      {"corrupt correlated", kCorrupt, [](Impairments& i) { i.corrupt.correlation = percent(50); }},
      {"more bits", kCorrupt, [](Impairments& i) { i.corrupt_bits = 8; }},
      {"truncate off", kTruncate, [](Impairments& i) { i.truncate = {}; }},
      {"truncate up", kTruncate, [](Impairments& i) { i.truncate = percent(90); }},
      {"truncate correlated", kTruncate,
       [](Impairments& i) { i.truncate.correlation = percent(50); }},
      {"jitter off", kJitter, [](Impairments& i) { i.jitter = {}; }},
      {"jitter up", kJitter, [](Impairments& i) { i.jitter = 4ms; }},
      {"jitter correlated", kJitter, [](Impairments& i) { i.jitter_correlation = percent(80); }},
      {"another distribution", kJitter,
       [](Impairments& i) { i.distribution = DelayTable::built_in("pareto"); }},
      {"no distribution", kJitter, [](Impairments& i) { i.distribution = nullptr; }},
      {"another reorder delay", kKinds, [](Impairments& i) { i.reorder_delay = 1s; }},
      {"another delay", kKinds, [](Impairments& i) { i.delay += 10s; }},
  };
  for (const Direction direction : kDirections) {
    const Decisions before = decisions(everything(), 4, direction, 5000);
    for (const auto& change : changes) {
      SCOPED_TRACE(testing::Message() << change.what << ", " << to_string(direction));
      Impairments changed = everything();
      change.make(changed);
      const Decisions after = decisions(changed, 4, direction, 5000);
      for (std::size_t kind = 0; kind < kKinds; ++kind) {
        for (const std::size_t copy : {0U, 1U}) {
          if (copy == 1 && kind < kReorder) continue;
          SCOPED_TRACE(testing::Message() << kKindNames[kind] << " of copy " << copy + 1);
          const Comparison result = compare(before[kind][copy], after[kind][copy]);
          const bool gone = copy == 1 && changed.duplicate == Chance{};
          if (gone) continue;
          EXPECT_GT(result.seen, 100U);
          if (kind == change.kind) {
            EXPECT_GT(result.differ, 0U);
          } else {
            EXPECT_EQ(result.differ, 0U);
          }
        }
      }
    }
  }
}

// Each impairment by itself decides as it does beside all the others.
TEST(RandomFatesIndependence, AloneIsAsBesideTheOthers) {
  using Make = std::function<void(Impairments&, const Impairments&)>;
  const std::pair<Kind, Make> makes[] = {
      {kLoss, [](Impairments& i, const Impairments& all) { i.loss = all.loss; }},
      {kChecksum, [](Impairments& i, const Impairments& all) { i.checksum = all.checksum; }},
      {kDuplicate, [](Impairments& i, const Impairments& all) { i.duplicate = all.duplicate; }},
      {kReorder,
       [](Impairments& i, const Impairments& all) {
         i.reorder = all.reorder;
         i.reorder_delay = all.reorder_delay;
       }},
      {kEarly,
       [](Impairments& i, const Impairments& all) {
         i.early = all.early;
         i.delay = all.delay;
       }},
      {kJitter,
       [](Impairments& i, const Impairments& all) {
         i.jitter = all.jitter;
         i.jitter_correlation = all.jitter_correlation;
         i.distribution = all.distribution;
       }},
      {kCorrupt,
       [](Impairments& i, const Impairments& all) {
         i.corrupt = all.corrupt;
         i.corrupt_bits = all.corrupt_bits;
       }},
      {kTruncate, [](Impairments& i, const Impairments& all) { i.truncate = all.truncate; }},
  };
  for (const Direction direction : kDirections) {
    const Decisions beside = decisions(everything(), 4, direction);
    for (const auto& [kind, make] : makes) {
      SCOPED_TRACE(testing::Message() << kKindNames[kind] << ", " << to_string(direction));
      Impairments one;
      make(one, everything());
      const Comparison result = compare(beside[kind][0], decisions(one, 4, direction)[kind][0]);
      EXPECT_GT(result.seen, 5000U);
      EXPECT_EQ(result.differ, 0U);
    }
  }
}

// The two directions, and neighbouring seeds, decide independently in everything, and so do the
// impairments and the copies of one run: two that decided the same would agree always, and two that
// decide independently agree as often as chance has it.
TEST(RandomFatesIndependence, StreamsAreIndependent) {
  constexpr std::uint64_t kRun = 4000;
  const Impairments halves{.checksum = percent(50),
                           .duplicate = percent(50),
                           .reorder = percent(50),
                           .early = {percent(50), 1},
                           .delay = kJumpedDelay,
                           .corrupt = percent(50),
                           .truncate = percent(50),
                           .jitter = 3ms};
  // As a yes or a no.
  const auto happened = [](Kind kind, std::int64_t decision) {
    if (kind == kTruncate) return decision < static_cast<std::int64_t>(kPayloadBytes);
    return decision > 0;
  };
  struct Stream {
    std::string name;
    Kind kind;
    std::vector<std::int64_t> decisions;
  };
  std::vector<Stream> streams;
  const std::pair<std::uint64_t, Direction> runs[] = {
      {4, Direction::kUplink}, {4, Direction::kDownlink}, {5, Direction::kUplink},
      {0, Direction::kUplink}, {0, Direction::kDownlink}, {1U << 31, Direction::kUplink}};
  for (const auto& [seed, direction] : runs) {
    const std::string name = std::to_string(seed) + ' ' + std::string(to_string(direction)) + ' ';
    const Decisions all = decisions(halves, seed, direction, kRun);
    streams.push_back({name + "checksum", kChecksum, all[kChecksum][0]});
    const LossModel losses[] = {RandomLoss{percent(50)},
                                GilbertElliott{percent(50), percent(50), percent(100), percent(0)},
                                GilbertElliott{percent(50), percent(50), percent(50), percent(50)}};
    for (const LossModel& loss : losses) {
      streams.push_back(
          {name + "loss", kLoss, decisions({.loss = loss}, seed, direction, kRun)[kLoss][0]});
    }
    for (std::size_t kind = kDuplicate; kind < kKinds; ++kind) {
      for (const std::size_t copy : {0U, 1U}) {
        if (copy == 1 && kind < kReorder) continue;
        streams.push_back({name + kKindNames[kind] + ' ' + std::to_string(copy + 1),
                           static_cast<Kind>(kind), all[kind][copy]});
      }
    }
  }
  // Among so many pairs one in 15,000 is beyond 4 standard deviations; none is beyond 5.
  for (const Stream& a : streams) {
    for (const Stream& b : streams) {
      if (&b >= &a) break;
      double seen = 0;
      double agreed = 0;
      for (std::size_t n = 0; n < kRun; ++n) {
        if (a.decisions[n] == kUnseen || b.decisions[n] == kUnseen) continue;
        ++seen;
        agreed += happened(a.kind, a.decisions[n]) == happened(b.kind, b.decisions[n]) ? 1 : 0;
      }
      ASSERT_GT(seen, 40);
      EXPECT_NEAR(agreed, seen / 2, 5 * std::sqrt(seen) / 2) << a.name << " and " << b.name;
    }
  }
}

Impairments pinned() {
  return {.loss = RandomLoss{percent(10)},
          .duplicate = percent(20),
          .reorder = percent(15),
          .reorder_delay = 7ms,
          .corrupt = percent(25),
          .jitter = 3ms};
}

// FNV-1a.
class Digest {
 public:
  void add(std::string_view bytes) {
    for (const char c : bytes) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  }
  std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xCBF29CE484222325;
};

// What a seed means is pinned: recordings, golden captures and every command that was ever given to
// a friend stand on it.
TEST(RandomFatesIndependence, SeedsArePinned) {
  std::string first;
  for_each_fate(pinned(), 4, Direction::kUplink, 11, [&](std::uint64_t number, const Fate& fate) {
    first += format_fault(Direction::kUplink, number, fate) + '\n';
  });
  EXPECT_EQ(first,
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
  // More fates than anybody would read.
  const auto digest = [](std::uint64_t seed, Direction direction) {
    Digest sum;
    for_each_fate(pinned(), seed, direction, 10'000, [&](std::uint64_t number, const Fate& fate) {
      sum.add(format_fault(direction, number, fate) + '\n');
    });
    return sum.value();
  };
  EXPECT_EQ(digest(4, Direction::kUplink), 14064395912665936434U);
  EXPECT_EQ(digest(4, Direction::kDownlink), 3151346252610878878U);
  EXPECT_EQ(digest(0, Direction::kUplink), 4728800588647412636U);
  EXPECT_EQ(digest(0xFFFFFFFFFFFFFFFF, Direction::kDownlink), 7940993467233530023U);
}

// So are the intervals of slots, which no fate's numbers are.
TEST(RandomFatesIndependence, SlotsArePinned) {
  for (const Direction direction : kDirections) {
    const std::uint64_t place = direction == Direction::kUplink ? 1 : 2;
    const RandomStream stream = RandomStream(4).stream(place).stream(1000);
    for (std::uint64_t n = 1; n <= 10; ++n) {
      EXPECT_EQ(slot_stream(4, direction).at(n), stream.at(n));
      EXPECT_EQ(direction_stream(4, direction).at(n), RandomStream(4).stream(place).at(n));
    }
  }
}

// So is what it means for everything else that may happen.
TEST(RandomFatesIndependence, SeedsOfEverythingArePinned) {
  const auto digest = [](const Impairments& impairments, Direction direction) {
    Digest sum;
    const auto all = decisions(impairments, 4, direction);
    for (const auto& of_kind : all) {
      for (const auto& of_copy : of_kind) {
        for (const std::int64_t decision : of_copy) sum.add(std::to_string(decision) + ' ');
      }
    }
    return sum.value();
  };
  Impairments impairments = everything();
  EXPECT_EQ(digest(impairments, Direction::kUplink), 3368683276567204191U);
  EXPECT_EQ(digest(impairments, Direction::kDownlink), 10638285254135954174U);
  impairments.loss = FourStateLoss{percent(2), percent(30), percent(5), percent(30), percent(1)};
  impairments.distribution = DelayTable::built_in("pareto");
  EXPECT_EQ(digest(impairments, Direction::kUplink), 8757938734110595984U);
  impairments.loss = RandomLoss{{percent(20), percent(60)}};
  impairments.distribution = DelayTable::built_in("paretonormal");
  EXPECT_EQ(digest(impairments, Direction::kUplink), 13294458910010576984U);
}

// Whatever a random run did can be written down, and the list does the same again.
TEST(RandomFatesIndependence, AListDoesWhatARandomRunDid) {
  std::string text;
  for (const Direction direction : kDirections) {
    for_each_fate(pinned(), 4, direction, 20'000, [&](std::uint64_t number, const Fate& fate) {
      if (!fate.is_plain()) text += format_fault(direction, number, fate) + '\n';
    });
  }
  const FaultList list = FaultList::parse(text);
  for (const Direction direction : kDirections) {
    ListedFates listed(list, direction);
    for_each_fate(pinned(), 4, direction, 30'000, [&](std::uint64_t number, const Fate& fate) {
      const Fate& again = listed.decide({}, number, kPayloadBytes);
      ASSERT_EQ(again, number <= 20'000 ? fate : Fate{}) << number;
    });
  }
}

}  // namespace
}  // namespace lossy
