#include <lossy/harness/capture/two_ends.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include <lossy/core/random.hpp>
#include <lossy/harness/capture/inspector.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

const Address kClient = *Address::parse("192.0.2.1:40000");
const Address kNat = *Address::parse("198.51.100.7:61000");
const Address kServer = *Address::parse("192.0.2.2:9999");

// Two captures of traffic that a test makes up: what the client's end and the server's see of each
// datagram, by clocks of their own.
class TwoEndsTest : public testing::Test {
 protected:
  struct Sent {
    bool uplink = true;
    Duration at{};  // By a clock that is right.
    std::string payload;
    std::uint32_t identification = 0;
    std::vector<Duration> delays{20ms};  // Of its copies; none where it is lost.
  };

  Instant at_client(Duration at) const { return Instant(at); }
  Instant at_server(Duration at) const {
    return Instant(at + ahead +
                   Duration(static_cast<Duration::rep>(static_cast<double>(at.count()) * faster)));
  }

  void see(EndLog& log, Instant time, const Sent& sent, bool outgoing) {
    const Address& client = &log == &at_servers && nat ? kNat : kClient;
    Frame frame;
    frame.source = sent.uplink ? client : kServer;
    frame.destination = sent.uplink ? kServer : client;
    frame.payload = std::as_bytes(std::span(sent.payload));
    frame.identification = rewritten && !outgoing ? 77 : sent.identification;
    frame.type =
        typed ? (outgoing ? PacketType::kOutgoing : PacketType::kIncoming) : PacketType::kUnknown;
    frame.ttl = outgoing ? 64 : ttl_there;
    log.add(time, {.frame = &frame, .flow = 1, .uplink = sent.uplink});
  }

  // Each capture in the order of its own clock.
  void capture(const std::vector<Sent>& traffic) {
    struct Event {
      Duration at{};
      const Sent* sent = nullptr;
      bool outgoing = true;
    };
    std::vector<Event> events;
    for (const Sent& sent : traffic) {
      events.push_back({sent.at, &sent, true});
      for (const Duration delay : sent.delays) events.push_back({sent.at + delay, &sent, false});
    }
    std::ranges::stable_sort(events, {}, &Event::at);
    for (const auto& [at, sent, outgoing] : events) {
      const bool client = sent->uplink == outgoing;
      const Instant time = client ? at_client(at) : at_server(at);
      see(client ? at_clients : at_servers, time, *sent, outgoing);
    }
  }

  // One a millisecond in each direction, with numbers in their payloads.
  static std::vector<Sent> steady(std::uint64_t count) {
    std::vector<Sent> traffic;
    for (std::uint64_t n = 0; n < count; ++n) {
      traffic.push_back({true, n * 1ms, "request " + std::to_string(n), 0, {20ms}});
      traffic.push_back({false, n * 1ms, "answer " + std::to_string(n), 0, {20ms}});
    }
    return traffic;
  }

  JoinedEnds joined(bool turned = false) {
    auto result = turned ? join_ends(at_servers, at_clients) : join_ends(at_clients, at_servers);
    const auto* why = std::get_if<std::string>(&result);
    EXPECT_EQ(why, nullptr) << (why != nullptr ? *why : "");
    return why == nullptr ? std::get<JoinedEnds>(std::move(result)) : JoinedEnds{};
  }

  EndLog at_clients;
  EndLog at_servers;
  Duration ahead{};
  double faster = 0;
  bool nat = false;
  bool typed = false;
  bool rewritten = false;
  std::uint8_t ttl_there = 64;
};

