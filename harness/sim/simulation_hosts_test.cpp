// What hosts are: their addresses, ports, clocks, and what happens to them in time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include <lossy/harness/sim/nodes_for_test.hpp>
#include <lossy/harness/sim/simulation.hpp>

namespace lossy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Address kA = host_address(1);
const Address kB = host_address(2);

// Two nodes, 10 ms apart.
struct TwoNodes {
  explicit TwoNodes(HostOptions options_a = {.addresses = {kA}},
                    HostOptions options_b = {.addresses = {kB}})
      : at_a(simulation.add(a, std::move(options_a))),
        at_b(simulation.add(b, std::move(options_b))),
        path(simulation.path(at_a, at_b, wire(10ms), wire(10ms))) {}

  Node a;
  Node b;
  Simulation simulation;
  HostId at_a;
  HostId at_b;
  Path path;
};

// An endpoint learns which of its addresses was asked, and answers from any of them, a new port of
// a host that has every port among them. ECN bits travel both ways.
TEST(Hosts, AddressesTravelBothWays) {
  const Address second = host_address(3, 2000);
  const Address every_port = host_address(2, 0);
  const Address transfer = host_address(2, 34'567);
  TwoNodes two({.addresses = {kA}}, {.addresses = {every_port, second}});
  two.a.send(host_address(2, 69), "read", std::nullopt, Ecn::kEct0).send(second, "other");
  two.b.on_datagram = [&](const Datagram& datagram) {
    if (datagram.destination == second) {
      two.b.send(datagram.source, "from second", datagram.destination, Ecn::kCe);
    } else if (datagram.destination != transfer) {
      EXPECT_EQ(datagram.destination, host_address(2, 69));
      EXPECT_EQ(datagram.ecn, Ecn::kEct0);
      two.b.send(datagram.source, "data", transfer);
    }
  };
  std::vector<Address> sources;
  two.a.on_datagram = [&](const Datagram& datagram) {
    sources.push_back(datagram.source);
    if (datagram.source == transfer) two.a.send(transfer, "acknowledged");
  };
  EXPECT_EQ(run(two.simulation), RunEnd::kIdle);
  EXPECT_THAT(two.a.log, ElementsAre("20ms data", "20ms from second"));
  EXPECT_THAT(sources, ElementsAre(transfer, second));
  EXPECT_EQ(two.a.last.ecn, Ecn::kCe);
  EXPECT_THAT(two.b.log, ElementsAre("10ms read", "10ms other", "30ms acknowledged"));
  EXPECT_EQ(two.b.last.destination, transfer);
}

// Of several addresses, what is sent leaves from the first of its family.
TEST(Hosts, LeaveFromTheirFirstAddress) {
  const Address a6 = *Address::parse("[2001:db8::1]:1000");
  const Address b6 = *Address::parse("[2001:db8::2]:1000");
  TwoNodes two({.addresses = {kA, host_address(3), a6}}, {.addresses = {kB, b6}});
  std::vector<Address> sources;
  two.b.on_datagram = [&](const Datagram& datagram) { sources.push_back(datagram.source); };
  two.a.send(kB, "four").send(b6, "six");
  run(two.simulation);
  EXPECT_THAT(sources, ElementsAre(kA, a6));
}

// A host without an address of the family cannot send there; an address that it has not is its
// mistake, and named.
TEST(Hosts, SendFromTheirOwnAddressesOnly) {
  TwoNodes two({.addresses = {kA}, .name = "the client"},
               {.addresses = {kB, *Address::parse("[2001:db8::2]:1000")}});
  two.a.send(*Address::parse("[2001:db8::2]:1000"), "six");
  run(two.simulation);
  EXPECT_EQ(two.simulation.unroutable(), 1U);
  two.a.send(kB, "forged", host_address(9));
  try {
    run(two.simulation);
    FAIL();
  } catch (const std::logic_error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("the client"), HasSubstr("192.0.2.9:1000")));
  }
}

// Where the host is there and nobody has the port, the sender is told; observers see a loss.
TEST(Hosts, RefusePortsThatNobodyHas) {
  TwoNodes two({.addresses = {kA}}, {.addresses = {kB, host_address(3, 0)}});
  struct Losses final : Observer {
    void on_lost(Instant now, const Passage& passage, std::uint64_t number,
                 std::string_view why) override {
      log.push_back(ms(now) + ' ' + passage.destination.to_string() + ' ' + std::to_string(number) +
                    ' ' + std::string(why));
    }
    Strings log;
  } losses;
  two.simulation.observe(losses);
  two.b.closed = host_address(3, 5);
  two.a.send(host_address(2, 7), "closed").send(host_address(3, 5), "closed, too");
  two.a.send(host_address(3, 6), "open");
  run(two.simulation);
  EXPECT_THAT(two.a.log, ElementsAre("20ms refused by 192.0.2.2:7", "20ms refused by 192.0.2.3:5"));
  EXPECT_THAT(two.b.log, ElementsAre("10ms open"));
  EXPECT_EQ(two.simulation.refused(), 2U);
  EXPECT_THAT(losses.log, ElementsAre("10ms 192.0.2.2:7 1 refused", "10ms 192.0.2.3:5 2 refused"));
}

