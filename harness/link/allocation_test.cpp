// A link allocates nothing per datagram once it is warm.
#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "core/allocations_for_test.hpp"
#include "harness/link/fault_list.hpp"
#include "harness/link/link.hpp"
#include "harness/link/random_fates.hpp"

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

// A hundred thousand datagrams with everything that can happen to them, after a time with twice as
// many in flight.
TEST(LinkAllocation, NoneOnceWarm) {
  const Impairments impairments{.loss = RandomLoss{Probability::ratio(5, 100)},
                                .duplicate = Probability::ratio(10, 100),
                                .reorder = Probability::ratio(10, 100),
                                .corrupt = Probability::ratio(10, 100),
                                .jitter = 5ms};
  for (const std::uint64_t rate : {std::uint64_t{0}, std::uint64_t{1'000'000'000}}) {
    Link link({.delay = 10ms, .rate = {.bits_per_second = rate}},
              std::make_unique<RandomFates>(impairments, 4, Direction::kUplink));
    Instant now{};
    carry(link, now, 10'000, 5us);
    const std::uint64_t before = allocations;
    carry(link, now, 100'000, 10us);
    EXPECT_EQ(allocations - before, 0U);
    EXPECT_GT(link.counters().delivered, 100'000U);
  }
}

// Listed fates do not allocate, either.
TEST(LinkAllocation, NoneForListedFates) {
  std::string text;
  for (int i = 1; i <= 100'000; i += 3) {
    text += "uplink." + std::to_string(i) + ":duplicate+1ms^3,";
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