// The clocks differ by half of what the least delays differ by; then delays, losses and copies are
// those that there were.
TEST_F(TwoEndsTest, AreJoined) {
  ahead = 3h + 7ms;
  std::vector<Sent> traffic = steady(1000);
  const RandomStream draws(1);
  for (std::size_t i = 0; i < traffic.size(); ++i) {
    traffic[i].delays = {20ms + uniform_spread(draws.at(i), 2ms) + 2ms};
  }
  traffic[400].delays = {20ms};  // The least of each way.
  traffic[501].delays = {20ms};
  traffic[200].delays = {};
  traffic[300].delays.push_back(30ms);
  capture(traffic);
  const JoinedEnds ends = joined();
  EXPECT_FALSE(ends.swapped);
  EXPECT_FALSE(ends.by_content);
  EXPECT_TRUE(ends.both_ways);
  EXPECT_EQ(ends.offset, ahead);
  EXPECT_EQ(ends.least, 20ms);
  EXPECT_FALSE(ends.drift_ppm);
  const LoggedFlow& up = ends.paths[0].flows.at(0);
  ASSERT_EQ(up.datagrams.size(), 1000U);
  for (std::size_t i = 0; i < 1000; ++i) {
    const Sent& sent = traffic[2 * i];
    EXPECT_EQ(up.datagrams[i].arrivals, sent.delays.size()) << i;
    EXPECT_EQ(up.datagrams[i].sent, Instant(sent.at));
    if (!sent.delays.empty()) {
      EXPECT_EQ(up.datagrams[i].delay, sent.delays[0]);
    }
  }
  EXPECT_TRUE(up.datagrams[100].lost());
  EXPECT_EQ(up.copies.at(0).delay, 30ms);
  const LoggedFlow& down = ends.paths[1].flows.at(0);
  for (std::size_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(down.datagrams[i].delay, traffic[2 * i + 1].delays[0]) << i;
  }
}

// Which end is whose is told by what was going out, or by how far packets have come; else the first
// is the client's.
TEST_F(TwoEndsTest, AreTurnedWhereTheyTellWhichIsWhich) {
  typed = true;
  capture(steady(100));
  EXPECT_FALSE(joined().swapped);
  EXPECT_TRUE(joined(true).swapped);
  EXPECT_EQ(joined(true).least, 20ms);
  EXPECT_EQ(joined(true).paths[0].flows.at(0).datagrams.at(50).delay, 20ms);
}

TEST_F(TwoEndsTest, AreTurnedByTheirHops) {
  ttl_there = 55;
  capture(steady(100));
  EXPECT_FALSE(joined().swapped);
  EXPECT_TRUE(joined(true).swapped);
}

TEST_F(TwoEndsTest, HaveTheClientsFirstWhereNothingTells) {
  capture(steady(100));
  EXPECT_FALSE(joined().swapped);
  EXPECT_FALSE(joined(true).swapped);
}

// A clock that goes faster is set right.
TEST_F(TwoEndsTest, AreJoinedThroughADrift) {
  ahead = -5s;
  faster = 40e-6;
  std::vector<Sent> traffic;
  for (std::uint64_t n = 0; n < 60'000; ++n) {
    const Duration delay = n % 10 == 0 ? 20ms : 21ms;
    traffic.push_back({true, n * 10ms, "r" + std::to_string(n), 0, {delay}});
    traffic.push_back({false, n * 10ms, "a" + std::to_string(n), 0, {delay}});
  }
  capture(traffic);
  const JoinedEnds ends = joined();
  ASSERT_TRUE(ends.drift_ppm);
  EXPECT_NEAR(*ends.drift_ppm, 40, 0.5);
  // In ten minutes the clocks come apart by 24 ms.
  for (const LoggedPath& path : ends.paths) {
    for (const LoggedDatagram& datagram : path.flows.at(0).datagrams) {
      if (!datagram.arrived()) continue;
      ASSERT_GE(datagram.delay, 19ms);
      ASSERT_LE(datagram.delay, 22ms);
    }
  }
}

// Behind a NAT a flow has other addresses: it is known by what it carries.
TEST_F(TwoEndsTest, AreJoinedThroughANat) {
  nat = true;
  capture(steady(300));
  const JoinedEnds ends = joined();
  EXPECT_TRUE(ends.by_content);
  EXPECT_EQ(ends.paths[0].flows.at(0).datagrams.at(100).arrivals, 1);
}

