// How fast greetings cross the simulated network, beside the floor: a bare heap that moves the same
// events. How the cost of a datagram grows with the number of hosts; and how fast files go.
#include <benchmark/benchmark.h>

#include <memory>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

#include <lossy/core/greeting/greeter.hpp>
#include <lossy/core/greeting/server.hpp>
#include <lossy/core/membership/node.hpp>
#include <lossy/core/tftp/client.hpp>
#include <lossy/core/tftp/server.hpp>
#include <lossy/harness/link/link_model.hpp>
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

// A host that says something every second, from a moment of its own, and one that answers.
class Talker final : public Endpoint {
 public:
  Talker(const Address& server, Instant first) : server_(server), next_(first) {}
  void handle_datagram(Instant, const Datagram&) override {}
  void handle_timeout(Instant) override {}
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte>) override {
    if (now < next_) return std::nullopt;
    next_ += 1s;
    return Transmit{server_, 32};
  }
  std::optional<Instant> poll_timeout() const override { return next_; }

 private:
  Address server_;
  Instant next_;
};
class Answerer final : public Endpoint {
 public:
  void handle_datagram(Instant, const Datagram& datagram) override { to_ = datagram.source; }
  void handle_timeout(Instant) override {}
  std::optional<Transmit> poll_transmit(Instant, std::span<std::byte>) override {
    if (!to_) return std::nullopt;
    return Transmit{*std::exchange(to_, std::nullopt), 32};
  }
  std::optional<Instant> poll_timeout() const override { return std::nullopt; }

 private:
  std::optional<Address> to_;
};

// Two million datagrams between as many hosts as asked for and one more, over two links that all of
// them share. Making the hosts is not counted.
void BM_Hosts(benchmark::State& state) {
  const auto hosts = static_cast<std::uint64_t>(state.range(0));
  constexpr std::uint64_t kDatagrams = 2'000'000;
  const Address server = *Address::parse("192.0.2.2:9999");
  for (auto _ : state) {
    state.PauseTiming();
    auto simulation = std::make_unique<Simulation>();
    Answerer answerer;
    std::vector<Talker> talkers;
    talkers.reserve(hosts);
    const HostId answers = simulation->add(answerer, server);
    const LinkId up = simulation->add_link(make_link("delay 2ms", kSeed, Direction::kUplink));
    const LinkId down = simulation->add_link(make_link("delay 2ms", kSeed, Direction::kDownlink));
    for (std::uint64_t i = 0; i < hosts; ++i) {
      const Duration first = 1s * static_cast<std::int64_t>(i) / static_cast<std::int64_t>(hosts);
      const auto octet = [&](unsigned shift) { return static_cast<std::uint8_t>(i >> shift); };
      talkers.emplace_back(server, Instant(first));
      const HostId talks =
          simulation->add(talkers.back(), Address::v4({10, octet(16), octet(8), octet(0)}, 1000));
      simulation->route(talks, answers, {up});
      simulation->route(answers, talks, {down});
    }
    const auto sent = [&] { return simulation->link(down).counters().offered; };
    // All of them have talked once: what is made then is made.
    simulation->run_until([&] { return sent() >= hosts; }, Instant::max());
    state.ResumeTiming();
    simulation->run_until([&] { return sent() >= hosts + kDatagrams / 2; }, Instant::max());
    state.PauseTiming();
    simulation.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(kDatagrams) * state.iterations());
}
BENCHMARK(BM_Hosts)->Arg(1000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

// Files by TFTP, one after the other, over a path of 1 ms and 1 % loss each way: blocks a second.
void BM_TftpBlocks(benchmark::State& state) {
  constexpr std::size_t kFiles = 100;
  constexpr std::size_t kBlocks = 1000;
  const Address server = *Address::parse("192.0.2.2:69");
  const Address client = *Address::parse("192.0.2.1:0");
  for (auto _ : state) {
    tftp::MemoryFiles files;
    files.files["file"].resize(512 * kBlocks - 1);
    tftp::Server serving({.retry = {.attempts_max = 100}}, files);
    tftp::Client fetching({.server = server, .retry = {.attempts_max = 100}, .local = client});
    Simulation simulation;
    const HostId asks = simulation.add(fetching, client);
    const HostId answers = simulation.add(serving, with_port(server, 0));
    simulation.path(asks, answers, make_link("delay 1ms loss 1%", kSeed, Direction::kUplink),
                    make_link("delay 1ms loss 1%", kSeed, Direction::kDownlink));
    for (std::size_t i = 0; i < kFiles; ++i) fetching.get("file");
    simulation.run_until([&] { return fetching.pending() == 0; }, Instant::max());
    while (const auto event = fetching.poll_event()) {
      if (event->end != tftp::End::kDone) state.SkipWithError("a file did not arrive");
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(kFiles * kBlocks) * state.iterations());
}
BENCHMARK(BM_TftpBlocks)->Unit(benchmark::kMillisecond);

// Five nodes that watch each other for a day, over paths that lose 1 %: datagrams a second.
void BM_Membership(benchmark::State& state) {
  constexpr std::size_t kNodes = 5;
  std::uint64_t sent = 0;
  for (auto _ : state) {
    std::vector<std::unique_ptr<membership::Node>> nodes;
    std::vector<HostId> hosts;
    Simulation simulation;
    for (std::size_t i = 0; i < kNodes; ++i) {
      const auto address_of = [](std::size_t node) {
        return Address::v4({192, 0, 2, static_cast<std::uint8_t>(node + 1)}, 7946);
      };
      membership::NodeOptions options{.self = address_of(i), .seed = kSeed + i};
      if (i > 0) options.contact = address_of(0);
      options.rests_at = Instant{} + std::chrono::hours(24);
      nodes.push_back(std::make_unique<membership::Node>(options));
      hosts.push_back(simulation.add(*nodes.back(), address_of(i)));
    }
    std::uint64_t path = 0;
    for (std::size_t to = 1; to < kNodes; ++to) {
      for (std::size_t from = 0; from < to; ++from, ++path) {
        simulation.path(hosts[from], hosts[to],
                        make_link("delay 1ms loss 1%", kSeed, Direction::kUplink, path),
                        make_link("delay 1ms loss 1%", kSeed, Direction::kDownlink, path));
      }
    }
    simulation.run_until([] { return false; }, Instant::max());
    for (const auto& node : nodes) {
      sent += node->counters().sent;
      if (node->members().size() != kNodes) state.SkipWithError("a node sees others");
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(sent));
}
BENCHMARK(BM_Membership)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lossy

BENCHMARK_MAIN();
