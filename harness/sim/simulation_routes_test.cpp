// Networks that are more than pairs: links that are shared, routes, partitions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <lossy/harness/sim/nodes_for_test.hpp>
#include <lossy/harness/sim/simulation.hpp>

namespace lossy {
namespace {

using testing::ElementsAre;

// As many nodes as asked for, at 192.0.2.1, .2 and so on.
struct Nodes {
  explicit Nodes(std::size_t count) : nodes(count) {
    for (std::size_t i = 0; i < count; ++i) {
      hosts.push_back(simulation.add(nodes[i], at(i)));
    }
  }
  static Address at(std::size_t i) { return host_address(static_cast<std::uint8_t>(i + 1)); }
  Node& operator[](std::size_t i) { return nodes[i]; }

  std::deque<Node> nodes;
  std::vector<HostId> hosts;
  Simulation simulation;
};

// Flows that share a link share its rate: 100 bytes with headers at 80 kbit/s are 10 ms each,
// whoever sends them. Each has links of its own behind it.
TEST(Routes, ShareTheRateOfALink) {
  Nodes nodes(4);
  const LinkId bottleneck = nodes.simulation.add_link(
      make_link(LinkOptions{.rate = {.bits_per_second = 80'000}, .queue_datagrams_max = 2}));
  const LinkId near = nodes.simulation.add_link(wire(5ms));
  nodes.simulation.route(nodes.hosts[0], nodes.hosts[2], {bottleneck, near});
  nodes.simulation.route(nodes.hosts[1], nodes.hosts[3], {bottleneck});
  const std::string payload(72, 'x');
  for (int i = 0; i < 2; ++i) {
    nodes[0].send(Nodes::at(2), payload);
    nodes[1].send(Nodes::at(3), payload);
  }
  EXPECT_EQ(run(nodes.simulation), RunEnd::kIdle);
  // The first host is polled first: its two, then one of the other's, which finds room for one.
  EXPECT_THAT(nodes[2].log, ElementsAre("15ms " + payload, "25ms " + payload));
  EXPECT_THAT(nodes[3].log, ElementsAre("30ms " + payload));
  const LinkCounters& counters = nodes.simulation.link(bottleneck).counters();
  EXPECT_EQ(counters.offered, 4U);
  EXPECT_EQ(counters.lost_by[static_cast<std::size_t>(LossReason::kQueue)], 1U);
}

// A route adds up its links' delays, and the way back may be another.
TEST(Routes, GoOverSeveralLinks) {
  Nodes nodes(2);
  std::vector<LinkId> links;
  for (int i = 0; i < 3; ++i) links.push_back(nodes.simulation.add_link(wire(10ms)));
  const LinkId satellite = nodes.simulation.add_link(wire(300ms));
  nodes.simulation.route(nodes.hosts[0], nodes.hosts[1], links);
  nodes.simulation.route(nodes.hosts[1], nodes.hosts[0], {satellite});
  nodes[0].send(Nodes::at(1), "there", std::nullopt, Ecn::kEct1);
  nodes[1].on_datagram = [&](const Datagram& datagram) { nodes[1].send(datagram.source, "back"); };
  run(nodes.simulation);
  EXPECT_THAT(nodes[1].log, ElementsAre("30ms there"));
  EXPECT_EQ(nodes[1].last.source, Nodes::at(0));
  EXPECT_EQ(nodes[1].last.ecn, Ecn::kEct1);
  EXPECT_THAT(nodes[0].log, ElementsAre("330ms back"));
}

// Copies made and bytes damaged on one link of a route pass the next as they are.
TEST(Routes, KeepWhatHappenedOnTheWay) {
  Nodes nodes(2);
  const FaultList faults = FaultList::parse("uplink.1:duplicate+1ms^0");
  const LinkId first = nodes.simulation.add_link(
      Link(LinkOptions{}, std::make_unique<ListedFates>(faults, Direction::kUplink)));
  const LinkId second = nodes.simulation.add_link(wire(10ms));
  nodes.simulation.route(nodes.hosts[0], nodes.hosts[1], {first, second});
  nodes[0].send(Nodes::at(1), "abc");
  run(nodes.simulation);
  EXPECT_EQ(nodes[1].log.size(), 2U);
  EXPECT_EQ(nodes.simulation.link(second).counters().offered, 2U);
}

// What is under way keeps its route; what is sent then takes the new one.
TEST(Routes, MayChange) {
  Nodes nodes(2);
  const LinkId slow = nodes.simulation.add_link(wire(50ms));
  const LinkId fast = nodes.simulation.add_link(wire(10ms));
  nodes.simulation.route(nodes.hosts[0], nodes.hosts[1], {slow});
  nodes[0].send(Nodes::at(1), "slow");
  nodes.simulation.at(Instant(5ms), nodes.hosts[0], [&] {
    nodes.simulation.route(nodes.hosts[0], nodes.hosts[1], {fast});
    nodes[0].send(Nodes::at(1), "fast");
  });
  run(nodes.simulation);
  EXPECT_THAT(nodes[1].log, ElementsAre("15ms fast", "50ms slow"));
}

// So do answers, to whoever was answered on the old one; and an address that moves is answered
// where it is.
TEST(Routes, OfAnswersMayChange) {
  Nodes nodes(2);
  const LinkId there = nodes.simulation.add_link(wire(10ms));
  const LinkId slow = nodes.simulation.add_link(wire(50ms));
  const LinkId fast = nodes.simulation.add_link(wire(5ms));
  nodes.simulation.route(nodes.hosts[0], nodes.hosts[1], {there});
  nodes.simulation.route(nodes.hosts[1], nodes.hosts[0], {slow});
  nodes[1].on_datagram = [&](const Datagram& datagram) {
    nodes[1].send(datagram.source, "answer");
  };
  const auto ask = [&] { nodes[0].send(Nodes::at(1), "question"); };
  for (const Duration when : {0ms, 100ms, 200ms, 300ms}) {
    nodes.simulation.at(Instant(when), nodes.hosts[0], ask);
  }
  nodes.simulation.at(Instant(150ms),
                      [&] { nodes.simulation.route(nodes.hosts[1], nodes.hosts[0], {fast}); });
  nodes.simulation.at(Instant(250ms), [&] {
    nodes.simulation.change_address(nodes.hosts[0], Nodes::at(0), host_address(9));
  });
  run(nodes.simulation);
  EXPECT_THAT(nodes[0].log,
              ElementsAre("60ms answer", "160ms answer", "215ms answer", "315ms answer"));
  EXPECT_EQ(nodes[0].last.destination, host_address(9));
}

// A partition keeps its sides apart and each together, until it heals; partitions add up.
TEST(Routes, ArePartitioned) {
  constexpr std::size_t kNodes = 5;
  const auto reached = [](auto&& partition) {
    Nodes nodes(kNodes);
    for (std::size_t a = 0; a < kNodes; ++a) {
      for (std::size_t b = 0; b < a; ++b) {
        nodes.simulation.path(nodes.hosts[a], nodes.hosts[b], wire(1ms), wire(1ms));
      }
    }
    partition(nodes);
    for (std::size_t a = 0; a < kNodes; ++a) {
      for (std::size_t b = 0; b < kNodes; ++b) {
        if (a != b) nodes[a].send(Nodes::at(b), std::to_string(a));
      }
    }
    run(nodes.simulation);
    Strings heard;
    for (std::size_t b = 0; b < kNodes; ++b) {
      std::string from;
      for (const std::string& line : nodes[b].log) from += line.back();
      std::ranges::sort(from);
      heard.push_back(from);
    }
    return heard;
  };
  EXPECT_THAT(reached([](Nodes&) {}), ElementsAre("1234", "0234", "0134", "0124", "0123"));
  const auto split = [](Nodes& nodes) {
    nodes.simulation.partition({nodes.hosts[0], nodes.hosts[3]});
  };
  EXPECT_THAT(reached(split), ElementsAre("3", "24", "14", "0", "12"));
  EXPECT_THAT(reached([&](Nodes& nodes) {
                split(nodes);
                nodes.simulation.partition({nodes.hosts[3], nodes.hosts[4]});
              }),
              ElementsAre("", "2", "1", "", ""));
  EXPECT_THAT(reached([&](Nodes& nodes) {
                split(nodes);
                nodes.simulation.heal();
              }),
              ElementsAre("1234", "0234", "0134", "0124", "0123"));
}

// A link that is cut loses what it is offered as an outage does, and moves no other fate.
TEST(Routes, AreCut) {
  Nodes nodes(2);
  const Path path = nodes.simulation.path(nodes.hosts[0], nodes.hosts[1], wire(10ms), wire(10ms));
  for (int i = 0; i < 4; ++i) {
    nodes.simulation.at(Instant(i * 10ms), nodes.hosts[0], [&nodes, &path, i] {
      nodes.simulation.set_cut(path.there, i == 1 || i == 2);
      nodes[0].send(Nodes::at(1), std::to_string(i));
    });
  }
  run(nodes.simulation);
  EXPECT_THAT(nodes[1].log, ElementsAre("10ms 0", "40ms 3"));
  EXPECT_EQ(nodes.simulation.link(path.there)
                .counters()
                .lost_by[static_cast<std::size_t>(LossReason::kOutage)],
            2U);
}

}  // namespace
}  // namespace lossy
