#include "harness/link/link.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "core/endpoint.hpp"
#include "core/random.hpp"
#include "harness/link/fault_list.hpp"
#include "harness/link/random_fates.hpp"
#include "harness/link/text.hpp"

namespace lossy {
namespace {

using namespace std::chrono_literals;

constexpr Duration kNever = kDurationMax;

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string text_of(std::span<const std::byte> payload) {
  return {reinterpret_cast<const char*>(payload.data()), payload.size()};
}

// A delivery with bytes of its own.
struct Arrival {
  std::uint64_t number = 0;
  std::size_t copy = 0;
  Duration at{};
  Delivery delivery;
  std::string payload;
};

// Fates as a test writes them down; nothing happens without any.
class WrittenFates final : public FateSource {
 public:
  explicit WrittenFates(const std::string& faults)
      : list_(FaultList::parse(faults.empty() ? "downlink.1:drop" : faults)),
        fates_(list_, Direction::kUplink) {}
  const Fate& decide(Instant now, std::uint64_t number, std::size_t payload_bytes) override {
    return fates_.decide(now, number, payload_bytes);
  }

 private:
  FaultList list_;
  ListedFates fates_;
};

Link make_link(const LinkOptions& options, const std::string& faults = "") {
  return Link(options, std::make_unique<WrittenFates>(faults));
}

Link make_link(const LinkOptions& options, const Impairments& impairments, std::uint64_t seed = 4) {
  return Link(options, std::make_unique<RandomFates>(impairments, seed, Direction::kUplink));
}

Link make_planned_link(LinkPlan plan, const std::string& faults = "") {
  return Link(std::move(plan), std::make_unique<WrittenFates>(faults));
}

std::uint64_t lost_by(const Link& link, LossReason reason) {
  return link.counters().lost_by[static_cast<std::size_t>(reason)];
}

Offer offer(Link& link, Duration at, std::string_view payload = "hello") {
  return link.handle_datagram(Instant(at), bytes(payload));
}

// Everything that arrives until then, each copy at its own time.
std::vector<Arrival> arrivals(Link& link, Duration until = kNever) {
  std::vector<Arrival> all;
  for (auto next = link.poll_timeout(); next && *next <= Instant(until);
       next = link.poll_timeout()) {
    const std::optional<Delivery> delivery = link.poll_transmit(*next);
    if (!delivery || delivery->due != *next) {
      ADD_FAILURE() << "nothing arrives when poll_timeout() says so";
      break;
    }
    all.push_back({delivery->number, delivery->copy, next->time_since_epoch(), *delivery,
                   text_of(delivery->payload)});
  }
  return all;
}

std::vector<std::uint64_t> numbers(const std::vector<Arrival>& all) {
  std::vector<std::uint64_t> in_order;
  for (const Arrival& arrival : all) in_order.push_back(arrival.number);
  return in_order;
}

using Numbers = std::vector<std::uint64_t>;

// What is offered arrives, after the delay and not a nanosecond before.
TEST(Link, DeliversAfterItsDelay) {
  for (const Duration delay : {Duration(0ns), Duration(1ns), Duration(20ms), kDurationMax / 2}) {
    Link link = make_link({.delay = delay});
    EXPECT_EQ(link.poll_timeout(), std::nullopt);
    const Offer first = offer(link, 5ms, "one");
    EXPECT_EQ(first.number, 1U);
    EXPECT_EQ(first.copies_in_flight, 1U);
    EXPECT_TRUE(first.fate->is_plain());
    EXPECT_EQ(offer(link, 7ms, "two").number, 2U);
    EXPECT_EQ(link.in_flight(), 2U);
    EXPECT_EQ(link.poll_timeout(), Instant(5ms + delay));
    EXPECT_FALSE(link.poll_transmit(Instant(5ms + delay - 1ns)));
    const auto delivery = link.poll_transmit(Instant(5ms + delay));
    ASSERT_TRUE(delivery);
    EXPECT_EQ(delivery->number, 1U);
    EXPECT_EQ(delivery->offered, Instant(5ms));
    EXPECT_EQ(delivery->due, Instant(5ms + delay));
    EXPECT_TRUE(delivery->first_arrival);
    EXPECT_FALSE(delivery->reordered || delivery->held_back || delivery->corrupted);
    EXPECT_EQ(text_of(delivery->payload), "one");
    EXPECT_FALSE(link.poll_transmit(Instant(5ms + delay)));
    EXPECT_EQ(link.poll_timeout(), Instant(7ms + delay));
    EXPECT_EQ(text_of(link.poll_transmit(Instant(7ms + delay))->payload), "two");
    EXPECT_EQ(link.poll_timeout(), std::nullopt);
    EXPECT_EQ(link.in_flight(), 0U);
  }
}

// Every counter is added, and what was taken is counted anew.
TEST(Link, CountersAddUp) {
  std::array<std::uint64_t, sizeof(LinkCounters) / sizeof(std::uint64_t)> each{};
  std::iota(each.begin(), each.end(), 1);
  LinkCounters sum = std::bit_cast<LinkCounters>(each);
  sum += sum;
  for (std::uint64_t& count : each) count *= 2;
  EXPECT_EQ(std::bit_cast<decltype(each)>(sum), each);

  Link link = make_link({.delay = 1ms});
  offer(link, 0ms, "one");
  EXPECT_EQ(link.take_counters().offered, 1U);
  EXPECT_EQ(link.take_counters().offered, 0U);
  EXPECT_EQ(offer(link, 0ms, "two").number, 2U);
  EXPECT_EQ(link.counters().offered, 1U);
}

// One that comes late to ask gets everything that was due, in order, with the times it was due at.
TEST(Link, LateQuestionsLoseNothing) {
  Link link = make_link({.delay = 1ms});
  for (int i = 0; i < 5; ++i) offer(link, i * 1ms);
  for (std::uint64_t i = 0; i < 5; ++i) {
    const auto delivery = link.poll_transmit(Instant(1h));
    ASSERT_TRUE(delivery);
    EXPECT_EQ(delivery->number, i + 1);
    EXPECT_EQ(delivery->due, Instant((i + 1) * 1ms));
  }
  EXPECT_FALSE(link.poll_transmit(Instant(1h)));
}

// The bytes are the link's own: the sender may use its buffer again at once. Any size that UDP can
// have goes through, no bytes at all too.
TEST(Link, KeepsBytesOfAnySize) {
  Link link = make_link({.delay = 1ms});
  std::vector<std::string> sent;
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{64}, std::size_t{1024}, kPayloadBytesMax}) {
    std::string buffer(size, static_cast<char>('a' + sent.size()));
    sent.push_back(buffer);
    offer(link, 0s, buffer);
    std::ranges::fill(buffer, '!');
  }
  const std::vector<Arrival> all = arrivals(link);
  ASSERT_EQ(all.size(), sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i) EXPECT_TRUE(all[i].payload == sent[i]);
  EXPECT_THROW(offer(link, 0s, std::string(kPayloadBytesMax + 1, 'x')), std::logic_error);
}

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

