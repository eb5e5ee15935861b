#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <lossy/core/greeting/greeter.hpp>
#include <lossy/core/greeting/server.hpp>
#include <lossy/core/random.hpp>
#include <lossy/harness/link/fault_list.hpp>
#include <lossy/harness/link/random_fates.hpp>
#include <lossy/harness/sim/simulation_for_test.hpp>

namespace lossy {
namespace {

void expect_rate(std::uint64_t count, std::uint64_t trials, double p, const char* what) {
  const auto n = static_cast<double>(trials);
  EXPECT_NEAR(static_cast<double>(count), n * p, 4 * std::sqrt(n * p * (1 - p))) << what;
}

// Loss may delay the greeting, but never prevent it while attempts remain.
TEST(Simulation, GreetsThroughHeavyLoss) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "lossy simulate --drop=30% --attempts=40 --seed=" << seed);
    Greetings run_({.client = {.server = kServerAddress, .retry = {.attempts_max = 40}}},
                   Names(std::vector<std::string>{"Michael", "Tracy", "Sarah"}), {},
                   {.loss = RandomLoss{Probability::ratio(30, 100)}}, seed);
    ASSERT_EQ(run(run_.simulation), RunEnd::kIdle);
    EXPECT_TRUE(run_.greeter.done());
    EXPECT_EQ(run_.greeter.result().greeted, 3U);
    EXPECT_EQ(run_.greeter.result().gave_up, 0U);
  }
}

// Whatever happens on the way, each request ends once, and greetings that arrive are those that
// were asked for.
TEST(Simulation, EveryRequestEndsWhateverHappens) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(testing::Message()
                 << "lossy simulate --count=100 --window=8 --drop=30% --duplicate=30% "
                    "--reorder=30% --corrupt=30% --delay=20ms --jitter=20ms --rate=100kbit "
                    "--queue=5 --seed="
                 << seed);
    Greetings run_({.client = {.server = kServerAddress, .window = 8}}, Names(100),
                   {.delay = 20ms, .rate = {.bits_per_second = 100'000}, .queue_datagrams_max = 5},
                   {.loss = RandomLoss{Probability::ratio(30, 100)},
                    .duplicate = Probability::ratio(30, 100),
                    .reorder = Probability::ratio(30, 100),
                    .corrupt = Probability::ratio(30, 100),
                    .jitter = 20ms},
                   seed);
    ASSERT_EQ(run(run_.simulation), RunEnd::kIdle);
    const GreeterResult& result = run_.greeter.result();
    EXPECT_EQ(result.greeted + result.gave_up, 100U);
    EXPECT_LE(result.attempts, 500U);
    const LinkCounters& up = run_.counters(Direction::kUplink);
    const LinkCounters& down = run_.counters(Direction::kDownlink);
    EXPECT_EQ(up.offered, result.attempts);
    EXPECT_EQ(run_.server.counters().received, up.delivered + up.duplicated);
    EXPECT_EQ(run_.server.counters().answered, down.offered);
    EXPECT_EQ(run_.greeter.client().counters().received, down.delivered + down.duplicated);
  }
}

// The share of greetings, and the attempts they take, are what the losses of both ways make of
// them: with so many attempts, 1 - (1 - (1 - up)(1 - down))^attempts.
TEST(Simulation, GreetsAsOftenAsTheClosedFormSays) {
  struct Path {
    std::uint64_t up_percent;
    std::uint64_t down_percent;
  };
  constexpr std::uint64_t kRequests = 100'000;
  for (const Path path : {Path{10, 10}, Path{50, 20}, Path{0, 30}}) {
    for (const int attempts_max : {1, 2, 3}) {
      SCOPED_TRACE(testing::Message()
                   << "lossy simulate --count=100000 --interval=10us --delay=2ms --attempts="
                   << attempts_max << " --uplink-drop=" << path.up_percent
                   << "% --downlink-drop=" << path.down_percent << "% --seed=1");
      Greeter greeter(paced(attempts_max), Names(kRequests));
      Server server;
      Simulation simulation;
      simulation.add(greeter, kClientAddress);
      simulation.add(server, kServerAddress);
      simulation.path(
          simulation.host_at(kClientAddress), simulation.host_at(kServerAddress),
          make_link({.delay = 2ms}, {.loss = RandomLoss{Probability::ratio(path.up_percent, 100)}},
                    1, Direction::kUplink),
          make_link({.delay = 2ms},
                    {.loss = RandomLoss{Probability::ratio(path.down_percent, 100)}}, 1,
                    Direction::kDownlink));
      ASSERT_EQ(run(simulation), RunEnd::kIdle);
      const double up = static_cast<double>(path.up_percent) / 100;
      const double down = static_cast<double>(path.down_percent) / 100;
      const double fails = 1 - (1 - up) * (1 - down);
      const GreeterResult& result = greeter.result();
      expect_rate(result.greeted, kRequests, 1 - std::pow(fails, attempts_max), "greeted");
      EXPECT_EQ(result.greeted + result.gave_up, kRequests);
      // A request takes more than k attempts when k have failed.
      double mean = 0;
      double square = 0;
      for (int k = 0; k < attempts_max; ++k) {
        mean += std::pow(fails, k);
        square += (2 * k + 1) * std::pow(fails, k);
      }
      const auto n = static_cast<double>(kRequests);
      EXPECT_NEAR(static_cast<double>(result.attempts), n * mean,
                  4 * std::sqrt(n * (square - mean * mean)) + 0.5);
      // Of what is answered at the first attempt, the round-trip time is that of the path.
      EXPECT_EQ(result.rtt.min(), 4ms);
      EXPECT_EQ(result.rtt.max(), 4ms);
      expect_rate(result.rtt.count(), kRequests, 1 - fails, "greeted at the first attempt");
    }
  }
}

