// How fast greetings cross the simulated network, beside the floor: a bare heap that moves the same
// events.
#include <benchmark/benchmark.h>

#include <memory>
#include <queue>
#include <vector>

#include <lossy/core/greeter.hpp>
#include <lossy/core/server.hpp>
#include <lossy/harness/link/random_fates.hpp>
#include <lossy/harness/sim/simulation.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kGreetings = 1'000'000;
constexpr Duration kInterval = 10us;
constexpr Duration kDelay = 2ms;
constexpr std::uint64_t kSeed = 1;
constexpr Probability kDrop = Probability::ratio(1, 10);

// A million greetings, 10 us apart whatever is outstanding, one attempt each, 10 % loss and 2 ms
// each way, 1 gbit.
void BM_Greetings(benchmark::State& state) {
  const Address client = *Address::parse("192.0.2.1:50000");
  const Address server = *Address::parse("192.0.2.2:9999");
  for (auto _ : state) {
    Greeter greeter({.client = {.server = server,
                                .retry = {.attempts_max = 1},
                                .window = ClientOptions::kWindowMax},
                     .interval = kInterval},
                    Names(kGreetings));
    Server answering;
    Simulation simulation;
    const HostId asks = simulation.add(greeter, client);
    const HostId answers = simulation.add(answering, server);
    const auto link = [](Direction direction) {
      return Link(
          {.delay = kDelay, .rate = {.bits_per_second = 1'000'000'000}},
          std::make_unique<RandomFates>(Impairments{.loss = RandomLoss{kDrop}}, kSeed, direction));
    };
    simulation.path(asks, answers, link(Direction::kUplink), link(Direction::kDownlink));
    simulation.run_until([] { return false; }, Instant::max());
    if (!greeter.done()) state.SkipWithError("the greetings did not end");
    state.counters["events"] = static_cast<double>(simulation.events());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(kGreetings) * state.iterations());
}
BENCHMARK(BM_Greetings)->Unit(benchmark::kMillisecond);

// The same events in a std::priority_queue and nothing else: the next greeting, the arrival of the
// request, the arrival of the answer, and the timeout of what was lost.
void BM_EventHeap(benchmark::State& state) {
  enum class Kind : std::uint8_t { kGreet, kRequest, kAnswer, kTimeout };
  struct Event {
    Instant when;
    std::uint64_t sequence;
    Kind kind;
    bool operator>(const Event& other) const {
      return when != other.when ? when > other.when : sequence > other.sequence;
    }
  };
  const RandomStream uplink(1);
  const RandomStream downlink(2);
  for (auto _ : state) {
    std::priority_queue<Event, std::vector<Event>, std::greater<>> events;
    std::uint64_t sequence = 0;
    std::uint64_t greetings = 0;
    std::uint64_t requests = 0;
    const auto push = [&](Instant when, Kind kind) { events.push({when, ++sequence, kind}); };
    push(Instant{}, Kind::kGreet);
    while (!events.empty()) {
      const Event event = events.top();
      events.pop();
      switch (event.kind) {
        case Kind::kGreet:
          if (++greetings < kGreetings) push(event.when + kInterval, Kind::kGreet);
          if (kDrop.happens(uplink.at(greetings))) {
            push(event.when + 200ms, Kind::kTimeout);
          } else {
            push(event.when + kDelay, Kind::kRequest);
          }
          break;
        case Kind::kRequest:
          if (kDrop.happens(downlink.at(++requests))) {
            push(event.when + 200ms, Kind::kTimeout);
          } else {
            push(event.when + kDelay, Kind::kAnswer);
          }
          break;
        case Kind::kAnswer:
        case Kind::kTimeout:
          break;
      }
    }
    state.counters["events"] = static_cast<double>(sequence);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(kGreetings) * state.iterations());
}
BENCHMARK(BM_EventHeap)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lossy

BENCHMARK_MAIN();
