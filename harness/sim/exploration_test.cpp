#include <lossy/harness/sim/exploration.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <lossy/core/greeting/protocol.hpp>
#include <lossy/core/membership/protocol.hpp>
#include <lossy/core/tftp/protocol.hpp>
#include <lossy/harness/sim/host_addresses.hpp>
#include <lossy/harness/sim/property_check.hpp>

namespace lossy {
namespace {

RunPlan plan_with(const Protocol& protocol, const std::string& words) {
  RunPlan plan =
      plan_of(protocol,
              parse_network_script(protocol, "script 2\nprotocol " + protocol.name + '\n' + words));
  place_hosts(plan, protocol.hosts(plan));
  return plan;
}

// All sets that it tries, in its order.
std::vector<std::string> sets_of(Exploration& exploration) {
  std::vector<std::string> sets;
  while (exploration.next()) sets.push_back(format_faults(exploration.run().faults));
  return sets;
}

std::uint64_t choose(std::uint64_t n, std::uint64_t k) {
  std::uint64_t count = 1;
  for (std::uint64_t i = 0; i < k; ++i) count = count * (n - i) / (i + 1);
  return count;
}

std::uint64_t power(std::uint64_t base, std::uint64_t exponent) {
  return exponent == 0 ? 1 : base * power(base, exponent - 1);
}

// Each loss is of a request or of an answer, in front of one of the m greetings: of k losses there
// are C(k + m - 1, m - 1) ways to lie before m greetings.
TEST(Exploration, LossesOfGreetingsAreAsManyAsTheClosedFormSays) {
  for (std::uint64_t m = 1; m <= 3; ++m) {
    std::string words = "set attempts 9\n";
    for (std::uint64_t i = 0; i < m; ++i) words += "greet \"n" + std::to_string(i) + "\"\n";
    std::uint64_t expected = 0;
    for (std::uint64_t k = 0; k <= 4; ++k) {
      expected += choose(k + m - 1, m - 1) * power(2, k);
      Exploration exploration(greetings(), plan_with(greetings(), words),
                              {.kinds = {FaultKind::kDrop}, .faults_max = k});
      const std::vector<std::string> sets = sets_of(exploration);
      EXPECT_EQ(sets.size(), expected) << m << " greetings, " << k << " losses";
      EXPECT_EQ(std::set(sets.begin(), sets.end()).size(), sets.size());
      EXPECT_EQ(exploration.datagrams(), 2 * m);
      EXPECT_EQ(exploration.violations(), 0U);
    }
  }
}

// Sends so many datagrams at once, and hears nothing.
class Talker final : public Endpoint {
 public:
  Talker(const Address& to, std::size_t left) : to_(to), left_(left) {}
  void handle_datagram(Instant, const Datagram&) override {}
  void handle_timeout(Instant) override {}
  std::optional<Transmit> poll_transmit(Instant, std::span<std::byte> buffer) override {
    if (left_ == 0) return std::nullopt;
    buffer[0] = static_cast<std::byte>(--left_);
    return Transmit{.destination = to_, .size = 1};
  }
  std::optional<Instant> poll_timeout() const override { return std::nullopt; }

 private:
  Address to_;
  std::size_t left_;
};

class Talk final : public ProtocolRun {
 public:
  Talk(const RunPlan& plan, std::size_t count)
      : talker_(plan.addresses.at(1), count), listener_(plan.addresses.at(0), 0) {}
  Endpoint& endpoint(std::size_t host) override { return host == 0 ? talker_ : listener_; }
  std::uint64_t asked() const override { return 0; }
  std::uint64_t ended() const override { return 0; }
  RunFigures figures() const override { return {}; }

