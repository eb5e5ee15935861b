// A whole simulation, client, server, links and all, allocates nothing per datagram once it is
// warm, and takes no more memory for a longer run.
#include <gtest/gtest.h>

#include <memory>

#include "core/allocations_for_test.hpp"
#include "core/greeter.hpp"
#include "core/server.hpp"
#include "harness/link/random_fates.hpp"
#include "harness/sim/simulation.hpp"

namespace lossy {
namespace {

using namespace std::chrono_literals;

const Address kClientAddress = Address::v4({192, 0, 2, 1}, 40'000);
const Address kServerAddress = Address::v4({192, 0, 2, 2}, 9999);

// The counter counts: without this, the test below could not fail.
TEST(SimulationAllocation, IsCounted) {
  const std::uint64_t before = allocations;
  ::operator delete(::operator new(1));
  EXPECT_EQ(allocations, before + 1);
}

// A hundred thousand greetings, after as many to get warm, with losses, copies, flipped bits and
// an observer: what is counted afterwards is nothing.
TEST(SimulationAllocation, NoneOnceWarm) {
  const Impairments impairments{.loss = RandomLoss{Probability::ratio(10, 100)},
                                .duplicate = Probability::ratio(5, 100),
                                .reorder = Probability::ratio(5, 100),
                                .corrupt = Probability::ratio(5, 100)};
  const auto link = [&](Direction direction) {
    return Link({.delay = 2ms, .rate = {.bits_per_second = 1'000'000'000}},
                std::make_unique<RandomFates>(impairments, 4, direction));
  };
  Greeter greeter({.client = {.server = kServerAddress,
                              .retry = {.attempts_max = 2},
                              .window = ClientOptions::kWindowMax},
                   .interval = 10us},
                  Names(1'000'000));
  Server server;
  Observer observer;
  Simulation simulation;
  simulation.add(greeter, kClientAddress);
  simulation.add(server, kServerAddress);
  simulation.observe(observer);
  simulation.connect(kClientAddress, kServerAddress, link(Direction::kUplink),
                     link(Direction::kDownlink));
  std::uint64_t before = 0;
  std::uint64_t after = 0;
  const RunEnd end = simulation.run_until(
      [&] {
        const std::uint64_t greeted = greeter.result().greeted;
        if (greeted < 200'000) before = allocations;
        after = allocations;
        return greeted >= 300'000;
      },
      Instant::max());
  EXPECT_EQ(end, RunEnd::kPredicate);
  EXPECT_EQ(after - before, 0U);
}

}  // namespace
}  // namespace lossy
