#include <lossy/harness/report/page_collector.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include <lossy/core/greeting/protocol.hpp>
#include <lossy/harness/link/fault_list.hpp>
#include <lossy/harness/report/page_for_test.hpp>
#include <lossy/harness/sim/simulation.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using Json = nlohmann::ordered_json;

struct Collected {
  Json run;
  PageCollector::Result metrics;
  LinkCounters uplink;
};

// Greetings over 10 ms each way, with these faults.
Collected collect(const std::string& faults, std::vector<std::string> names,
                  const PageBounds& bounds = {}, std::size_t window = 1,
                  PageCollector::Ends ends = PageCollector::Ends::kTold) {
  const Address client = Address::v4({192, 0, 2, 1}, 40'000);
  const Address server_address = Address::v4({192, 0, 2, 2}, 9999);
  PageCollector collector(ends, bounds);
  Greeter greeter({.client = {.server = server_address, .window = window}}, Names(std::move(names)),
                  [&](const ClientEvent& event) { collector.on_event(told(event)); });
  Server server;
  const FaultList list = FaultList::parse(faults);
  Simulation simulation;
  simulation.add(greeter, client);
  simulation.add(server, server_address);
  simulation.observe(collector);
  const Path path = simulation.path(
      simulation.host_at(client), simulation.host_at(server_address),
      Link({.delay = 10ms}, std::make_unique<ListedFates>(list, Direction::kUplink)),
      Link({.delay = 10ms}, std::make_unique<ListedFates>(list, Direction::kDownlink)));
  EXPECT_EQ(simulation.run_until([] { return false; }, Instant::max()), RunEnd::kIdle);
  Collected collected{.run = Json::object(),
                      .metrics = collector.finish(),
                      .uplink = simulation.link(path.there).counters()};
  collector.ladder().add_to(collected.run);
  return collected;
}

// A loss is an arrow that never arrives, with why; what is sent because of it is told apart.
TEST(PageCollector, ShowsALossAndWhatIsSentAgain) {
  const Json run = collect("uplink.1:drop", {"Michael"}).run;
  EXPECT_THAT(arrows_of(run),
              ElementsAre(ArrowForTest{0, -1, 1, kPageLost, "drop", "Michael", ""},
                          ArrowForTest{1000, 10, 2, kPageRetransmission, "", "Michael", ""},
                          ArrowForTest{1010, 10, 1, kPageDownlink, "", "Hello, Michael!", ""}));
  EXPECT_EQ(numbers_of(run["ends"]["time"]), std::vector<std::int64_t>{1'020'000'000});
  EXPECT_EQ(numbers_of(run["ends"]["attempts"]), std::vector<std::int64_t>{2});
  EXPECT_EQ(numbers_of(run["ends"]["good"]), std::vector<std::int64_t>{1});
  EXPECT_EQ(run["flows"][0]["client"], "192.0.2.1:40000");
  EXPECT_EQ(run["flows"][0]["server"], "192.0.2.2:9999");
}

// Each copy is an arrow of its own; the one that arrives first is no copy.
TEST(PageCollector, ShowsCopiesReorderingAndDamage) {
  const Json run = collect("uplink.1:hold+5ms,uplink.2:deliver+3ms/deliver,downlink.1:corrupt^0",
                           {"a", "b"}, {}, 2)
                       .run;
  const auto arrows = arrows_of(run);
  ASSERT_GE(arrows.size(), 4U);
  EXPECT_EQ(arrows[0], (ArrowForTest{0, 15, 1, kPageReordered | kPageHeldBack, "", "a", ""}));
  EXPECT_EQ(arrows[1], (ArrowForTest{0, 13, 2, kPageCopy, "", "b", ""}));
  EXPECT_EQ(arrows[2], (ArrowForTest{0, 10, 2, 0, "", "b", ""}));
  EXPECT_EQ(arrows[3], (ArrowForTest{10, 10, 1, kPageDownlink | kPageCorrupted, "", "Hello, b!",
                                     "Iello, b!"}));
}

// The metrics of the RFCs are those of all datagrams.
TEST(PageCollector, MeasuresThePath) {
  const auto collected = collect("uplink.1:drop,uplink.2:drop,uplink.4:delay+4ms", {"a", "b"});
  EXPECT_EQ(collected.metrics.uplink.counters.lost, collected.uplink.lost());
  EXPECT_EQ(collected.metrics.uplink.loss_periods, 1U);
  EXPECT_EQ(collected.metrics.uplink.longest_loss_period, 2U);
  EXPECT_EQ(collected.metrics.uplink.delay.max(), 14ms);
}

// Without a client that tells, answers say when requests have ended.
TEST(PageCollector, SeesRequestsEndByTheirAnswers) {
  const auto collected = collect("uplink.1:drop", {"a", "a"}, {}, 1, PageCollector::Ends::kSeen);
  std::vector<unsigned> traits;
  for (const ArrowForTest& arrow : arrows_of(collected.run)) traits.push_back(arrow.traits);
  EXPECT_THAT(traits, ElementsAre(kPageLost, kPageRetransmission, kPageDownlink, 0, kPageDownlink));
  EXPECT_EQ(collected.metrics.response_times.count(), 2U);
}

// It keeps no more than it may, and counts what it does not keep; metrics are those of all.
TEST(PageCollector, KeepsABoundedPart) {
  std::vector<std::string> names;
  for (int i = 0; i < 20; ++i) names.push_back("somebody " + std::to_string(i));
  const auto collected =
      collect("uplink.8:duplicate", names, {.arrows = 5, .payload_bytes = 20, .bytes_each = 8});
  const Json& run = collected.run;
  EXPECT_EQ(run["arrows"]["seen"], 42U);  // A copy of a request is answered, too.
  EXPECT_EQ(run["arrows"]["kept"], 5U);
  EXPECT_EQ(numbers_of(run["arrows"]["sent"]).size(), 5U);
  EXPECT_EQ(run["ends"]["seen"], 20U);
  EXPECT_EQ(run["ends"]["kept"], 5U);
  EXPECT_LE(bytes_of_base64(run["payloads"]["bytes"].get<std::string>()).size(), 20U);
  EXPECT_EQ(collected.metrics.uplink.counters.sent, 20U);
  EXPECT_EQ(arrows_of(run)[0].payload, "somebody");
}

}  // namespace
}  // namespace lossy
