// A link allocates nothing per datagram once it is warm.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <utility>

#include <lossy/core/allocations_for_test.hpp>
#include <lossy/harness/link/fault_list.hpp>
#include <lossy/harness/link/link.hpp>
#include <lossy/harness/link/random_fates.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

// Offers so many datagrams of all sizes, takes what arrives, and waits for the last of them.
void carry(Link& link, Instant& now, int datagrams, Duration interval) {
  static constexpr std::array<std::byte, 1024> kPayload{};
  for (int i = 0; i < datagrams; ++i) {
    now += interval;
    while (link.poll_transmit(now)) {
    }
    link.handle_datagram(now, std::span(kPayload).first(static_cast<std::size_t>(i) % 1025));
  }
  while (const auto next = link.poll_timeout()) {
    now = *next;
    link.poll_transmit(now);
  }
}

// The counter counts: without this, the tests below could not fail.
TEST(LinkAllocation, IsCounted) {
  const std::uint64_t before = allocations;
  ::operator delete(::operator new(1));
  EXPECT_EQ(allocations, before + 1);
}

constexpr RateLimit kGigabit{.bits_per_second = 1'000'000'000, .cell_bytes = 48};

// What a debug or sanitizer build carries in a few seconds, too.
#ifdef NDEBUG
constexpr int kMany = 10'000'000;
#else
constexpr int kMany = 1'000'000;
#endif

// Everything that can happen to a datagram, in a line of whatever kind.
LinkOptions everything(const RateLimit& rate, std::shared_ptr<const DeliveryTrace> trace) {
  return {.delay = 10ms,
          .rate = rate,
          .trace = std::move(trace),
          .queue_bytes_max = 500'000,
          .slots = {.enabled = true, .interval_max = 200us, .datagrams_max = 100},
          .mtu_bytes = 1000};
}

// A link with everything that can happen to a datagram, whose options change on the way.
Link everything_link(const LinkOptions& options) {
  const Chance chance(Probability::ratio(10, 100), Probability::ratio(25, 100));
  const Impairments impairments{.loss = FourStateLoss{.p13 = Probability::ratio(1, 100),
                                                      .p31 = Probability::ratio(30, 100),
                                                      .p32 = Probability::ratio(10, 100),
                                                      .p23 = Probability::ratio(30, 100),
                                                      .p14 = Probability::ratio(1, 100)},
                                .checksum = Probability::ratio(1, 100),
                                .duplicate = chance,
                                .reorder = chance,
                                .early = {.chance = chance, .gap = 5},
                                .delay = 10ms,
                                .corrupt = chance,
                                .corrupt_bits = 3,
                                .truncate = chance,
                                .jitter = 2ms,
                                .jitter_correlation = Probability::ratio(25, 100),
                                .distribution = DelayTable::built_in("normal")};
  LinkPlan plan{.options = options, .slot_intervals = RandomStream(3)};
  Timeline<Impairments> phases(impairments);
  for (int i = 1; i <= 20; ++i) {
    plan.options.add(Instant(i * 50ms), options);
    plan.outages.push_back({Instant(i * 50ms), Instant(i * 50ms + 1ms)});
    phases.add(Instant(i * 50ms), impairments);
  }
  return {plan, std::make_unique<RandomFates>(phases, 4, Direction::kUplink)};
}

void expect_everything(const LinkCounters& counters, std::uint64_t at_least) {
  for (const std::uint64_t count : {counters.duplicated, counters.held_back, counters.early,
                                    counters.corrupted, counters.truncated, counters.reordered,
                                    counters.lost_by[static_cast<std::size_t>(LossReason::kOutage)],
                                    counters.lost_by[static_cast<std::size_t>(LossReason::kMtu)]}) {
    EXPECT_GT(count, at_least);
  }
}

// A hundred thousand datagrams with everything that can happen to them, after a time with twice as
// many in flight: without a rate, with one, and with a trace.
TEST(LinkAllocation, NoneOnceWarm) {
  std::string dense;
  for (int i = 0; i < 60; ++i) dense += "1\n";
  for (const LinkOptions& options : {everything({}, nullptr), everything(kGigabit, nullptr),
                                     everything({}, DeliveryTrace::parse(dense, "dense"))}) {
    Link link = everything_link(options);
    Instant now{};
    carry(link, now, 20'000, 5us);
    const std::uint64_t before = allocations;
    carry(link, now, 100'000, 10us);
    EXPECT_EQ(allocations - before, 0U);
    EXPECT_GT(link.counters().delivered, 90'000U);
    expect_everything(link.counters(), 1000);
  }
}

// However long a flow is, a link keeps no more of it: whatever takes memory grew before.
TEST(LinkAllocation, NoneForTenMillionDatagrams) {
  Link link = everything_link(everything(kGigabit, nullptr));
  Instant now{};
  carry(link, now, 20'000, 5us);
  const std::uint64_t before = allocations;
  carry(link, now, kMany, 10us);
  EXPECT_EQ(allocations - before, 0U);
  expect_everything(link.counters(), 1000);
}

// Listed fates do not allocate, either.
TEST(LinkAllocation, NoneForListedFates) {
  std::string text;
  for (int i = 1; i <= 100'000; i += 3) {
    text += "uplink." + std::to_string(i) + ":duplicate+1ms^3=9,";
  }
  const FaultList list = FaultList::parse(text);
  Link link({.delay = 10ms}, std::make_unique<ListedFates>(list, Direction::kUplink));
  Instant now{};
  carry(link, now, 10'000, 5us);
  const std::uint64_t before = allocations;
  carry(link, now, 90'000, 10us);
  EXPECT_EQ(allocations - before, 0U);
  EXPECT_GT(link.counters().duplicated, 33'000U);
}

}  // namespace
}  // namespace lossy