 private:
  Talker talker_;
  Talker listener_;
};

Protocol talk(std::size_t count) {
  Protocol protocol;
  protocol.name = "talk";
  protocol.survives_damage = true;
  protocol.hosts = [](const RunPlan&) {
    return std::vector<HostRole>{{.name = "one", .port = 1}, {.name = "other", .port = 2}};
  };
  protocol.make_run = [count](const RunPlan& plan, Protocol::Listener) {
    return std::make_unique<Talk>(plan, count);
  };
  return protocol;
}

// Of n datagrams that faults do not change there are C(n, i) f^i sets of i faults of f kinds.
TEST(Exploration, SetsOfFaultsThatChangeNothingAreAsManyAsTheClosedFormSays) {
  const std::vector<FaultKind> kinds{FaultKind::kDrop, FaultKind::kDuplicate, FaultKind::kLate,
                                     FaultKind::kSwap, FaultKind::kCorrupt,   FaultKind::kTruncate};
  const Protocol protocol = talk(12);
  RunPlan plan;
  place_hosts(plan, protocol.hosts(plan));
  std::uint64_t expected = 0;
  for (std::size_t k = 0; k <= 3; ++k) {
    expected += choose(12, k) * power(kinds.size(), k);
    Exploration exploration(protocol, plan, {.kinds = kinds, .faults_max = k});
    const std::vector<std::string> sets = sets_of(exploration);
    EXPECT_EQ(sets.size(), expected);
    EXPECT_EQ(std::set(sets.begin(), sets.end()).size(), sets.size());
    EXPECT_EQ(exploration.runs(), sets.size());
  }
  EXPECT_EQ(expected, 49'969U);
}

// What has no formula: every set is one that another way of counting comes to, and the other way
// round. That begins with no fault, and adds one behind the last to what each run sent.
TEST(Exploration, TriesWhatBruteForceComesTo) {
  const std::vector<FaultKind> kinds{FaultKind::kDrop, FaultKind::kDuplicate, FaultKind::kLate,
                                     FaultKind::kSwap};
  for (const auto& [protocol, words] :
       {std::pair(&tftp::protocol(), std::string("set attempts 3\nget \"a\"\n")),
        std::pair(&greetings(), std::string("set window 2\ngreet \"a\"\ngreet \"b\"\n"))}) {
    const RunPlan plan = plan_with(*protocol, words);
    Exploration exploration(*protocol, plan, {.kinds = kinds, .faults_max = 2});
    const std::vector<std::string> sets = sets_of(exploration);
    std::set<std::string> expected;
    const std::function<void(std::vector<ChosenFault>)> extend =
        [&](const std::vector<ChosenFault>& faults) {
          ExploredRun run;
          exploration.script_of(faults, run);
          // One that befalls nothing is no fault of this run.
          if (run.faults.size() < faults.size()) return;
          ASSERT_EQ(run.faults.size(), faults.size());
          if (!expected.insert(format_faults(run.faults)).second || faults.size() == 2) return;
          for (const Direction direction : {Direction::kUplink, Direction::kDownlink}) {
            for (std::uint64_t number = 1; number <= run.sent; ++number) {
              for (const FaultKind kind : kinds) {
                std::vector<ChosenFault> more = faults;
                more.push_back({0, direction, number, kind});
                const bool is_there = !faults.empty() && faults[0].direction == direction &&
                                      faults[0].number == number;
                if (!is_there) extend(more);
              }
            }
          }
        };
    extend({});
    EXPECT_EQ(std::set(sets.begin(), sets.end()), expected) << protocol->name;
    EXPECT_EQ(sets.size(), expected.size()) << protocol->name;
    EXPECT_EQ(exploration.violations(), 0U) << protocol->name;
  }
}

// One acknowledgement that comes twice, and every block from there on is sent twice.
TEST(Exploration, FindsTheSorcerersApprentice) {
  Exploration exploration(tftp::protocol(),
                          plan_with(tftp::protocol(), "set sorcerers-apprentice on\nget \"a\"\n"),
                          {});
  while (exploration.next()) {
  }
  EXPECT_GT(exploration.violations(), 0U);
  ASSERT_TRUE(exploration.least_violation());
  const ExploredRun& least = *exploration.least_violation();
  EXPECT_EQ(least.broken->name, "once-a-timeout");
  ASSERT_EQ(least.faults.size(), 1U);
  ExploredRun again;
  const NetworkScript script = exploration.script_of(least.faults, again);
  EXPECT_EQ(again.content, least.content);
  EXPECT_EQ(again.broken, least.broken);
  EXPECT_NE(format_network_script(tftp::protocol(), script).find("set sorcerers-apprentice on"),
            std::string::npos);
}

// The script of a run gives it again, whatever happened in it.
TEST(Exploration, AScriptGivesTheRunAgain) {
  for (const auto& [protocol, words] :
       {std::pair(&tftp::protocol(), std::string("put \"a\"\n")),
        std::pair(&greetings(), std::string("set window 2\ngreet \"a\"\ngreet \"b\"\n")),
        std::pair(&membership::protocol(), std::string("set nodes 3\nset run-for 3s\n"))}) {
    const RunPlan plan = plan_with(*protocol, words);
    Exploration exploration(*protocol, plan, {.faults_max = 1});
    while (exploration.next()) {
      const ExploredRun found = exploration.run();
      SCOPED_TRACE(protocol->name + ' ' + format_faults(found.faults));
      ExploredRun once;
      const NetworkScript script = exploration.script_of(found.faults, once);
      EXPECT_EQ(once.content, found.content);
      const auto run = protocol->make_run(plan, {});
      PropertyCheck check(protocol->properties, *run);
      ControlledNetwork network(*run, network_addresses(plan, protocol->hosts(plan)));
      network.observe(check);
      network.over_when([&] { return !check.holds(network.now()); });
      network.start();
      for (const NetworkOperation& operation : script.operations) {
        EXPECT_TRUE(perform(operation, network));
      }
      EXPECT_EQ(network.settle(ControlledNetwork::kSettlesWithin), found.holds());
      EXPECT_EQ(network.sent(), found.sent);
    }
  }
}

TEST(Exploration, FaultsAreWrittenAsTheyAreRead) {
  const std::string text = "uplink.2:drop,flow3.downlink.14:late,downlink.1:truncate";
  EXPECT_EQ(format_faults(parse_chosen_faults(text)), text);
  for (const char* const wrong :
       {"uplink.2", "uplink.0:drop", "uplink.2:none", "uplink.2:lose", "flow0.uplink.1:drop",
        "sideways.1:drop", "uplink.2:drop;uplink.3:drop", ","}) {
    EXPECT_THROW(parse_chosen_faults(wrong), TextError) << wrong;
  }
}

TEST(Exploration, SaysWhatWasNeverReached) {
  Exploration exploration(tftp::protocol(), plan_with(tftp::protocol(), "get \"a\"\n"),
                          {.faults_max = 0});
  while (exploration.next()) {
  }
  EXPECT_EQ(exploration.never_reached(), std::vector<std::string>{"acked-again"});
  EXPECT_EQ(exploration.runs(), 1U);
}

}  // namespace
}  // namespace lossy
