#include "harness/sim/simulation.hpp"

#include <gtest/gtest.h>

#include "core/greeter.hpp"
#include "core/server.hpp"
#include "harness/link/random_fates.hpp"

namespace lossy {
namespace {
using namespace std::chrono_literals;

TEST(Simulation, GreetsThroughLoss) {
  const Address c = *Address::parse("192.0.2.1:40000"), s = *Address::parse("192.0.2.2:9999");
  Impairments imp{.drop = Probability::ratio(1, 10)};
  Greeter greeter(
      {.client = {.server = s, .retry = {.attempts_max = 1}, .window = ClientOptions::kWindowMax},
       .interval = 10us},
      Names(1'000'000));
  Server server;
  Simulation sim;
  sim.add(greeter, c);
  sim.add(server, s);
  auto link = [&](Direction d) {
    return Link({.delay = 2ms, .rate_bits_per_second = 1'000'000'000},
                std::make_unique<RandomFates>(imp, 1, d));
  };
  sim.connect(c, s, link(Direction::kUplink), link(Direction::kDownlink));
  EXPECT_EQ(sim.run_until([] { return false; }, Instant::max()), RunEnd::kIdle);
  EXPECT_TRUE(greeter.done());
  printf("%lu greeted, events %lu rtt %ld\n", greeter.result().greeted, sim.events(),
         greeter.result().rtt.quantile(1, 2).count());
}
}  // namespace
}  // namespace lossy
