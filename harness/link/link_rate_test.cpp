#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <lossy/core/random.hpp>
#include <lossy/harness/link/delivery_trace.hpp>
#include <lossy/harness/link/link_for_test.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

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

}  // namespace
}  // namespace lossy
