// A whole simulation, client, server, links and all, allocates nothing per datagram once it is
// warm, and takes no more memory for a longer run. Nor does a scripted one, but for its client.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include <lossy/core/allocations_for_test.hpp>
#include <lossy/core/greeting/greeter.hpp>
#include <lossy/core/greeting/server.hpp>
#include <lossy/harness/link/random_fates.hpp>
#include <lossy/harness/sim/script_text.hpp>
#include <lossy/harness/sim/scripted_run.hpp>
#include <lossy/harness/sim/simulation.hpp>

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
  simulation.path(simulation.host_at(kClientAddress), simulation.host_at(kServerAddress),
                  link(Direction::kUplink), link(Direction::kDownlink));
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

// A script allocates what its client does, whose memory is new each time: however much happens to
// datagrams, not once more.
TEST(ScriptedRunAllocation, NoneButTheClients) {
  const std::string asked = "script 1\nwindow 2\ngreet \"Michael\"\ngreet \"Tracy\"\n";
  std::string busy = asked;
  for (int i = 0; i < 200; ++i) {
    busy +=
        "duplicate uplink 0\nflip uplink 1 9\nswap uplink 0 1\ndeliver uplink 0\n"
        "inject downlink other-host greeting \"A\"\ndeliver downlink 0\nrebind 1\n";
  }
  const Script quiet_script = parse_script(asked);
  const Script busy_script = parse_script(busy);
  const std::vector<std::byte> bytes = encode(busy_script);
  const auto run = std::make_unique<ScriptedRun>();
  Script decoded;
  const auto allocations_of = [&](const Script& script) {
    const std::uint64_t before = allocations;
    run->run(script);
    return allocations - before;
  };
  const std::uint64_t quiet = allocations_of(quiet_script);
  EXPECT_GT(quiet, 0U);
  EXPECT_EQ(allocations_of(busy_script), quiet);
  decode(bytes, decoded);
  const std::uint64_t before = allocations;
  decode(bytes, decoded);
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(decoded, busy_script);
}

}  // namespace
}  // namespace lossy