// All copies but a datagram's first to arrive are duplicates (RFC 5560), and a datagram is
// delivered once however many of its copies arrive.
TEST(Link, DuplicatesAreWhatRfc5560Says) {
  Link link = make_link({.delay = 10ms},
                        "uplink.1:duplicate,uplink.2:duplicate-5ms,uplink.3:drop,"
                        "uplink.4:deliver/deliver/deliver/deliver/deliver/deliver/deliver/deliver");
  std::vector<std::size_t> copies;
  for (int i = 0; i < 5; ++i) copies.push_back(offer(link, i * 1ms).copies_in_flight);
  EXPECT_EQ(copies, (std::vector<std::size_t>{2, 2, 0, 8, 1}));
  std::vector<std::string> arrived;
  for (const Arrival& arrival : arrivals(link)) {
    arrived.push_back(std::to_string(arrival.number) + '/' + std::to_string(arrival.copy) +
                      (arrival.delivery.first_arrival ? "" : " again"));
  }
  EXPECT_EQ(arrived, (std::vector<std::string>{"2/1", "1/0", "1/1 again", "2/0 again", "4/0",
                                               "4/1 again", "4/2 again", "4/3 again", "4/4 again",
                                               "4/5 again", "4/6 again", "4/7 again", "5/0"}));
  EXPECT_EQ(link.counters().delivered, 4U);
  EXPECT_EQ(link.counters().duplicated, 1U + 1 + 7);
  EXPECT_EQ(link.counters().lost(), 1U);
}

