// How many datagrams a link reorders, beside the closed form: RFC 4737 counts those that a later
// one passed.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include <lossy/harness/link/chain_for_test.hpp>
#include <lossy/harness/link/link.hpp>
#include <lossy/harness/link/random_fates.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kDatagrams = 1'000'000;
constexpr Duration kInterval = 1ms;

LinkCounters carried(const LinkOptions& options, const Impairments& impairments) {
  Link link(options, std::make_unique<RandomFates>(impairments, 4, Direction::kUplink));
  Instant now{};
  for (std::uint64_t n = 1; n <= kDatagrams; ++n) {
    now += kInterval;
    while (link.poll_transmit(now)) {
    }
    link.handle_datagram(now, {});
  }
  while (const auto next = link.poll_timeout()) link.poll_transmit(*next);
  return link.counters();
}

// Each datagram is slow with the probability p, and then reordered unless the k that follow soon
// enough are slow, too: p (1 - p^k) of them.
void expect_passed(std::uint64_t reordered, double p, int k) {
  const double share = p * (1 - std::pow(p, k));
  // Two that are at most k apart may depend on each other.
  double variance = share * (1 - share);
  for (int lag = 1; lag <= k; ++lag) {
    const double both =
        p * p * (1 - std::pow(p, k - 1) - std::pow(p, k) + std::pow(p, k + lag - 1));
    variance += 2 * (both - share * share);
  }
  const auto n = static_cast<double>(kDatagrams);
  expect_count(reordered, n * share, n * variance, "reordered");
}

// One that is held back by D is passed by those that are sent less than D later, unless they are
// held back, too. At D itself it is the first to leave.
TEST(Reordering, OfHeldBackHasItsClosedForm) {
  for (const double rate : {5.0, 50.0}) {
    for (const int k : {0, 1, 10}) {
      SCOPED_TRACE(testing::Message() << rate << "%, passed by " << k);
      const LinkCounters counters =
          carried({.delay = 5ms}, {.reorder = percent(rate), .reorder_delay = (k + 1) * kInterval});
      expect_rate(counters.held_back, kDatagrams, rate / 100, "held back");
      expect_passed(counters.reordered, rate / 100, k);
    }
  }
}

// One that is not early is passed by the early ones that are sent before its delay is over, and
// keeping the order of the others changes nothing about that.
TEST(Reordering, OfEarlyHasItsClosedForm) {
  for (const double rate : {25.0, 75.0}) {
    for (const int k : {1, 10}) {
      SCOPED_TRACE(testing::Message() << rate << "% early, passed by " << k);
      const Duration delay = (k + 1) * kInterval;
      for (const bool keeps_order : {false, true}) {
        const LinkCounters counters = carried({.delay = delay, .keeps_order = keeps_order},
                                              {.early = {percent(rate)}, .delay = delay});
        expect_rate(counters.early, kDatagrams, rate / 100, "early");
        expect_passed(counters.reordered, 1 - rate / 100, k);
      }
    }
  }
}

}  // namespace
}  // namespace lossy
