#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <lossy/core/random.hpp>
#include <lossy/harness/link/link_for_test.hpp>
#include <lossy/harness/link/random_fates.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

// What is due at the same instant leaves in the order it came, however it came to be due then.
TEST(Link, EqualTimesAreFirstInFirstOut) {
  Link link = make_link({.delay = 10ms},
                        "uplink.1:delay+3ms,uplink.2:delay-1ms,uplink.3:duplicate+3ms,"
                        "uplink.6:delay-1ms,uplink.7:delay-2ms");
  for (int i = 0; i < 3; ++i) offer(link, 0s);
  offer(link, 3ms);  // Due with the first, and with the third's copy.
  offer(link, 3ms);
  offer(link, 4ms);
  offer(link, 5ms);
  EXPECT_EQ(numbers(arrivals(link)), (Numbers{2, 3, 1, 3, 4, 5, 6, 7}));
}

// A copy's own delay is on top of the link's, exact to the nanosecond.
TEST(Link, ExtraDelayIsExact) {
  Link link = make_link({.delay = 10ms},
                        "uplink.1:delay+1ns,uplink.2:delay-10ms,uplink.3:hold+1.234567ms,"
                        "uplink.4:deliver-1ns/deliver+5s");
  for (int i = 0; i < 4; ++i) offer(link, 0s);
  std::vector<std::pair<std::uint64_t, Duration>> times;
  for (const Arrival& arrival : arrivals(link)) times.emplace_back(arrival.number, arrival.at);
  EXPECT_EQ(times, (std::vector<std::pair<std::uint64_t, Duration>>{
                       {2, 0s}, {4, 10ms - 1ns}, {1, 10ms + 1ns}, {3, 11'234'567ns}, {4, 5010ms}}));
}

// A list may ask for less delay than there is: still nothing arrives before it has left.
TEST(Link, NothingArrivesBeforeItLeft) {
  Link link = make_link({.delay = 1ms, .rate = {.bits_per_second = 1'000'000}},
                        "uplink.1:delay-1000000000s,uplink.2:delay-5ms");
  offer(link, 7ms, std::string(97, 'x'));  // 1000 bits, 1 ms.
  offer(link, 7ms, std::string(97, 'x'));
  const std::vector<Arrival> all = arrivals(link);
  EXPECT_EQ(all[0].at, 8ms);
  EXPECT_EQ(all[1].at, 9ms);
}

// Times at the end of time do not overflow.
TEST(Link, TimesSaturate) {
  Link link = make_link({.delay = kDurationMax, .rate = {.bits_per_second = 1}},
                        "uplink.1:delay+1000000000s,uplink.2:delay-1000000000s");
  const Instant late = Instant::max() - 1h;
  for (int i = 0; i < 3; ++i) link.handle_datagram(late, bytes("hello"));
  while (const auto due = link.poll_timeout()) {
    EXPECT_GE(*due, late);
    EXPECT_TRUE(link.poll_transmit(*due));
  }
  EXPECT_EQ(link.counters().delivered, 3U);
}

