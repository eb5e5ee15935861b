// Membership over simulated networks: who is seen by whom, and when.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <lossy/core/membership/node.hpp>
#include <lossy/core/membership/protocol.hpp>
#include <lossy/harness/link/link_model.hpp>
#include <lossy/harness/link/netem.hpp>
#include <lossy/harness/sim/property_check.hpp>
#include <lossy/harness/sim/simulation.hpp>

namespace lossy::membership {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

Address address_of(std::size_t node) {
  return Address::v4({192, 0, 2, static_cast<std::uint8_t>(node + 1)}, 7946);
}

// Nodes that are all joined to each other by the same line.
class Group {
 public:
  Group(std::size_t nodes, const std::string& netem, Duration rests_after, std::uint64_t seed = 1) {
    for (std::size_t i = 0; i < nodes; ++i) {
      NodeOptions options{.self = address_of(i), .seed = seed * 1000 + i};
      if (i > 0) options.contact = address_of(0);
      options.rests_at = Instant{} + rests_after;
      nodes_.push_back(std::make_unique<Node>(options));
      hosts_.push_back(simulation.add(*nodes_.back(), address_of(i)));
    }
    std::uint64_t path = 0;
    for (std::size_t to = 1; to < nodes; ++to) {
      for (std::size_t from = 0; from < to; ++from, ++path) {
        paths.push_back(simulation.path(hosts_[from], hosts_[to],
                                        make_link(netem, seed, Direction::kUplink, path),
                                        make_link(netem, seed, Direction::kDownlink, path)));
      }
    }
  }

  void run_until(Duration until) {
    simulation.run_until([] { return false; }, Instant{} + until);
  }
  RunEnd run() {
    return simulation.run_until([] { return false; }, Instant::max());
  }
  Node& node(std::size_t i) { return *nodes_.at(i); }
  HostId host(std::size_t i) const { return hosts_.at(i); }
  std::size_t size() const { return nodes_.size(); }
  // The members of every node, which are the same.
  void expect_members(const std::vector<std::size_t>& members, std::size_t besides = ~0U) {
    std::vector<Address> expected;
    for (const std::size_t member : members) expected.push_back(address_of(member));
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (i != besides) {
        EXPECT_EQ(node(i).members(), expected) << "of node " << i;
      }
    }
  }

  Simulation simulation;
  std::vector<Path> paths;  // The first is between the first two nodes.

 private:
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<HostId> hosts_;
};

TEST(Membership, AllAreInWithinAFewPeriods) {
  Group group(5, "delay 20ms", 10s);
  EXPECT_EQ(group.run(), RunEnd::kIdle);
  group.expect_members({0, 1, 2, 3, 4});
  for (std::size_t i = 0; i < group.size(); ++i) {
    ASSERT_TRUE(group.node(i).joined());
    EXPECT_EQ(*group.node(i).joined() - Instant{}, i == 0 ? 0ms : 40ms);
    EXPECT_EQ(group.node(i).counters().suspicions, 0U);
    EXPECT_EQ(group.node(i).incarnation(), 0U);
  }
}

// One that falls silent is suspected within a round of pings, and gone four periods later.
TEST(Membership, WhoFallsSilentIsGone) {
  Group group(5, "delay 20ms", 60s);
  group.simulation.at(Instant{} + 10s, [&] { group.simulation.down(group.host(3)); });
  group.run_until(12s);
  std::size_t suspects = 0;
  for (std::size_t i = 0; i < group.size(); ++i) suspects += group.node(i).counters().suspicions;
  EXPECT_GT(suspects, 0U);
  group.run();
  group.expect_members({0, 1, 2, 4}, 3);
}

// A path that is broken between two alone hides nobody: others ask for them.
TEST(Membership, OneBrokenPathHidesNobody) {
  Group group(4, "delay 20ms", 60s);
  group.run_until(5s);
  group.simulation.set_cut(group.paths[0].there, true);
  group.simulation.set_cut(group.paths[0].back, true);
  group.run();
  group.expect_members({0, 1, 2, 3});
  EXPECT_GT(group.node(0).counters().unanswered, 0U);
  for (std::size_t i = 0; i < group.size(); ++i) {
    EXPECT_EQ(group.node(i).counters().suspicions, 0U) << i;
  }
}