// Duplicates and reordering neither prevent a greeting nor add one.
TEST(Simulation, DuplicatesAndReorderingChangeNoResult) {
  constexpr std::uint64_t kRequests = 20'000;
  Greetings run_(paced(1), Names(kRequests), {.delay = 20ms},
                 {.duplicate = Probability::ratio(30, 100),
                  .reorder = Probability::ratio(30, 100),
                  .jitter = 10ms},
                 1);
  ASSERT_EQ(run(run_.simulation), RunEnd::kIdle);
  EXPECT_EQ(run_.greeter.result().greeted, kRequests);
  EXPECT_EQ(run_.greeter.result().attempts, kRequests);
  const ClientCounters& client = run_.greeter.client().counters();
  EXPECT_EQ(client.received, kRequests + client.unexpected);
  const double expected = kRequests * (1.3 * 1.3 - 1);
  EXPECT_NEAR(static_cast<double>(client.unexpected), expected, expected / 20);
}

// A corrupted greeting is another name's, or none: the client never takes it for its own, though a
// request whose flipped bit makes it no text is never answered.
TEST(Simulation, CorruptionIsNeverTakenForAGreeting) {
  constexpr std::uint64_t kRequests = 20'000;
  Greeter greeter(paced(1), Names(kRequests));
  Server server;
  Simulation simulation;
  simulation.add(greeter, kClientAddress);
  simulation.add(server, kServerAddress);
  simulation.path(
      simulation.host_at(kClientAddress), simulation.host_at(kServerAddress),
      make_link({.delay = 2ms}),
      make_link({.delay = 2ms}, {.corrupt = Probability::ratio(1, 1)}, 1, Direction::kDownlink));
  ASSERT_EQ(run(simulation), RunEnd::kIdle);
  // All answers differ from what was asked for in one bit. A few turn one guest into another who
  // was asked for too and still waits, and whom the server did answer.
  const ClientCounters& client = greeter.client().counters();
  EXPECT_EQ(client.received, kRequests);
  EXPECT_EQ(greeter.result().greeted + client.unexpected + client.refused[0] + client.refused[1] +
                client.refused[2] + client.refused[3],
            kRequests);
  EXPECT_LT(greeter.result().greeted, kRequests / 4);
  EXPECT_GT(client.refused[static_cast<std::size_t>(Malformed::kNotUtf8)], 0U);
  EXPECT_GT(client.refused[static_cast<std::size_t>(Malformed::kNotAGreeting)], 0U);
}

