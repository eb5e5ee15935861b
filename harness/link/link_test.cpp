#include <lossy/harness/link/link.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <lossy/core/endpoint.hpp>
#include <lossy/core/greeting/greeter.hpp>
#include <lossy/core/random.hpp>
#include <lossy/harness/link/link_for_test.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

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

Numbers in_flight(const Link& link) {
  Numbers numbers;
  for (const Link::Underway& one : link.datagrams_in_flight()) numbers.push_back(one.number);
  return numbers;
}

// What is in flight is known by its number, once whatever its copies, until one has arrived.
TEST(Link, KnowsWhatIsInFlight) {
  Link link =
      make_link({.delay = 10ms}, "uplink.2:drop,uplink.3:deliver/deliver+5ms,uplink.4:hold+9ms");
  EXPECT_EQ(in_flight(link), Numbers{});
  for (int i = 0; i < 5; ++i) offer(link, i * 1ms);
  EXPECT_EQ(link.in_flight(), 5U);
  EXPECT_EQ(in_flight(link), (Numbers{1, 3, 4, 5}));
  EXPECT_EQ(numbers(arrivals(link, 12ms)), (Numbers{1, 3}));
  EXPECT_EQ(link.in_flight(), 3U);
  EXPECT_EQ(in_flight(link), (Numbers{4, 5})) << "a second copy of 3 is no datagram";
  EXPECT_EQ(numbers(arrivals(link, kNever)), (Numbers{5, 3, 4}));
  EXPECT_EQ(in_flight(link), Numbers{});
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