// A network that comes apart makes two groups, and one that comes together one, within the bound;
// those that were given up say with a higher incarnation that they are there.
TEST(Membership, BothSidesOfAPartitionFindEachOther) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Group group(5, "delay 20ms 10ms", 120s, seed);
    group.simulation.at(Instant{} + 10s, [&] {
      group.simulation.partition({group.host(3), group.host(4)});
    });
    group.run_until(40s);
    for (const std::size_t i : {0U, 1U, 2U}) {
      EXPECT_THAT(group.node(i).members(),
                  ElementsAre(address_of(0), address_of(1), address_of(2)));
    }
    for (const std::size_t i : {3U, 4U}) {
      EXPECT_THAT(group.node(i).members(), ElementsAre(address_of(3), address_of(4)));
    }
    group.simulation.heal();
    group.run();
    group.expect_members({0, 1, 2, 3, 4});
    EXPECT_GT(group.node(0).counters().refutations, 0U);
  }
}

// Who joins later hears of all who are in; who comes back is taken in again.
TEST(Membership, LateOnesAndThoseThatComeBack) {
  Group group(12, "delay 20ms loss 5%", 300s, 3);
  group.simulation.at(Instant{} + 20s, [&] { group.simulation.down(group.host(7)); });
  group.simulation.at(Instant{} + 60s, [&] { group.simulation.up(group.host(7), group.node(7)); });
  EXPECT_EQ(group.run(), RunEnd::kIdle);
  for (std::size_t i = 0; i < group.size(); ++i) {
    EXPECT_EQ(group.node(i).members().size(), 12U) << i;
  }
}

// The protocol's own properties, over a network that is bad for half a minute, whatever it does.
TEST(Membership, ANetworkThatHealsIsSeenAlikeByAll) {
  const Protocol& membership = protocol();
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    RunPlan plan;
    for (const Setting& setting : membership.settings) {
      if (setting.initial) plan.settings[setting.name] = *setting.initial;
    }
    plan.settings["run-for"] = Duration(150s).count();
    if (seed % 3 == 0) plan.settings["crash-at"] = Duration(20s).count();
    for (std::size_t i = 0; i < 5; ++i) plan.addresses.push_back(address_of(i));
    plan.settings["order"] = static_cast<std::int64_t>(seed);
    std::size_t told = 0;
    const auto run =
        membership.make_run(plan, [&](const RunEvent& event) { told += event.is_good; });
    PropertyCheck check(membership.properties, *run);
    Simulation simulation;
    std::vector<HostId> hosts;
    for (std::size_t i = 0; i < 5; ++i) {
      hosts.push_back(simulation.add(run->endpoint(i), plan.addresses[i]));
    }
    Timeline<LinkSettings> bad_at_first(
        parse_netem("delay 30ms 25ms loss 40% duplicate 20% reorder 20% 50%", {}));
    bad_at_first.add(Instant{} + 30s, parse_netem("delay 30ms", {}));
    std::uint64_t path = 0;
    for (std::size_t to = 1; to < 5; ++to) {
      for (std::size_t from = 0; from < to; ++from, ++path) {
        simulation.path(
            hosts[from], hosts[to],
            make_link(link_model(bad_at_first, kHeaderBytesV4), seed, Direction::kUplink, path),
            make_link(link_model(bad_at_first, kHeaderBytesV4), seed, Direction::kDownlink, path));
      }
    }
    simulation.observe(check);
    const RunEnd end =
        simulation.run_until([&] { return !check.holds(simulation.now()); }, Instant::max());
    EXPECT_EQ(end, RunEnd::kIdle);
    EXPECT_TRUE(check.holds_at_rest(simulation.now()))
        << (check.broken() != nullptr ? check.broken()->name : "");
    EXPECT_EQ(told, 5U);
  }
}

}  // namespace
}  // namespace lossy::membership
