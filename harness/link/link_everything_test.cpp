#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <lossy/core/random.hpp>
#include <lossy/harness/link/delivery_trace.hpp>
#include <lossy/harness/link/fault_list.hpp>
#include <lossy/harness/link/link_for_test.hpp>
#include <lossy/harness/link/random_fates.hpp>
#include <lossy/harness/link/text.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

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

}  // namespace
}  // namespace lossy