// Jitter may reorder: datagrams arrive by their own times, each within its bounds.
TEST(Link, JitterMayReorder) {
  Link link = make_link({.delay = 10ms}, {.jitter = 5ms});
  for (int i = 0; i < 10'000; ++i) offer(link, i * 1ms);
  const std::vector<Arrival> all = arrivals(link);
  ASSERT_EQ(all.size(), 10'000U);
  for (const Arrival& arrival : all) {
    const Duration after = Instant(arrival.at) - arrival.delivery.offered;
    ASSERT_TRUE(after >= 5ms && after <= 15ms) << arrival.number;
  }
  EXPECT_TRUE(std::ranges::is_sorted(all, {}, &Arrival::at));
  EXPECT_GT(link.counters().reordered, 5000U);
}

// Jitter that keeps order never lets one datagram pass another, and makes none later than the
// latest that came before it would have been.
TEST(Link, JitterThatKeepsOrderNeverReorders) {
  const Impairments impairments{.loss = RandomLoss{Probability::ratio(1, 10)},
                                .duplicate = Probability::ratio(1, 10),
                                .jitter = 5ms};
  Link free = make_link({.delay = 10ms}, impairments);
  Link kept = make_link({.delay = 10ms, .keeps_order = true}, impairments);
  for (int i = 0; i < 10'000; ++i) {
    offer(free, i * 300us);
    offer(kept, i * 300us);
  }
  std::vector<Arrival> by_number = arrivals(free);
  std::ranges::sort(by_number, {}, [](const Arrival& a) { return std::pair(a.number, a.copy); });
  const std::vector<Arrival> all = arrivals(kept);
  ASSERT_EQ(all.size(), by_number.size());
  Duration latest{};
  for (std::size_t i = 0; i < all.size(); ++i) {
    latest = std::max(latest, by_number[i].at);
    ASSERT_EQ(all[i].number, by_number[i].number);
    ASSERT_EQ(all[i].copy, by_number[i].copy);
    ASSERT_EQ(all[i].at, latest);
  }
  EXPECT_EQ(kept.counters().reordered, 0U);
  EXPECT_GT(free.counters().reordered, 5000U);
}

// What is held back on purpose is overtaken even where jitter keeps the order, and overtakes
// nothing itself.
TEST(Link, HeldBackIsOvertakenEvenWhereJitterKeepsOrder) {
  Link link =
      make_link({.delay = 10ms, .keeps_order = true},
                {.reorder = Probability::ratio(1, 10), .reorder_delay = 2ms, .jitter = 5ms});
  for (int i = 0; i < 10'000; ++i) offer(link, i * 100us);
  std::uint64_t highest = 0;
  std::uint64_t highest_on_time = 0;
  std::uint64_t overtaken = 0;
  for (const Arrival& arrival : arrivals(link)) {
    if (arrival.delivery.held_back) {
      overtaken += arrival.number < highest ? 1 : 0;
    } else {
      ASSERT_GT(arrival.number, highest_on_time);
      highest_on_time = arrival.number;
    }
    ASSERT_LE(highest_on_time, std::max(highest, arrival.number));
    highest = std::max(highest, arrival.number);
  }
  EXPECT_GT(overtaken, 100U);
  EXPECT_EQ(link.counters().reordered, overtaken);
}

// A datagram held back never comes before one that was sent earlier and that jitter made late.
TEST(Link, HeldBackPassesNothingWhereJitterKeepsOrder) {
  Link link =
      make_link({.delay = 10ms, .keeps_order = true},
                "uplink.1:delay+9ms,uplink.2:hold-5ms,uplink.3:delay-9ms,uplink.4:hold+5ms");
  for (int i = 0; i < 5; ++i) offer(link, 0s);
  const std::vector<Arrival> all = arrivals(link);
  EXPECT_EQ(numbers(all), (Numbers{1, 2, 3, 4, 5}));
  for (const Arrival& arrival : all) EXPECT_EQ(arrival.at, 19ms);
}

// What is sent early on purpose leaves at once even where jitter keeps the order of all others, and
// delays none of them. (netem's reorder: profiles keep the order, and people add it to them.)
TEST(Link, EarlyOvertakesEvenWhereJitterKeepsOrder) {
  const Impairments impairments{.early = {Probability::ratio(1, 4)}, .delay = 10ms, .jitter = 2ms};
  Link link = make_link({.delay = 10ms, .keeps_order = true}, impairments);
  for (int i = 0; i < 20'000; ++i) offer(link, i * 1ms);
  std::uint64_t highest_on_time = 0;
  std::uint64_t early = 0;
  for (const Arrival& arrival : arrivals(link)) {
    const Duration took = arrival.delivery.due - arrival.delivery.offered;
    if (took == 0ms) {
      ++early;
      continue;
    }
    ASSERT_GE(took, 8ms);
    ASSERT_LE(took, 12ms);
    ASSERT_GT(arrival.number, highest_on_time);
    highest_on_time = arrival.number;
  }
  EXPECT_EQ(link.counters().early, early);
  EXPECT_NEAR(static_cast<double>(early), 5000, 4 * 61.2);
  // All that are on time are overtaken, but for those behind which none of ten is early.
  EXPECT_GT(link.counters().reordered, 13'000U);
}

// What is held back is not early, and so keeps behind the others.
TEST(Link, HeldBackIsNotEarly) {
  const Probability always = Probability::ratio(1, 1);
  Link link =
      make_link({.delay = 10ms, .keeps_order = true},
                {.reorder = always, .reorder_delay = 3ms, .early = {always}, .delay = 10ms});
  for (int i = 0; i < 10; ++i) offer(link, i * 1ms);
  for (const Arrival& arrival : arrivals(link)) {
    EXPECT_EQ(arrival.delivery.due - arrival.delivery.offered, 3ms);
  }
  EXPECT_EQ(link.counters().early, 0U);
  EXPECT_EQ(link.counters().held_back, 10U);
}

// Held back without jitter: so many are, later ones pass them, and the counters say so.
TEST(Link, HeldBackIsReorderedWhenOthersFollow) {
  for (const Duration interval : {Duration(1ms), Duration(20ms)}) {
    Link link = make_link({.delay = 1ms}, {.reorder = Probability::ratio(1, 20)});
    for (int i = 0; i < 10'000; ++i) offer(link, i * interval);
    const std::vector<Arrival> all = arrivals(link);
    EXPECT_NEAR(static_cast<double>(link.counters().held_back), 500, 4 * 21.8);
    if (interval == 1ms) {
      // All but at most ten at the end have somebody who passes them, unless those are held, too.
      EXPECT_GE(link.counters().reordered + 10, link.counters().held_back);
    } else {
      EXPECT_EQ(link.counters().reordered, 0U);  // Nothing came soon enough to pass them.
    }
  }
}

// Which of the datagrams 1, 2, 3... count as reordered when their copies arrive in this order: a
// later one arrived before, first arrivals only (RFC 4737 section 3).
struct Sequence {
  const char* faults;
  Numbers arrive;
  std::vector<bool> reordered;
};

TEST(Link, ReorderedIsWhatRfc4737Says) {
  const std::vector<Sequence> sequences = {
      {"uplink.9:drop", {1, 2, 3}, {false, false, false}},
      {"uplink.1:delay+1ms", {2, 3, 1}, {false, false, true}},
      {"uplink.2:delay+1ms", {1, 3, 2}, {false, false, true}},
      {"uplink.3:delay-1ms", {3, 1, 2}, {false, true, true}},
      {"uplink.1:delay+2ms,uplink.2:delay+1ms", {3, 2, 1}, {false, true, true}},
      {"uplink.2:drop", {1, 3}, {false, false}},
      // A copy that comes late is a duplicate, and not reordered.
      {"uplink.1:duplicate+1ms", {1, 2, 3, 1}, {false, false, false, false}},
      // The first to arrive counts, be it the second copy.
      {"uplink.2:deliver+2ms/deliver+1ms", {1, 3, 2, 2}, {false, false, true, false}},
      {"uplink.2:deliver+2ms/deliver", {1, 2, 3, 2}, {false, false, false, false}},
      // A duplicate that comes early makes the later one arrived, too.
      {"uplink.3:deliver/deliver-1ms", {3, 1, 2, 3}, {false, true, true, false}},
  };
  for (const Sequence& sequence : sequences) {
    SCOPED_TRACE(sequence.faults);
    Link link = make_link({.delay = 10ms}, sequence.faults);
    for (int i = 0; i < 3; ++i) offer(link, 0s);
    const std::vector<Arrival> all = arrivals(link);
    EXPECT_EQ(numbers(all), sequence.arrive);
    std::vector<bool> reordered;
    for (const Arrival& arrival : all) reordered.push_back(arrival.delivery.reordered);
    EXPECT_EQ(reordered, sequence.reordered);
    EXPECT_EQ(link.counters().reordered,
              static_cast<std::uint64_t>(std::ranges::count(reordered, true)));
  }
}

// Where jitter keeps the order it also keeps that to what was sent before it had to.
TEST(Link, OrderIsKeptAcrossAChange) {
  LinkPlan plan{.options = LinkOptions{.delay = 100ms}};
  plan.options.add(Instant(10ms), {.delay = 1ms, .keeps_order = true});
  plan.options.add(Instant(20ms), {.delay = 1ms});
  Link link = make_planned_link(std::move(plan), "uplink.1:hold+1s");
  for (const Duration at : {Duration(0ms), Duration(5ms), Duration(10ms), Duration(20ms)})
    offer(link, at);
  const std::vector<Arrival> all = arrivals(link);
  EXPECT_EQ(numbers(all), (Numbers{4, 2, 3, 1}));
  EXPECT_EQ(all[2].at, 105ms);  // With the second; what is held back is overtaken.
}

}  // namespace
}  // namespace lossy