// Copies share their bytes: many of them take no more memory than one.
TEST(Link, CopiesShareTheirBytes) {
  Link link = make_link({.delay = 10ms},
                        "uplink.1:deliver/deliver/deliver/deliver/deliver/deliver/deliver/deliver");
  offer(link, 0s, std::string(65'000, 'x'));
  EXPECT_EQ(link.in_flight(), 8U);
  EXPECT_EQ(link.bytes_reserved(), 65'536U);
  for (const Arrival& arrival : arrivals(link)) {
    EXPECT_TRUE(arrival.payload == std::string(65'000, 'x'));
  }
}

// A flipped bit changes that bit, of that copy, and nothing else, whichever copy arrives first.
TEST(Link, FlipsAreExactlyThoseAskedFor) {
  const std::string sent = "Michael";
  const auto flipped = [&](std::initializer_list<std::size_t> bits) {
    std::string text = sent;
    for (const std::size_t bit : bits) {
      text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
    }
    return text;
  };
  for (const char* order : {"+1ms", "-1ms"}) {
    Link link = make_link(
        {.delay = 10ms}, "uplink.1:deliver/deliver" + std::string(order) + "^0^9^55/deliver+2ms^1");
    offer(link, 0s, sent);
    const std::vector<Arrival> all = arrivals(link);
    ASSERT_EQ(all.size(), 3U);
    for (const Arrival& arrival : all) {
      EXPECT_EQ(arrival.payload, arrival.copy == 0   ? sent
                                 : arrival.copy == 1 ? flipped({0, 9, 55})
                                                     : flipped({1}));
      EXPECT_EQ(arrival.delivery.corrupted, arrival.copy != 0);
    }
    EXPECT_EQ(link.counters().corrupted, 2U);
    EXPECT_EQ(link.counters().flips_missed, 0U);
  }
}

// A bit beyond the payload's end cannot be flipped, is counted, and corrupts nothing.
TEST(Link, FlipsBeyondTheEndAreCounted) {
  Link link = make_link({},
                        "uplink.1:corrupt^56,uplink.2:corrupt^55^56^4294967295,"
                        "uplink.3:corrupt^0");
  offer(link, 0s, "Michael");
  offer(link, 0s, "Michael");
  offer(link, 0s, "");
  const std::vector<Arrival> all = arrivals(link);
  EXPECT_EQ(all[0].payload, "Michael");
  EXPECT_FALSE(all[0].delivery.corrupted);
  EXPECT_EQ(all[1].payload, "Michae\xec");
  EXPECT_TRUE(all[1].delivery.corrupted);
  EXPECT_EQ(all[2].payload, "");
  EXPECT_EQ(link.counters().corrupted, 1U);
  EXPECT_EQ(link.counters().flips_missed, 4U);
}

// What chance corrupts differs from what was sent in one bit, always.
TEST(Link, ChanceFlipsOneBit) {
  Link link =
      make_link({}, {.duplicate = Probability::ratio(1, 2), .corrupt = Probability::ratio(1, 2)});
  std::uint64_t corrupted = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::string sent = "guest-" + std::to_string(i);
    offer(link, i * 1ms, sent);
    for (const Arrival& arrival : arrivals(link)) {
      int bits = 0;
      ASSERT_EQ(arrival.payload.size(), sent.size());
      for (std::size_t at = 0; at < sent.size(); ++at) {
        bits += std::popcount(static_cast<unsigned char>(arrival.payload[at] ^ sent[at]));
      }
      ASSERT_EQ(bits, arrival.delivery.corrupted ? 1 : 0);
      corrupted += arrival.delivery.corrupted ? 1 : 0;
    }
  }
  EXPECT_EQ(link.counters().corrupted, corrupted);
  EXPECT_GT(corrupted, 5000U);
}

// The n-th of datagrams sent back to back has left when the bits of all so far have, to the
// nanosecond: parts of one add up, and are neither lost nor rounded up.
TEST(Link, SerialisationTimesAreExact) {
  for (const std::size_t header_bytes : {28U, 48U}) {
    for (const std::uint64_t rate :
         {1'000'000'000U, 1'000'000U, 999'999'937U, 7U, 3'000'000'019U}) {
      SCOPED_TRACE(testing::Message() << rate << " bit/s, headers of " << header_bytes);
      Link link = make_link({.delay = 3ms,
                             .rate = {.bits_per_second = rate},
                             .queue_datagrams_max = 10'000,
                             .header_bytes = header_bytes});
      Uint128 bits = 0;
      std::vector<Duration> expected;
      for (std::uint64_t n = 1; n <= 5000; ++n) {
        const std::string payload(RandomStream(1).at(n) % 1025, 'x');
        bits += (payload.size() + header_bytes) * 8;
        expected.push_back(Duration(static_cast<Duration::rep>(bits * 1'000'000'000 / rate)) + 3ms);
        ASSERT_EQ(offer(link, 0s, payload).copies_in_flight, 1U);
      }
      const std::vector<Arrival> all = arrivals(link, Duration::max());
      ASSERT_EQ(all.size(), expected.size());
      for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i].at, expected[i]) << i;
    }
  }
}

// A sender that waits for each datagram to leave gets the same rate as one that does not: what is
// left of a nanosecond counts.
TEST(Link, PacedAtTheRateIsTheRate) {
  for (const std::uint64_t rate : {999'999'937U, 7'777'777U, 3U}) {
    Link link = make_link({.rate = {.bits_per_second = rate}, .queue_datagrams_max = 0});
    Duration now{};
    for (std::uint64_t n = 1; n <= 10'000; ++n) {
      ASSERT_EQ(offer(link, now, "Michael").copies_in_flight, 1U);
      now = link.poll_timeout()->time_since_epoch();
      ASSERT_EQ(now.count(), static_cast<Duration::rep>(n * 35 * 8 * 1'000'000'000 / rate));
      ASSERT_TRUE(link.poll_transmit(Instant(now)));
    }
  }
}

// After a pause the line is free: a datagram takes its own time and nobody else's.
TEST(Link, APauseFreesTheLine) {
  Link link = make_link({.delay = 1ms, .rate = {.bits_per_second = 1'000'000}});
  for (const Duration at : {Duration(0ms), Duration(50ms), Duration(50'100us)}) {
    offer(link, at, std::string(97, 'x'));  // 1 ms each.
  }
  const std::vector<Arrival> all = arrivals(link);
  EXPECT_EQ(all[0].at, 2ms);
  EXPECT_EQ(all[1].at, 52ms);
  EXPECT_EQ(all[2].at, 53ms);
}

// What is lost on the way takes none of the rate and no place in the queue; a copy does.
TEST(Link, LossTakesNoRateAndACopyDoes) {
  Link link = make_link({.rate = {.bits_per_second = 1'000'000}},
                        "uplink.1:drop,uplink.2:duplicate,uplink.3:drop");
  for (int i = 0; i < 4; ++i) offer(link, 0s, std::string(97, 'x'));
  const std::vector<Arrival> all = arrivals(link);
  EXPECT_EQ(numbers(all), (Numbers{2, 2, 4}));
  EXPECT_EQ(all[0].at, 1ms);
  EXPECT_EQ(all[1].at, 2ms);
  EXPECT_EQ(all[2].at, 3ms);
}

// One datagram is being sent and so many may wait; what comes on top is dropped from the tail, and
// a place is free as soon as one has left.
TEST(Link, AFullQueueDropsTheTail) {
  for (const std::size_t queue : {0U, 1U, 10U}) {
    SCOPED_TRACE(queue);
    Link link = make_link({.rate = {.bits_per_second = 1'000'000}, .queue_datagrams_max = queue});
    const std::string payload(97, 'x');  // 1 ms each.
    const auto burst = [&](Duration at, int size) {
      std::uint64_t sent = 0;
      for (int i = 0; i < size; ++i) {
        const Offer one = offer(link, at, payload);
        sent += one.copies_in_flight;
        EXPECT_TRUE(one.copies_in_flight == 1 || one.loss == LossReason::kQueue);
      }
      return sent;
    };
    EXPECT_EQ(burst(0s, 100), queue + 1);
    EXPECT_EQ(burst(1ms - 1ns, 100), 0U);
    EXPECT_EQ(burst(1ms, 100), 1U);
    EXPECT_EQ(burst(3ms, 100), std::min<std::size_t>(2, queue + 1));
    EXPECT_EQ(burst(1s, 100), queue + 1);
    const LinkCounters& counters = link.counters();
    EXPECT_EQ(counters.offered, 500U);
    EXPECT_EQ(counters.lost_by[static_cast<std::size_t>(LossReason::kQueue)],
              500 - (queue + 1) * 2 - 1 - std::min<std::size_t>(2, queue + 1));
    EXPECT_EQ(counters.lost(), counters.lost_by[static_cast<std::size_t>(LossReason::kQueue)]);
    EXPECT_EQ(numbers(arrivals(link)).size() + counters.lost(), 500U);
  }
}

// The queue may drop some copies of a datagram and let others through: it is delivered, with fewer
// copies; only when none is left it is lost.
TEST(Link, AFullQueueDropsCopies) {
  Link link = make_link({.rate = {.bits_per_second = 1'000'000}, .queue_datagrams_max = 1},
                        "uplink.1:deliver/deliver/deliver,uplink.2:duplicate,uplink.3:drop");
  const Offer first = offer(link, 0s);
  EXPECT_EQ(first.copies_in_flight, 2U);
  EXPECT_EQ(first.loss, LossReason::kQueue);
  EXPECT_EQ(offer(link, 0s).copies_in_flight, 0U);
  EXPECT_EQ(offer(link, 0s).loss, LossReason::kDrop);
  arrivals(link);
  const LinkCounters& counters = link.counters();
  EXPECT_EQ(counters.delivered, 1U);
  EXPECT_EQ(counters.duplicated, 1U);
  EXPECT_EQ(counters.copies_dropped, 1U);
  EXPECT_EQ(counters.lost_by, (std::array<std::uint64_t, kLossReasonCount>{1, 0, 0, 0, 1, 0}));
}

// So many copies may be in flight, and what comes on top is dropped and counted.
TEST(Link, BoundsWhatIsInFlight) {
  Link link = make_link({.delay = 10ms, .in_flight_max = 10}, "uplink.10:duplicate");
  std::vector<std::size_t> copies;
  for (int i = 0; i < 12; ++i) copies.push_back(offer(link, 0s).copies_in_flight);
  EXPECT_EQ(copies, (std::vector<std::size_t>{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0}));
  EXPECT_EQ(link.in_flight(), 10U);
  EXPECT_EQ(link.counters().copies_dropped, 1U);
  EXPECT_EQ(link.counters().lost_by,
            (std::array<std::uint64_t, kLossReasonCount>{0, 0, 0, 0, 0, 2}));
  ASSERT_TRUE(link.poll_transmit(Instant(10ms)));
  EXPECT_EQ(offer(link, 10ms).copies_in_flight, 1U);
  EXPECT_EQ(offer(link, 10ms).loss, LossReason::kInFlight);
}

// So many bytes may be in flight, too.
TEST(Link, BoundsTheBytesInFlight) {
  Link link = make_link({.delay = 10ms, .in_flight_bytes_max = 10 * 1024});
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(offer(link, 0s, std::string(1024, 'x')).copies_in_flight, 1U);
  const Offer more = offer(link, 0s, std::string(1024, 'x'));
  EXPECT_EQ(more.copies_in_flight, 0U);
  EXPECT_EQ(more.loss, LossReason::kInFlight);
  EXPECT_EQ(arrivals(link).size(), 10U);
  EXPECT_EQ(link.poll_transmit(Instant(10ms)), std::nullopt);
  EXPECT_EQ(offer(link, 10ms, std::string(1024, 'x')).copies_in_flight, 1U);
}

// IP packets up to the MTU pass, and one byte more vanishes: it takes none of the rate and nobody
// is told.
TEST(Link, LargerThanTheMtuVanishes) {
  for (const std::size_t header_bytes : {28U, 48U}) {
    Link link = make_link({.rate = {.bits_per_second = 8'000'000},  // A byte each microsecond.
                           .mtu_bytes = 1000,
                           .header_bytes = header_bytes},
                          "uplink.3:duplicate");
    EXPECT_EQ(offer(link, 0s, std::string(1001 - header_bytes, 'x')).loss, LossReason::kMtu);
    EXPECT_EQ(offer(link, 0s, std::string(1000 - header_bytes, 'x')).copies_in_flight, 1U);
    EXPECT_EQ(offer(link, 0s, std::string(1001 - header_bytes, 'x')).copies_in_flight, 0U);
    EXPECT_EQ(offer(link, 0s, std::string(kPayloadBytesMax, 'x')).loss, LossReason::kMtu);
    EXPECT_EQ(offer(link, 0s, "").copies_in_flight, 1U);
    const std::vector<Arrival> all = arrivals(link);
    EXPECT_EQ(numbers(all), (Numbers{2, 5}));
    EXPECT_EQ(all[1].at, 1000us + header_bytes * 1us);
    EXPECT_EQ(lost_by(link, LossReason::kMtu), 3U);
    EXPECT_EQ(link.counters().lost(), 3U);
    EXPECT_EQ(link.counters().copies_dropped, 0U);
  }
}

// What is offered in an outage vanishes, from its first nanosecond until before its last; what is
// in flight arrives.
TEST(Link, OutagesLoseWhatIsOffered) {
  Link link = make_planned_link(LinkPlan{.options = LinkOptions{.delay = 1500ms},
                                         .outages = {{Instant(1s), Instant(2s)},
                                                     {Instant(2s), Instant(3s)},
                                                     {Instant(4s), Instant(4s + 1ns)}}});
  const std::vector<Duration> gets_through = {0s, 1s - 1ns, 3s, 4s - 1ns, 4s + 1ns, 9s};
  const std::vector<Duration> vanishes = {1s, 1500ms, 2s - 1ns, 2s, 3s - 1ns, 4s};
  std::vector<Duration> all = gets_through;
  all.insert(all.end(), vanishes.begin(), vanishes.end());
  std::ranges::sort(all);
  for (const Duration at : all) {
    const Offer one = offer(link, at);
    EXPECT_EQ(one.copies_in_flight, std::ranges::count(gets_through, at) > 0 ? 1U : 0U)
        << at.count();
    if (one.copies_in_flight == 0) {
      EXPECT_EQ(one.loss, LossReason::kOutage);
    }
  }
  EXPECT_EQ(lost_by(link, LossReason::kOutage), vanishes.size());
  std::vector<Duration> arrived;
  for (const Arrival& arrival : arrivals(link)) arrived.push_back(arrival.at - 1500ms);
  EXPECT_EQ(arrived, gets_through);
}

// Outages that were slept through are over.
TEST(Link, OutagesPass) {
  Link link = make_planned_link(LinkPlan{.outages = {{Instant(1s), Instant(2s)},
                                                     {Instant(3s), Instant(4s)},
                                                     {Instant(5s), Instant(6s)}}});
  EXPECT_EQ(offer(link, 5500ms).loss, LossReason::kOutage);
  EXPECT_EQ(offer(link, 6s).copies_in_flight, 1U);
}

// Chance is decided for each number whatever else happens to it, and of several reasons for a loss
// the first counts: chance, an outage, the MTU, and only then the bounds.
TEST(Link, TheFirstReasonForALossCounts) {
  const std::string large(1000, 'x');
  Link link = make_planned_link(
      LinkPlan{.options = LinkOptions{.delay = 1s, .mtu_bytes = 500, .in_flight_max = 1},
               .outages = {{Instant(0s), Instant(1s)}}},
      "uplink.1:drop,uplink.2:checksum,uplink.4:drop,uplink.5:checksum,"
      "uplink.6:duplicate,uplink.9:drop");
  EXPECT_EQ(offer(link, 0s, large).loss, LossReason::kDrop);
  EXPECT_EQ(offer(link, 0s, large).loss, LossReason::kChecksum);
  EXPECT_EQ(offer(link, 0s, large).loss, LossReason::kOutage);
  EXPECT_EQ(offer(link, 1s, large).loss, LossReason::kDrop);
  EXPECT_EQ(offer(link, 1s, large).loss, LossReason::kChecksum);
  EXPECT_EQ(offer(link, 1s, large).loss, LossReason::kMtu);
  EXPECT_EQ(offer(link, 1s).copies_in_flight, 1U);
  EXPECT_EQ(offer(link, 1s, large).loss, LossReason::kMtu);
  EXPECT_EQ(offer(link, 1s).loss, LossReason::kDrop);
  EXPECT_EQ(offer(link, 1s).loss, LossReason::kInFlight);
  EXPECT_EQ(link.counters().lost_by,
            (std::array<std::uint64_t, kLossReasonCount>{3, 2, 1, 2, 0, 1}));
  EXPECT_EQ(link.counters().copies_dropped, 0U);
}

// A payload is cut after its bits were flipped: what lies beyond is gone, flips included, and was
// corrupted all the same.
TEST(Link, CutsWhatIsBeyond) {
  Link link = make_link({.delay = 1ms},
                        "uplink.1:truncate=3,uplink.2:deliver^1^50=4/deliver/truncate+1ms=0,"
                        "uplink.3:corrupt^50=4,uplink.4:truncate=6");
  for (int i = 0; i < 4; ++i) offer(link, 0s, "Michael");
  std::vector<std::pair<std::string, std::string>> seen;
  for (const Arrival& arrival : arrivals(link)) {
    seen.emplace_back(arrival.payload, std::string(arrival.delivery.corrupted ? "corrupted " : "") +
                                           (arrival.delivery.truncated ? "truncated" : ""));
  }
  EXPECT_EQ(seen, (std::vector<std::pair<std::string, std::string>>{{"Mic", "truncated"},
                                                                    {"Oich", "corrupted truncated"},
                                                                    {"Michael", ""},
                                                                    {"Mich", "corrupted truncated"},
                                                                    {"Michae", "truncated"},
                                                                    {"", "truncated"}}));
  EXPECT_EQ(link.counters().truncated, 5U);
  EXPECT_EQ(link.counters().corrupted, 2U);
  EXPECT_EQ(link.counters().flips_missed, 0U);
  EXPECT_EQ(link.counters().cuts_missed, 0U);
}

// A cut at the payload's end or beyond leaves all of it, and is counted.
TEST(Link, CutsBeyondTheEndAreCounted) {
  Link link = make_link({},
                        "uplink.1:truncate=7,uplink.2:truncate=8/truncate=4294967294,"
                        "uplink.3:truncate=0,uplink.4:truncate=6");
  for (const char* sent : {"Michael", "Michael", "", "Michael"}) offer(link, 0s, sent);
  std::vector<std::string> seen;
  for (const Arrival& arrival : arrivals(link)) {
    seen.push_back(arrival.payload);
    EXPECT_EQ(arrival.delivery.truncated, arrival.number == 4);
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"Michael", "Michael", "Michael", "", "Michae"}));
  EXPECT_EQ(link.counters().truncated, 1U);
  EXPECT_EQ(link.counters().cuts_missed, 4U);
}

// Options that change do so for what is offered from then on, to the nanosecond; what is in flight
// keeps its time.
TEST(Link, OptionsChangeForWhatIsOffered) {
  LinkPlan plan{.options = LinkOptions{.delay = 100ms}};
  plan.options.add(Instant(1s), {.delay = 10ms, .mtu_bytes = 30});
  plan.options.add(Instant(2s), {.delay = 50ms, .in_flight_max = 1});
  Link link = make_planned_link(std::move(plan));
  EXPECT_EQ(offer(link, 1s - 1ns).copies_in_flight, 1U);
  EXPECT_EQ(offer(link, 1s, "ab").copies_in_flight, 1U);
  EXPECT_EQ(offer(link, 1s).loss, LossReason::kMtu);
  const std::vector<Arrival> all = arrivals(link);
  EXPECT_EQ(numbers(all), (Numbers{2, 1}));
  EXPECT_EQ(all[0].at, 1010ms);
  EXPECT_EQ(all[1].at, 1100ms - 1ns);
  EXPECT_EQ(offer(link, 2s).copies_in_flight, 1U);
  EXPECT_EQ(offer(link, 2s).loss, LossReason::kInFlight);
  EXPECT_EQ(arrivals(link).at(0).at, 2050ms);
}

// What waits for the rate when it changes leaves when it was going to, and what comes leaves
// behind it at the new rate.
TEST(Link, TheQueueStaysWhenTheRateChanges) {
  const std::string payload(97, 'x');  // 1000 bits.
  LinkPlan plan{.options = LinkOptions{.rate = {.bits_per_second = 1'000}}};
  plan.options.add(Instant(1500ms), {.rate = {.bits_per_second = 1'000'000}});
  Link link = make_planned_link(std::move(plan));
  for (int i = 0; i < 3; ++i) offer(link, 0s, payload);
  for (int i = 0; i < 2; ++i) offer(link, 1500ms, payload);
  offer(link, 5s, payload);
  std::vector<Duration> times;
  for (const Arrival& arrival : arrivals(link)) times.push_back(arrival.at);
  EXPECT_EQ(times, (std::vector<Duration>{1s, 2s, 3s, 3001ms, 3002ms, 5001ms}));
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

const Slots kTenMilliseconds{
    .enabled = true, .interval_min = 10ms, .interval_max = 10ms, .datagrams_max = 2};

// What has travelled waits for its slot: that is when it is due, and poll_timeout() says so.
TEST(Link, SlotsHoldBackUntilTheyOpen) {
  Link link = make_link({.delay = 5ms, .slots = kTenMilliseconds});
  for (const Duration at : {Duration(0ms), Duration(1ms), Duration(2ms)}) offer(link, at);
  EXPECT_EQ(link.poll_timeout(), Instant(15ms));
  EXPECT_FALSE(link.poll_transmit(Instant(15ms - 1ns)));
  EXPECT_EQ(link.in_flight(), 3U);
  std::vector<Duration> times;
  for (const Arrival& arrival : arrivals(link)) times.push_back(arrival.at);
  EXPECT_EQ(times, (std::vector<Duration>{15ms, 15ms, 25ms}));
  EXPECT_EQ(link.poll_timeout(), std::nullopt);
}

// A slot begins with what comes to the end first, even if something else set out first.
TEST(Link, ASlotBeginsWithWhatComesFirst) {
  Link link = make_link({.delay = 20ms, .slots = kTenMilliseconds}, "uplink.2:delay-15ms");
  offer(link, 0ms);
  EXPECT_EQ(link.poll_timeout(), Instant(30ms));
  offer(link, 1ms);
  EXPECT_EQ(link.poll_timeout(), Instant(16ms));
  const std::vector<Arrival> all = arrivals(link);
  EXPECT_EQ(numbers(all), (Numbers{2, 1}));
  EXPECT_EQ(all[0].at, 16ms);
  EXPECT_EQ(all[1].at, 30ms);
}

// Slots count IP bytes, as they arrive.
TEST(Link, SlotsCountIpBytes) {
  Slots slots = kTenMilliseconds;
  slots.datagrams_max = 0;
  slots.bytes_max = 200;
  for (const std::size_t header_bytes : {28U, 48U}) {
    Link link = make_link({.slots = slots, .header_bytes = header_bytes}, "uplink.3:truncate=10");
    for (int i = 0; i < 5; ++i) offer(link, 0s, std::string(72, 'x'));
    std::vector<Duration> times;
    for (const Arrival& arrival : arrivals(link)) times.push_back(arrival.at);
    EXPECT_EQ(times, (std::vector<Duration>{10ms, 10ms, 20ms, 20ms, 20ms}));
  }
  Link link = make_link({.slots = slots, .header_bytes = 128});
  for (int i = 0; i < 3; ++i) offer(link, 0s, std::string(72, 'x'));
  EXPECT_EQ(arrivals(link).back().at, 30ms);  // Each fills its slot.
}

// When everything leaves does not depend on when it is asked for: late questions and many
// questions get the same times.
TEST(Link, SlotsDoNotDependOnWhenTheyAreAsked) {
  Slots slots{.enabled = true, .interval_max = 2ms, .datagrams_max = 3};
  LinkPlan plan{.options = LinkOptions{.delay = 3ms, .slots = slots},
                .slot_intervals = RandomStream(5)};
  plan.options.add(Instant(100ms), {.delay = 1ms});
  plan.options.add(Instant(200ms), {.delay = 1ms, .slots = slots});
  std::string faults;
  for (int i = 1; i <= 1000; i += 7) faults += "uplink." + std::to_string(i) + ":delay-500us,";
  Link eager = make_planned_link(plan, faults);
  Link late = make_planned_link(plan, faults);
  std::vector<std::pair<std::uint64_t, Instant>> seen_eagerly;
  std::vector<std::pair<std::uint64_t, Instant>> seen_late;
  for (int i = 0; i < 1000; ++i) {
    const Duration now = i * 300us;
    for (const Arrival& arrival : arrivals(eager, now)) {
      seen_eagerly.emplace_back(arrival.number, arrival.delivery.due);
    }
    if (i % 50 == 0) {
      while (const auto delivery = late.poll_transmit(Instant(now))) {
        seen_late.emplace_back(delivery->number, delivery->due);
      }
    }
    offer(eager, now);
    offer(late, now);
  }
  for (const Arrival& arrival : arrivals(eager)) {
    seen_eagerly.emplace_back(arrival.number, arrival.delivery.due);
  }
  while (const auto delivery = late.poll_transmit(Instant(1h))) {
    seen_late.emplace_back(delivery->number, delivery->due);
  }
  EXPECT_EQ(seen_eagerly.size(), 1000U);
  EXPECT_EQ(seen_eagerly, seen_late);
  EXPECT_TRUE(std::ranges::is_sorted(seen_late, {}, &std::pair<std::uint64_t, Instant>::second));
}

// Slots are those of the moment at which a copy comes to the end.
TEST(Link, SlotsBeginAndEndWithTheirPhase) {
  Slots single = kTenMilliseconds;
  single.datagrams_max = 1;
  LinkPlan plan{.options = LinkOptions{.delay = 5ms}};
  plan.options.add(Instant(10ms), {.delay = 5ms, .slots = kTenMilliseconds});
  plan.options.add(Instant(100ms), {.delay = 5ms, .slots = single});
  plan.options.add(Instant(200ms), {.delay = 5ms});
  Link link = make_planned_link(std::move(plan));
  const std::vector<std::pair<Duration, Duration>> offered_and_due = {
      {0ms, 5ms},     {5ms - 1ns, 10ms - 1ns}, {5ms, 20ms},    {6ms, 20ms},
      {94ms, 109ms},  {96ms, 109ms},           {97ms, 119ms},  {98ms, 129ms},
      {190ms, 205ms}, {191ms, 215ms},          {195ms, 215ms}, {250ms, 255ms}};
  std::vector<Duration> times;
  const auto take = [&](Duration until) {
    for (const Arrival& arrival : arrivals(link, until)) times.push_back(arrival.at);
  };
  for (const auto& [at, due] : offered_and_due) {
    take(at);
    offer(link, at);
  }
  take(kNever);
  std::vector<Duration> expected;
  for (const auto& [at, due] : offered_and_due) expected.push_back(due);
  EXPECT_EQ(times, expected);
}

// The intervals of slots come from the plan's stream.
TEST(Link, SlotIntervalsComeFromTheirStream) {
  const auto first_due = [](std::uint64_t key) {
    Link link = make_planned_link(
        LinkPlan{.options = LinkOptions{.slots = {.enabled = true, .interval_max = 1s}},
                 .slot_intervals = RandomStream(key)});
    offer(link, 0s);
    return *link.poll_timeout();
  };
  EXPECT_EQ(first_due(1), first_due(1));
  EXPECT_NE(first_due(1), first_due(2));
}

// A constant-rate trace and a rate of the same speed let through the same, to within 1 %, whatever
// the sizes: 1504 bytes each millisecond are 12.032 mbit.
TEST(Link, ATraceOfARateIsThatRate) {
  const auto bytes_in_3s = [](const LinkOptions& options, std::size_t size) {
    Link link = make_link(options);
    const std::string payload(size, 'x');
    std::uint64_t carried = 0;
    for (Duration now = 0s; now < 3s; now += 100us) {
      carried += arrivals(link, now).size() * (size + 28);
      for (int i = 0; i < 2; ++i) offer(link, now, payload);
    }
    return static_cast<double>(carried);
  };
  const auto trace = DeliveryTrace::parse("1\n", "t");
  const auto uneven = DeliveryTrace::parse("0\n0\n1\n3\n4\n", "t");  // 5 in 4 ms.
  for (const std::size_t size : {100U, 1000U, 1476U, 1477U, 9000U}) {
    SCOPED_TRACE(size);
    const double rate = bytes_in_3s({.rate = {.bits_per_second = 12'032'000}}, size);
    EXPECT_NEAR(rate, 4'512'000, 4'512'000 * 0.01);
    EXPECT_NEAR(bytes_in_3s({.trace = trace}, size), rate, rate * 0.01);
    const double faster = bytes_in_3s({.rate = {.bits_per_second = 15'040'000}}, size);
    EXPECT_NEAR(bytes_in_3s({.trace = uneven}, size), faster, faster * 0.01);
  }
}

// What a trace or its queue cannot take is dropped from the tail, as with a rate; the trace takes
// the place of the rate.
TEST(Link, ATraceHasAQueue) {
  Link link = make_link({.delay = 1ms,
                         .rate = {.bits_per_second = 1},
                         .trace = DeliveryTrace::parse("10\n", "t"),
                         .queue_datagrams_max = 2});
  for (int i = 0; i < 5; ++i) offer(link, 0s, std::string(1000, 'x'));
  EXPECT_EQ(lost_by(link, LossReason::kQueue), 2U);
  std::vector<Duration> times;
  for (const Arrival& arrival : arrivals(link)) times.push_back(arrival.at);
  EXPECT_EQ(times, (std::vector<Duration>{11ms, 21ms, 31ms}));
}

// The queue's bound in IP bytes is there, and the line's overhead takes time but no room in it.
TEST(Link, TheQueueIsBoundInIpBytes) {
  Link link = make_link({.rate = {.bits_per_second = 8'000'000, .packet_overhead_bytes = 900},
                         .queue_bytes_max = 300});
  for (int i = 0; i < 6; ++i) offer(link, 0s, std::string(72, 'x'));  // 100 IP bytes, 1 ms.
  EXPECT_EQ(lost_by(link, LossReason::kQueue), 2U);
  std::vector<Duration> times;
  for (const Arrival& arrival : arrivals(link)) times.push_back(arrival.at);
  EXPECT_EQ(times, (std::vector<Duration>{1ms, 2ms, 3ms, 4ms}));
}

// A link with everything that there is, for 5 seconds.
LinkPlan everything() {
  const Slots slots{.enabled = true, .interval_max = 1ms, .datagrams_max = 20, .bytes_max = 4000};
  const LinkOptions options{.delay = 20ms,
                            .rate = {.bits_per_second = 2'500'000,
                                     .packet_overhead_bytes = 14,
                                     .cell_bytes = 48,
                                     .cell_overhead_bytes = 5},
                            .queue_datagrams_max = 100,
                            .queue_bytes_max = 4'000,
                            .slots = slots,
                            .mtu_bytes = 420,
                            .in_flight_max = 40,
                            .in_flight_bytes_max = 100 * 512};
  LinkPlan plan{.options = options,
                .outages = {{Instant(1s), Instant(1100ms)}, {Instant(3s), Instant(3050ms)}},
                .slot_intervals = RandomStream(17)};
  LinkOptions later = options;
  later.delay = 5ms;
  later.keeps_order = true;
  later.slots = {};
  plan.options.add(Instant(2s), later);
  later = options;
  later.rate = {};
  later.trace = DeliveryTrace::parse("1\n3\n3\n7\n", "t");
  plan.options.add(Instant(3500ms), later);
  return plan;
}

const Impairments kEveryImpairment{.loss = GilbertElliott{.to_bad = Probability::ratio(1, 100),
                                                          .to_good = Probability::ratio(1, 5)},
                                   .checksum = Probability::ratio(1, 50),
                                   .duplicate = Probability::ratio(1, 10),
                                   .reorder = Probability::ratio(1, 10),
                                   .early = {Probability::ratio(1, 10), 3},
                                   .delay = 5ms,
                                   .corrupt = Probability::ratio(1, 10),
                                   .corrupt_bits = 3,
                                   .truncate = Probability::ratio(1, 10),
                                   .jitter = 4ms};

// What happened on a link, line by line.
struct Seen {
  std::vector<std::string> lines;
  std::string faults;
  LinkCounters counters;
};

Seen run_everything(std::unique_ptr<FateSource> fates) {
  Seen seen;
  Link link(everything(), std::move(fates));
  const auto take = [&](Duration until) {
    for (const Arrival& arrival : arrivals(link, until)) {
      const Delivery& d = arrival.delivery;
      seen.lines.push_back(std::to_string(d.number) + '/' + std::to_string(d.copy) + " due " +
                           format_duration(arrival.at) + (d.held_back ? " held" : "") +
                           (d.corrupted ? " corrupted" : "") + (d.truncated ? " truncated" : "") +
                           (d.reordered ? " reordered " : " ") + arrival.payload);
    }
  };
  Duration now{};
  for (std::uint64_t n = 1; n <= 6000; ++n) {
    const std::uint64_t draw = RandomStream(3).at(n);
    now += Duration(static_cast<Duration::rep>(draw % 1'600'000));
    take(now);
    const Offer one =
        offer(link, now, std::string((draw >> 32) % 400, static_cast<char>('a' + n % 26)));
    seen.lines.push_back(std::to_string(one.number) + ": " + std::to_string(one.copies_in_flight) +
                         ' ' + std::string(to_string(one.loss)));
    if (!one.fate->is_plain()) {
      seen.faults += format_fault(Direction::kUplink, one.number, *one.fate) + '\n';
    }
  }
  take(kNever);
  seen.counters = link.counters();
  return seen;
}

// With everything switched on every way to be lost, late, damaged or doubled happens, and a run
// whose fates were saved is the same run again, delivery by delivery.
TEST(Link, SavedFaultsReplayTheSame) {
  const Seen random =
      run_everything(std::make_unique<RandomFates>(kEveryImpairment, 6, Direction::kUplink));
  const LinkCounters& counters = random.counters;
  for (std::size_t reason = 0; reason < kLossReasonCount; ++reason) {
    EXPECT_GT(counters.lost_by[reason], 10U) << to_string(static_cast<LossReason>(reason));
  }
  for (const std::uint64_t count :
       {counters.duplicated, counters.copies_dropped, counters.held_back, counters.early,
        counters.corrupted, counters.truncated, counters.reordered}) {
    EXPECT_GT(count, 10U);
  }
  EXPECT_EQ(counters.offered, counters.delivered + counters.lost());

  const Seen again = run_everything(std::make_unique<WrittenFates>(random.faults));
  EXPECT_EQ(again.lines, random.lines);
  EXPECT_EQ(again.faults, random.faults);
  EXPECT_EQ(again.counters.lost_by, counters.lost_by);
  EXPECT_EQ(again.counters.early, counters.early);
  EXPECT_EQ(again.counters.corrupted, counters.corrupted);
  EXPECT_EQ(again.counters.truncated, counters.truncated);
  EXPECT_EQ(again.counters.flips_missed, counters.flips_missed);
}

// The defaults lose nothing at 100 ms and 100,000 datagrams a second, of any size.
TEST(Link, DefaultsLoseNothing) {
  for (const std::size_t size : {25U, 1024U}) {
    Link link = make_link({.delay = 100ms});
    const std::string payload(size, 'x');
    std::uint64_t arrived = 0;
    for (int i = 0; i < 200'000; ++i) {
      const Duration now = i * 10us;
      while (link.poll_transmit(Instant(now))) ++arrived;
      ASSERT_EQ(offer(link, now, payload).copies_in_flight, 1U);
    }
    EXPECT_EQ(link.in_flight(), 10'000U);
    arrived += arrivals(link).size();
    EXPECT_EQ(arrived, 200'000U);
    EXPECT_EQ(link.counters().lost(), 0U);
  }
}

// However long a flow is, the memory for its bytes stays at what is in flight at once.
TEST(Link, MemoryStaysAtWhatIsInFlight) {
  Link link = make_link({.delay = 1ms}, {.duplicate = Probability::ratio(1, 10),
                                         .corrupt = Probability::ratio(1, 10)});
  const std::string payload(64, 'x');
  std::size_t in_flight_max = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const Instant now(i * 1us);
    while (link.poll_transmit(now)) {
    }
    link.handle_datagram(now, bytes(payload));
    in_flight_max = std::max(in_flight_max, link.in_flight());
  }
  EXPECT_GE(in_flight_max, 1000U);
  EXPECT_LT(in_flight_max, 1300U);
  // A slot for each copy at the most, with one lent out and a chunk begun.
  EXPECT_LE(link.bytes_reserved(), (in_flight_max + 1) * 64 + 65'536);
}

// Whatever happens, every datagram offered is delivered or lost, and what the counters say is what
// was seen to happen.
TEST(Link, NothingIsLostFromTheBooks) {
  std::array<std::uint64_t, kLossReasonCount> lost_by{};
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    for (const bool keeps_order : {false, true}) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << ", keeps order " << keeps_order);
      Link link = make_link({.delay = 5ms,
                             .keeps_order = keeps_order,
                             .rate = {.bits_per_second = 5'000'000},
                             .queue_datagrams_max = 40,
                             .in_flight_max = 85,
                             .in_flight_bytes_max = 85 * 256},
                            {.loss = RandomLoss{Probability::ratio(10, 100)},
                             .duplicate = Probability::ratio(20, 100),
                             .reorder = Probability::ratio(30, 100),
                             .corrupt = Probability::ratio(40, 100),
                             .jitter = 4ms},
                            seed);
      LinkCounters seen;
      std::uint64_t copies_sent = 0;
      std::uint64_t copies_arrived = 0;
      std::uint64_t highest = 0;
      std::vector<bool> arrived(5001);
      const auto count = [&](const std::vector<Arrival>& all) {
        for (const Arrival& arrival : all) {
          ++copies_arrived;
          seen.held_back += arrival.delivery.held_back ? 1 : 0;
          seen.corrupted += arrival.delivery.corrupted ? 1 : 0;
          ASSERT_EQ(arrival.delivery.first_arrival, !arrived[arrival.number]);
          if (!arrival.delivery.first_arrival) continue;
          arrived[arrival.number] = true;
          ++seen.delivered;
          ASSERT_EQ(arrival.delivery.reordered, arrival.number < highest);
          seen.reordered += arrival.delivery.reordered ? 1 : 0;
          highest = std::max(highest, arrival.number);
        }
      };
      Duration now{};
      for (std::uint64_t n = 1; n <= 5000; ++n) {
        const std::uint64_t draw = RandomStream(seed).at(n);
        now += Duration(static_cast<Duration::rep>(draw % 400'000));
        count(arrivals(link, now));
        const std::string payload((draw >> 32) % 200, 'x');
        const Offer one = offer(link, now, payload);
        ASSERT_EQ(one.number, n);
        ++seen.offered;
        copies_sent += one.copies_in_flight;
        if (one.copies_in_flight == 0) {
          ++seen.lost_by[static_cast<std::size_t>(one.loss)];
        } else {
          seen.duplicated += one.copies_in_flight - 1;
          seen.copies_dropped += one.fate->copies_count - one.copies_in_flight;
        }
      }
      count(arrivals(link));
      const LinkCounters& counters = link.counters();
      EXPECT_EQ(link.in_flight(), 0U);
      EXPECT_EQ(link.poll_timeout(), std::nullopt);
      EXPECT_EQ(counters.offered, 5000U);
      EXPECT_EQ(counters.offered, counters.delivered + counters.lost());
      EXPECT_EQ(counters.delivered, seen.delivered);
      EXPECT_EQ(counters.lost_by, seen.lost_by);
      EXPECT_EQ(counters.duplicated, seen.duplicated);
      EXPECT_EQ(counters.copies_dropped, seen.copies_dropped);
      EXPECT_EQ(counters.held_back, seen.held_back);
      EXPECT_EQ(counters.corrupted, seen.corrupted);
      EXPECT_EQ(counters.reordered, seen.reordered);
      EXPECT_EQ(copies_arrived, copies_sent);
      EXPECT_EQ(copies_arrived, counters.delivered + counters.duplicated);
      for (std::size_t i = 0; i < kLossReasonCount; ++i) lost_by[i] += counters.lost_by[i];
      EXPECT_GT(counters.copies_dropped, 0U);
      EXPECT_GT(counters.reordered, 0U);
    }
  }
  for (const LossReason reason : {LossReason::kDrop, LossReason::kQueue, LossReason::kInFlight}) {
    EXPECT_GT(lost_by[static_cast<std::size_t>(reason)], 0U) << to_string(reason);
  }
}

// The words for losses are stable names.
TEST(Link, LossReasonsHaveNames) {
  EXPECT_EQ(to_string(LossReason::kDrop), "drop");
  EXPECT_EQ(to_string(LossReason::kChecksum), "checksum");
  EXPECT_EQ(to_string(LossReason::kOutage), "outage");
  EXPECT_EQ(to_string(LossReason::kMtu), "mtu");
  EXPECT_EQ(to_string(LossReason::kQueue), "queue");
  EXPECT_EQ(to_string(LossReason::kInFlight), "in_flight");
}

// Settings that cannot be meant are the caller's mistake, in any phase.
TEST(Link, RefusesSettingsOutsideTheirRange) {
  const std::vector<LinkOptions> refused = {
      {.delay = -1ns},
      {.delay = kDurationMax + 1ns},
      {.rate = {.bits_per_second = 1'000'000'000'000'001}},
      {.slots = {.interval_min = -1ns}},
      {.slots = {.interval_min = 2ns, .interval_max = 1ns}},
      {.slots = {.interval_max = kDurationMax + 1ns}},
      {.slots = {.table_delay = -1ns}},
      {.slots = {.table_delay = kDurationMax + 1ns}},
      {.slots = {.table_jitter = -1ns}},
      {.slots = {.table_jitter = kDurationMax + 1ns}},
      {.header_bytes = 1001},
  };
  for (const LinkOptions& options : refused) {
    EXPECT_THROW(make_link(options), std::logic_error);
    LinkPlan plan;
    plan.options.add(Instant(1s), options);
    EXPECT_THROW(make_planned_link(std::move(plan)), std::logic_error);
  }
  const std::vector<std::vector<Outage>> outages = {
      {{Instant(1s), Instant(1s)}},
      {{Instant(2s), Instant(1s)}},
      {{Instant(1s), Instant(3s)}, {Instant(3s - 1ns), Instant(4s)}},
      {{Instant(3s), Instant(4s)}, {Instant(1s), Instant(2s)}},
  };
  for (const std::vector<Outage>& broken : outages) {
    EXPECT_THROW(make_planned_link(LinkPlan{.outages = broken}), std::logic_error);
  }
  EXPECT_THROW(Link(LinkOptions{}, nullptr), std::logic_error);
  EXPECT_NO_THROW(make_link({.delay = kDurationMax,
                             .rate = {.bits_per_second = 1'000'000'000'000'000},
                             .slots = {.interval_min = kDurationMax,
                                       .interval_max = kDurationMax,
                                       .table_delay = kDurationMax,
                                       .table_jitter = kDurationMax},
                             .header_bytes = 1000}));
}

}  // namespace
}  // namespace lossy