// What is alike is told apart by its identification, or by its time; else it counts neither as lost
// nor as arrived.
TEST_F(TwoEndsTest, TellApartWhatIsAlike) {
  std::vector<Sent> traffic = steady(500);
  for (std::uint32_t n = 0; n < 500; ++n) {
    traffic.push_back({true, n * 1ms, "beat", n + 1, {20ms}});
  }
  traffic.back().delays = {};
  for (std::uint64_t n = 0; n < 5; ++n) {
    traffic.push_back({true, n * 100ms, "slow", 0, {20ms}});
    traffic.push_back({true, n * 1ms, "fast", 0, {20ms}});
  }
  traffic.push_back({true, 900ms, "the end", 0, {20ms}});
  traffic.push_back({false, 900ms, "the end of that", 0, {20ms}});
  std::ranges::stable_sort(traffic, {}, &Sent::at);
  capture(traffic);
  const JoinedEnds ends = joined();
  EXPECT_EQ(ends.ambiguous, 5U);
  std::uint64_t arrived = 0;
  std::uint64_t lost = 0;
  std::uint64_t unknown = 0;
  for (const LoggedDatagram& datagram : ends.paths[0].flows.at(0).datagrams) {
    arrived += datagram.arrived() ? 1 : 0;
    lost += datagram.lost() ? 1 : 0;
    unknown += datagram.unknown ? 1 : 0;
  }
  EXPECT_EQ(arrived, 500U + 499 + 5 + 1);
  EXPECT_EQ(lost, 1U);
  EXPECT_EQ(unknown, 5U);
}

// Identifications that something has rewritten tell nothing, and do no harm.
TEST_F(TwoEndsTest, DoWithoutIdentifications) {
  std::vector<Sent> traffic = steady(200);
  for (std::size_t i = 0; i < traffic.size(); ++i) {
    traffic[i].identification = static_cast<std::uint32_t>(i + 1);
  }
  rewritten = true;
  capture(traffic);
  for (const LoggedPath& path : joined().paths) {
    EXPECT_EQ(std::ranges::count_if(path.flows.at(0).datagrams, &LoggedDatagram::arrived), 200);
  }
}

// What left before the other capture began, or may have arrived after its end, is unknown.
TEST_F(TwoEndsTest, KnowWhatTheOtherCouldSee) {
  std::vector<Sent> traffic = steady(1000);
  capture(traffic);
  EndLog late;
  for (const EndLog::Way& way : at_servers.ways()) {
    for (const EndLog::Seen& seen : way.seen) {
      if (seen.time < Instant(200ms) || seen.time > Instant(700ms)) continue;
      const Sent sent{way.uplink,
                      0ms,
                      (way.uplink ? "request " : "answer ") +
                          std::to_string((seen.time - Instant(way.uplink ? 20ms : 0ms)) / 1ms),
                      0,
                      {}};
      see(late, seen.time, sent, !way.uplink);
    }
  }
  auto result = join_ends(at_clients, late);
  ASSERT_TRUE(std::holds_alternative<JoinedEnds>(result));
  const LoggedFlow& up = std::get<JoinedEnds>(result).paths[0].flows.at(0);
  EXPECT_EQ(std::ranges::count_if(up.datagrams, &LoggedDatagram::lost), 0);
  EXPECT_EQ(std::ranges::count_if(up.datagrams, &LoggedDatagram::arrived), 501);
}

// One way only says nothing of how far the clocks are apart: the least delay is 0 then.
TEST_F(TwoEndsTest, CountFromTheLeastDelayWhereNothingComesBack) {
  ahead = 1s;
  std::vector<Sent> traffic;
  for (std::uint64_t n = 0; n < 100; ++n) {
    traffic.push_back({true, n * 1ms, "n" + std::to_string(n), 0, {20ms + n * 10us}});
  }
  capture(traffic);
  const JoinedEnds ends = joined();
  EXPECT_FALSE(ends.both_ways);
  EXPECT_EQ(ends.paths[0].flows.at(0).datagrams.at(0).delay, 0ms);
  EXPECT_EQ(ends.paths[0].flows.at(0).datagrams.at(50).delay, 500us);
}

// What has nothing in common is refused.
TEST_F(TwoEndsTest, AreRefusedWhereTheyHaveNothingInCommon) {
  capture({{true, 0ms, "one", 0, {}}});
  EXPECT_TRUE(std::holds_alternative<std::string>(join_ends(at_clients, at_servers)));
  EndLog other;
  see(other, Instant(), {true, 0ms, "another", 0, {}}, false);
  EXPECT_TRUE(std::holds_alternative<std::string>(join_ends(at_clients, other)));
}

}  // namespace
}  // namespace lossy