// Many clients on one server, each on a path of its own: all are served, nobody's loss is anybody
// else's, and each runs as it would alone.
TEST(Simulation, ManyClientsOnOneServer) {
  constexpr std::uint16_t kClients = 50;
  const auto address = [](std::uint16_t i) {
    return Address::v4({192, 0, 2, 1}, static_cast<std::uint16_t>(40'000 + i));
  };
  const auto impairments = [](std::uint16_t i) {
    return Impairments{.loss = RandomLoss{Probability::ratio(i, 100)},
                       .duplicate = Probability::ratio(i, 100)};
  };
  const LinkOptions link{.delay = 20ms};
  const auto make = [] {
    return std::make_unique<Greeter>(
        GreeterOptions{.client = {.server = kServerAddress, .retry = {.attempts_max = 60}}},
        Names(20));
  };
  std::vector<std::unique_ptr<Greeter>> greeters;
  std::vector<Path> paths;
  Server server;
  Simulation simulation;
  simulation.add(server, kServerAddress);
  for (std::uint16_t i = 0; i < kClients; ++i) {
    greeters.push_back(make());
    simulation.add(*greeters.back(), address(i));
    paths.push_back(join(simulation, link, impairments(i), i, address(i)));
  }
  ASSERT_EQ(run(simulation), RunEnd::kIdle);
  std::uint64_t answered = 0;
  for (std::uint16_t i = 0; i < kClients; ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(greeters[i]->result().greeted, 20U);
    answered += simulation.link(paths[i].back).counters().offered;

    const auto alone = make();
    Server own_server;
    Simulation own;
    own.add(own_server, kServerAddress);
    own.add(*alone, address(i));
    const Path path = join(own, link, impairments(i), i, address(i));
    ASSERT_EQ(run(own), RunEnd::kIdle);
    EXPECT_EQ(alone->result().attempts, greeters[i]->result().attempts);
    for (const Direction direction : {Direction::kUplink, Direction::kDownlink}) {
      EXPECT_EQ(own.link(path[direction]).counters().lost(),
                simulation.link(paths[i][direction]).counters().lost());
    }
  }
  EXPECT_EQ(server.counters().answered, answered);
  EXPECT_EQ(simulation.unroutable(), 0U);
}

// What happened in a run, event by event; in one go or stopped at many deadlines.
Strings trace_of(std::uint64_t seed, Duration pause = Duration::zero()) {
  Trace trace;
  Greetings run_(paced(3, 3ms), Names(500), kSlowLink, everything(), seed);
  run_.simulation.observe(trace);
  Instant deadline = pause > Duration::zero() ? Instant{} : Instant::max();
  while (run(run_.simulation, deadline) == RunEnd::kDeadline) deadline += pause;
  EXPECT_TRUE(run_.greeter.done());
  return trace.lines;
}

// The same run twice is the same, event by event, also when it is stopped and goes on; another seed
// is another run.
TEST(Simulation, TheSameSeedIsTheSameRun) {
  const Strings once = trace_of(4);
  EXPECT_GT(once.size(), 1500U);
  EXPECT_EQ(trace_of(4), once);
  EXPECT_EQ(trace_of(4, 777us), once);
  EXPECT_NE(trace_of(5), once);
}

// What a random run did, written down as faults, gives the same run again, event by event.
TEST(Simulation, AListIsTheSameRun) {
  for (const bool keeps_order : {false, true}) {
    struct Saver final : Observer {
      void on_offered(Instant, const Passage& passage, const Offer& offer) override {
        if (offer.fate->is_plain()) return;
        faults += format_fault(passage.direction, offer.number, *offer.fate) + '\n';
      }
      std::string faults;
    };
    LinkOptions link = kSlowLink;
    link.keeps_order = keeps_order;
    Saver saver;
    Trace random;
    Greetings run_(paced(3, 3ms), Names(500), link, everything(), 4);
    run_.simulation.observe(saver);
    run_.simulation.observe(random);
    ASSERT_EQ(run(run_.simulation), RunEnd::kIdle);

    const FaultList list = FaultList::parse(saver.faults);
    Trace listed;
    Greeter greeter(paced(3, 3ms), Names(500));
    Server server;
    Simulation simulation;
    simulation.add(greeter, kClientAddress);
    simulation.add(server, kServerAddress);
    simulation.observe(listed);
    simulation.path(simulation.host_at(kClientAddress), simulation.host_at(kServerAddress),
                    Link(link, std::make_unique<ListedFates>(list, Direction::kUplink)),
                    Link(link, std::make_unique<ListedFates>(list, Direction::kDownlink)));
    ASSERT_EQ(run(simulation), RunEnd::kIdle);
    EXPECT_EQ(listed.lines, random.lines);
  }
}

// IPv6 is the same with other addresses and headers.
TEST(Simulation, GreetsOverIpv6) {
  const Address client = *Address::parse("[2001:db8::1]:40000");
  const Address server_address = *Address::parse("[2001:db8::2]:9999");
  Greeter greeter({.client = {.server = server_address}},
                  Names(std::vector<std::string>{"Michael", "Tracy", "Sarah"}));
  Server server;
  Trace trace;
  Simulation simulation;
  simulation.add(greeter, client);
  simulation.add(server, server_address);
  simulation.observe(trace);
  const LinkOptions link{.rate = {.bits_per_second = 8000}, .header_bytes = 48};
  join(simulation, link, {}, 4, client, server_address);
  EXPECT_EQ(run(simulation), RunEnd::kIdle);
  EXPECT_EQ(greeter.result().greeted, 3U);
  // 1 ms a byte: 55 for the request, 63 for the answer.
  EXPECT_EQ(greeter.result().rtt.max(), 118ms);
  EXPECT_EQ(trace.lines.front(),
            "0 0 [2001:db8::1]:40000>[2001:db8::2]:9999 1 sent uplink.1:deliver \"Michael\"");
}

}  // namespace
}  // namespace lossy