// A host that is down hears nothing and its timers stand still; it comes back as whoever is put
// there, and its peers need not know.
TEST(Hosts, GoDownAndRestart) {
  TwoNodes two;
  Node fresh;
  two.b.timeout = Instant(15ms);
  two.simulation.at(Instant(5ms), [&] { two.simulation.down(two.at_b); });
  two.simulation.at(Instant(30ms), [&] { two.simulation.up(two.at_b, fresh); });
  fresh.send(kA, "hello");
  for (const Duration when : {0ms, 10ms, 25ms, 40ms}) {
    two.simulation.at(Instant(when), two.at_a, [&two, when] { two.a.send(kB, ms(Instant(when))); });
  }
  EXPECT_EQ(run(two.simulation), RunEnd::kIdle);
  EXPECT_THAT(two.b.log, ElementsAre());
  EXPECT_THAT(fresh.log, ElementsAre("35ms 25ms", "50ms 40ms"));
  EXPECT_THAT(two.a.log, ElementsAre("40ms hello"));
  EXPECT_EQ(two.simulation.unheard(), 2U);
}

// A host whose address changes, as behind a NAT, is seen at the new one; what is under way to the
// old one is lost, and what is sent there has no way to go.
TEST(Hosts, ChangeTheirAddress) {
  const Address moved = host_address(1, 4321);
  TwoNodes two;
  std::vector<Address> sources;
  two.b.on_datagram = [&](const Datagram& datagram) { sources.push_back(datagram.source); };
  two.a.send(kB, "before");
  two.b.send(kA, "to the old one");
  two.simulation.at(Instant(5ms), two.at_a, [&] {
    two.simulation.change_address(two.at_a, kA, moved);
    two.a.send(kB, "after");
  });
  two.simulation.at(Instant(20ms), two.at_b, [&] { two.b.send(moved, "to the new one"); });
  two.simulation.at(Instant(21ms), two.at_b, [&] { two.b.send(kA, "nobody"); });
  run(two.simulation);
  EXPECT_THAT(sources, ElementsAre(kA, moved));
  EXPECT_THAT(two.a.log, ElementsAre("30ms to the new one"));
  EXPECT_EQ(two.simulation.unheard() + two.simulation.refused(), 2U);
}

