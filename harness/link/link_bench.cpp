// What a datagram costs on its way through a link (offered, decided, queued, delivered), beside two
// floors that move the same number of things: a bare ring, and a bare event heap.
#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <queue>
#include <vector>

#include <lossy/core/random.hpp>
#include <lossy/harness/link/link.hpp>
#include <lossy/harness/link/random_fates.hpp>
#include <lossy/harness/link/ring.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

// 100,000 datagrams a second and 10 ms on the way: a thousand are in flight.
constexpr Duration kInterval = 10us;
constexpr Duration kDelay = 10ms;
constexpr Duration kJitter = 2ms;
constexpr std::uint64_t kSeed = 1;
constexpr std::array<std::byte, 25> kPayload{};

// One datagram after the other: what is due is taken, then the next is offered.
void carry(benchmark::State& state, const LinkPlan& plan,
           const Timeline<Impairments>& impairments) {
  Link link(plan, std::make_unique<RandomFates>(impairments, kSeed, Direction::kUplink));
  Instant now{};
  const auto step = [&] {
    now += kInterval;
    while (auto delivery = link.poll_transmit(now)) benchmark::DoNotOptimize(delivery);
    benchmark::DoNotOptimize(link.handle_datagram(now, kPayload));
  };
  for (int i = 0; i < 10'000; ++i) step();
  for (auto _ : state) step();
  const LinkCounters& counters = link.counters();
  state.counters["lost"] =
      static_cast<double>(counters.lost()) / static_cast<double>(counters.offered);
  state.counters["in_flight"] = static_cast<double>(link.in_flight());
  state.SetItemsProcessed(state.iterations());
}

void BM_LinkNothing(benchmark::State& state) {
  carry(state, {.options = LinkOptions{.delay = kDelay}}, Impairments{});
}
BENCHMARK(BM_LinkNothing);

void BM_LinkLoss(benchmark::State& state) {
  carry(state, {.options = LinkOptions{.delay = kDelay}},
        Impairments{.loss = RandomLoss{Probability::ratio(1, 10)}});
}
BENCHMARK(BM_LinkLoss);

// Everything that a link can do, all at once; a trace takes the place of a rate and is left out.
void BM_LinkEverything(benchmark::State& state) {
  const LinkOptions options{.delay = kDelay,
                            .rate = {.bits_per_second = 200'000'000,
                                     .packet_overhead_bytes = 14,
                                     .cell_bytes = 48,
                                     .cell_overhead_bytes = 5},
                            .queue_datagrams_max = 1000,
                            .queue_bytes_max = 100'000,
                            .slots = {.enabled = true,
                                      .interval_min = 50us,
                                      .interval_max = 150us,
                                      .datagrams_max = 64,
                                      .bytes_max = 64'000},
                            .mtu_bytes = 1500};
  LinkPlan plan{.options = options, .slot_intervals = RandomStream(kSeed)};
  const Impairments impairments{
      .loss = FourStateLoss{.p13 = Probability::ratio(1, 100),
                            .p31 = Probability::ratio(20, 100),
                            .p32 = Probability::ratio(10, 100),
                            .p23 = Probability::ratio(30, 100),
                            .p14 = Probability::ratio(1, 100)},
      .checksum = {Probability::ratio(1, 100), Probability::ratio(25, 100)},
      .duplicate = {Probability::ratio(1, 100), Probability::ratio(25, 100)},
      .reorder = {Probability::ratio(1, 100), Probability::ratio(25, 100)},
      .early = {.chance = {Probability::ratio(1, 100), Probability::ratio(25, 100)}, .gap = 5},
      .delay = kDelay,
      .corrupt = {Probability::ratio(1, 100), Probability::ratio(25, 100)},
      .corrupt_bits = 2,
      .truncate = {Probability::ratio(1, 100), Probability::ratio(25, 100)},
      .jitter = kJitter,
      .jitter_correlation = Probability::ratio(25, 100),
      .distribution = DelayTable::built_in("normal")};
  // Each second a phase begins, and for a millisecond nothing gets through.
  Timeline<Impairments> phases(impairments);
  for (int second = 1; second <= 1000; ++second) {
    plan.options.add(Instant(second * 1s), options);
    phases.add(Instant(second * 1s), impairments);
    plan.outages.push_back({Instant(second * 1s), Instant(second * 1s + 1ms)});
  }
  carry(state, plan, phases);
}
BENCHMARK(BM_LinkEverything);

// What is in flight in the order in which it left.
void BM_Ring(benchmark::State& state) {
  struct Item {
    Instant due;
    std::uint64_t number;
  };
  Ring<Item> ring;
  Instant now{};
  std::uint64_t number = 0;
  const auto step = [&] {
    now += kInterval;
    while (!ring.empty() && ring.front().due <= now) {
      benchmark::DoNotOptimize(ring.front().number);
      ring.pop_front();
    }
    ring.push_back({now + kDelay, ++number});
  };
  for (int i = 0; i < 10'000; ++i) step();
  for (auto _ : state) step();
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Ring);

// What is in flight in the order in which it arrives; with jitter, that is another one.
void heap(benchmark::State& state, Duration jitter) {
  struct Event {
    Instant due;
    std::uint64_t number;
    bool operator>(const Event& other) const {
      return due != other.due ? due > other.due : number > other.number;
    }
  };
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events;
  const RandomStream stream(kSeed);
  Instant now{};
  std::uint64_t number = 0;
  const auto step = [&] {
    now += kInterval;
    while (!events.empty() && events.top().due <= now) {
      benchmark::DoNotOptimize(events.top().number);
      events.pop();
    }
    ++number;
    events.push({now + kDelay + uniform_spread(stream.at(number), jitter), number});
  };
  for (int i = 0; i < 10'000; ++i) step();
  for (auto _ : state) step();
  state.SetItemsProcessed(state.iterations());
}

void BM_Heap(benchmark::State& state) {
  heap(state, 0ns);
}
BENCHMARK(BM_Heap);

void BM_HeapJitter(benchmark::State& state) {
  heap(state, kJitter);
}
BENCHMARK(BM_HeapJitter);

}  // namespace
}  // namespace lossy

BENCHMARK_MAIN();
