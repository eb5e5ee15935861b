#include <lossy/harness/link/memory_budget.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include <lossy/core/endpoint.hpp>
#include <lossy/harness/link/link.hpp>
#include <lossy/harness/link/random_fates.hpp>

namespace lossy {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kBudgetBytes = std::size_t{8} << 20;
// The last datagram of a link, and what a system page more or less would be.
constexpr std::size_t kSlackBytes = std::size_t{256} << 10;

Link delayed_link(MemoryBudget& budget) {
  LinkOptions options;
  options.delay = milliseconds(10);
  Link link(options, std::make_unique<RandomFates>(Impairments{}, 1, Direction::kUplink));
  link.take_memory_from(budget);
  return link;
}

// Offers datagrams until the link has lost as many as it was to lose, and gives what it took.
std::uint64_t flood(Link& link, std::size_t payload_bytes) {
  const std::vector<std::byte> payload(payload_bytes);
  while (link.counters().lost() < 10) link.handle_datagram(Instant{}, payload);
  return link.counters().offered - link.counters().lost();
}

void drain(Link& link) {
  while (link.poll_transmit(Instant(milliseconds(10)))) {
  }
}

// However many links there are, and whatever the sizes, they take no more than the budget, and what
// they lose for it is counted as lost in flight.
TEST(MemoryBudget, BoundsAllLinksTogether) {
  for (const std::size_t payload_bytes : {std::size_t{0}, std::size_t{1200}, kPayloadBytesMax}) {
    MemoryBudget budget(kBudgetBytes);
    std::vector<Link> links;
    for (int i = 0; i < 40; ++i) {
      links.push_back(delayed_link(budget));
      const std::uint64_t taken = flood(links.back(), payload_bytes);
      EXPECT_TRUE(taken > 0 || i > 3);
      EXPECT_EQ(links.back().counters().lost_by[static_cast<std::size_t>(LossReason::kInFlight)],
                10U);
    }
    EXPECT_EQ(budget.refused(), 400U);
    EXPECT_GT(budget.bytes_used(), kBudgetBytes / 2);
    EXPECT_LT(budget.bytes_used(), kBudgetBytes + kSlackBytes);
  }
}

// One link that is flooded leaves as much as it has for all others.
TEST(MemoryBudget, LeavesRoomForWhoComesLate) {
  MemoryBudget budget(kBudgetBytes);
  Link first = delayed_link(budget);
  const std::uint64_t taken = flood(first, 1200);
  EXPECT_GT(taken * 2048, kBudgetBytes / 4);
  EXPECT_LT(budget.bytes_used(), kBudgetBytes * 3 / 4);
  Link second = delayed_link(budget);
  EXPECT_GT(flood(second, 1200), taken / 4);
}

// However many links have been at work, what they keep while they are idle keeps nobody out.
TEST(MemoryBudget, IdleLinksKeepNobodyOut) {
  constexpr std::size_t kSmallest = std::size_t{64} << 10;
  for (const std::size_t payload_bytes : {std::size_t{1}, std::size_t{1200}}) {
    MemoryBudget budget(kSmallest);
    std::vector<Link> links;
    const std::vector<std::byte> payload(payload_bytes);
    for (int i = 0; i < 100; ++i) {
      links.push_back(delayed_link(budget));
      links.back().handle_datagram(Instant{}, payload);
      drain(links.back());
      EXPECT_EQ(links.back().counters().delivered, 1U) << i;
    }
    // Those that were there before are as well off.
    for (Link& link : links) {
      link.handle_datagram(Instant(milliseconds(10)), payload);
      EXPECT_EQ(link.in_flight(), 1U);
      EXPECT_TRUE(link.poll_transmit(Instant(milliseconds(20))));
      EXPECT_FALSE(link.poll_transmit(Instant(milliseconds(20))));
    }
    EXPECT_EQ(budget.refused(), 0U);
    EXPECT_LE(budget.bytes_used(), kSmallest);
  }
}

// A link that is offered more than fits delivers about what fits, all the time: what has arrived
// makes room at once. So it is where all is damaged, overtaken, or waits for the line.
TEST(MemoryBudget, OverloadDeliversWhatFits) {
  const Impairments plain;
  Impairments damage;
  damage.corrupt = Probability::ratio(1, 1);
  Impairments disorder;
  disorder.jitter = milliseconds(1);
  struct Case {
    const char* name;
    const Impairments& impairments;
    std::uint64_t bits_per_second;
  };
  for (const Case& one : {Case{"plain", plain, 0}, Case{"damaged", damage, 0},
                          Case{"out of order", disorder, 0}, Case{"line", plain, 1'000'000'000}}) {
    SCOPED_TRACE(one.name);
    MemoryBudget budget(std::size_t{256} << 10);
    const auto make_link = [&] {
      LinkOptions options;
      options.delay = milliseconds(10);
      options.rate.bits_per_second = one.bits_per_second;
      Link link(options, std::make_unique<RandomFates>(one.impairments, 1, Direction::kUplink));
      link.take_memory_from(budget);
      return link;
    };
    std::uint64_t fits = 0;
    {
      Link link = make_link();
      fits = flood(link, 1200);
    }
    const std::uint64_t refused_before = budget.refused();
    Link link = make_link();
    const std::vector<std::byte> payload(1200);
    const Duration between = Duration(milliseconds(9)) / static_cast<int>(fits);
    Instant now{};
    for (; now < Instant(std::chrono::seconds(1)); now += between) {
      while (link.poll_transmit(now)) {
      }
      link.handle_datagram(now, payload);
    }
    EXPECT_GT(link.counters().lost(), 0U);
    EXPECT_EQ(budget.refused() - refused_before, link.counters().lost());
    EXPECT_GT(link.counters().delivered, fits * 80);  // In a hundred times the delay.
  }
}

// What is empty again gives back what it took, and so does what goes.
TEST(MemoryBudget, IsGivenBack) {
  MemoryBudget budget(kBudgetBytes);
  Link first = delayed_link(budget);
  const std::uint64_t taken = flood(first, 1200);
  drain(first);
  EXPECT_EQ(budget.bytes_used(), 0U);
  first.handle_datagram(Instant(milliseconds(10)), {});
  EXPECT_EQ(first.in_flight(), 1U);
  {
    Link second = delayed_link(budget);
    EXPECT_GT(flood(second, 1200), taken / 2);
    const Link moved = std::move(second);
    EXPECT_GT(budget.bytes_used(), kBudgetBytes / 4);
  }
  EXPECT_LT(budget.bytes_used(), kBudgetBytes / 100);
}

}  // namespace
}  // namespace lossy