// Endpoints live in their host's time: what they are told, and when their timeouts are.
TEST(Hosts, HaveClocksOfTheirOwn) {
  TwoNodes two({.addresses = {kA}, .clock = HostClock(1h)},
               {.addresses = {kB}, .clock = HostClock(0s, 100'000)});
  two.a.timeout = Instant(1h + 50ms);
  two.a.on_timeout = [&] { two.a.send(kB, "x"); };
  two.b.timeout = Instant(110ms);  // After 100 ms of true time.
  run(two.simulation);
  EXPECT_THAT(two.a.log, ElementsAre("3600050ms woke"));
  EXPECT_THAT(two.b.log, ElementsAre("66ms x", "110ms woke"));
  EXPECT_EQ(two.simulation.now(), Instant(100ms));
}

// What is asked for at a time happens then, though nothing else does, before what else happens at
// that time, and in the order asked.
TEST(Simulation, HappensWhenAsked) {
  TwoNodes two;
  Strings order;
  two.b.on_datagram = [&](const Datagram&) { order.push_back("arrives"); };
  two.b.timeout = Instant(20ms);
  two.b.on_timeout = [&] { order.push_back("wakes"); };
  two.simulation.at(Instant(10ms), two.at_a, [&] { two.a.send(kB, "early"); });
  for (const char* name : {"first", "second"}) {
    two.simulation.at(Instant(20ms), [&, name] { order.push_back(name); });
  }
  two.simulation.at(Instant(5s), two.at_a, [&] {
    EXPECT_EQ(two.simulation.now(), Instant(5s));
    two.a.send(kB, "late");
    two.simulation.at(Instant(6s), two.at_a, [&] { two.a.send(kB, "later"); });
  });
  EXPECT_EQ(run(two.simulation), RunEnd::kIdle);
  EXPECT_THAT(order, ElementsAre("first", "second", "arrives", "wakes", "arrives", "arrives"));
  EXPECT_THAT(two.b.log, ElementsAre("20ms early", "20ms woke", "5010ms late", "6010ms later"));
  EXPECT_EQ(two.simulation.events(), 9U);
  EXPECT_THROW(two.simulation.at(Instant(1s), [] {}), std::logic_error);
}

// A host of which something is asked from outside during a run is polled when somebody says so.
TEST(Simulation, PollsWhoIsAsked) {
  TwoNodes two;
  two.a.timeout = Instant(5ms);
  two.a.on_timeout = [&] {
    two.b.send(kA, "asked");
    two.simulation.poll(two.at_b);
  };
  run(two.simulation);
  EXPECT_THAT(two.a.log, ElementsAre("5ms woke", "15ms asked"));
}

// Hosts and paths may be added in the middle of a run, by an endpoint that is being called.
TEST(Simulation, GrowsWhileItRuns) {
  TwoNodes two;
  std::deque<Node> more;
  two.b.on_datagram = [&](const Datagram& datagram) {
    const auto host = static_cast<std::uint8_t>(100 + more.size());
    Node& node = more.emplace_back();
    const HostId at = two.simulation.add(node, host_address(host));
    two.simulation.path(at, two.at_b, wire(1ms), wire(1ms));
    node.send(kB, "number " + std::to_string(host));
    if (more.size() < 50) two.b.send(datagram.source, "welcome");
  };
  two.a.send(kB, "first");
  EXPECT_EQ(two.simulation.run_until([&] { return two.b.log.size() == 51; }, Instant::max()),
            RunEnd::kPredicate);
  EXPECT_EQ(two.b.log.back(), "60ms number 149");
  EXPECT_EQ(more.front().log, Strings{"12ms welcome"});
}

// A run within a run cannot be meant, and leaves the simulation as it was.
TEST(Simulation, RunsOnceAtATime) {
  TwoNodes two;
  two.simulation.at(Instant(1ms), [&] { run(two.simulation); });
  EXPECT_THROW(run(two.simulation), std::logic_error);
  two.a.send(kB, "still there");
  EXPECT_EQ(run(two.simulation), RunEnd::kIdle);
  EXPECT_EQ(two.b.log.size(), 1U);
}

// An endpoint whose timeout stays in the past, or that never stops sending, ends the run soon, and
// is named.
TEST(Simulation, NamesWhoIsStuck) {
  struct Stuck final : Endpoint {
    explicit Stuck(bool its_sends) : sends(its_sends) {}
    void handle_datagram(Instant, const Datagram&) override {}
    void handle_timeout(Instant) override { ++timeouts; }
    std::optional<Transmit> poll_transmit(Instant, std::span<std::byte>) override {
      if (sends) return Transmit{.destination = kA};
      return std::nullopt;
    }
    std::optional<Instant> poll_timeout() const override { return Instant(5ms); }
    bool sends;
    std::uint64_t timeouts = 0;
  };
  for (const bool sends : {false, true}) {
    Node client;
    Stuck stuck(sends);
    Simulation simulation({.burst_max = 1000, .timeouts_at_once_max = 1000});
    simulation.add(client, kA);
    simulation.add(stuck, kB);
    EXPECT_EQ(run(simulation), RunEnd::kStuck);
    EXPECT_THAT(simulation.trouble(),
                AllOf(HasSubstr("192.0.2.2:1000"), HasSubstr(sends ? "sending" : "timeout")));
    EXPECT_EQ(stuck.timeouts, sends ? 0U : 1000U);
  }
  TwoNodes two;
  run(two.simulation);
  EXPECT_EQ(two.simulation.trouble(), "");
}

// Errors name the host or the address.
TEST(Simulation, ErrorsNameTheHost) {
  TwoNodes two;
  Node third;
  const auto error_of = [](auto&& call) -> std::string {
    try {
      call();
    } catch (const std::logic_error& error) {
      return error.what();
    }
    return "no error";
  };
  Simulation& simulation = two.simulation;
  EXPECT_THAT(error_of([&] { simulation.add(third, kB); }), HasSubstr("192.0.2.2:1000"));
  EXPECT_THAT(error_of([&] { simulation.add(third, HostOptions{}); }), HasSubstr("address"));
  EXPECT_THAT(error_of([&] { (void)simulation.host_at(host_address(9)); }),
              HasSubstr("192.0.2.9:1000"));
  EXPECT_THAT(error_of([&] { simulation.route(two.at_a, two.at_a, {two.path.there}); }),
              HasSubstr("192.0.2.1:1000"));
  EXPECT_THAT(error_of([&] { simulation.route(two.at_a, two.at_b, {}); }),
              HasSubstr("192.0.2.2:1000"));
  EXPECT_THAT(error_of([&] {
                simulation.route(two.at_a, two.at_b, {two.path.there, two.path.there});
              }),
              HasSubstr("twice"));
  EXPECT_THAT(error_of([&] { simulation.path(two.at_a, two.at_b, wire(0s), wire(0s)); }),
              HasSubstr("192.0.2.1:1000"));
  EXPECT_THAT(error_of([&] { simulation.change_address(two.at_a, kB, kA); }),
              HasSubstr("192.0.2.2:1000"));
  EXPECT_THAT(error_of([&] { simulation.down(HostId{7}); }), HasSubstr("host 7"));
  EXPECT_THAT(error_of([&] { simulation.set_cut(LinkId{7}, true); }), HasSubstr("link 7"));
}

}  // namespace
}  // namespace lossy
