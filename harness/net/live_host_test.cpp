#include <lossy/harness/net/live_host.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <lossy/core/greeting/server.hpp>
#include <lossy/core/tftp/client.hpp>
#include <lossy/core/tftp/server.hpp>
#include <lossy/harness/link/fault_list.hpp>
#include <lossy/harness/net/loopback_for_test.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

const FaultList kNoFaults;

Link make_link(Direction direction, const FaultList& faults) {
  return Link(LinkOptions{}, std::make_unique<ListedFates>(faults, direction));
}

LiveHost::Setup setup(UdpSocket socket, Direction outward, const FaultList& faults = kNoFaults) {
  return {.socket = std::move(socket),
          .every_port = true,
          .outward = outward,
          .out = make_link(outward, faults),
          .in = make_link(opposite(outward), faults)};
}

// Runs until it is so. The bound only ends a broken test.
void run_until(EventLoop& loop, const std::function<bool()>& is_so) {
  class Bound final : public EventLoop::Handler {
   public:
    void handle_ready(std::uint64_t) override {}
    void handle_timeout(Instant) override { has_come = true; }
    std::optional<Instant> poll_timeout() const override {
      return has_come ? std::nullopt : std::optional(Instant{} + 60s);
    }
    bool has_come = false;
  };
  // The loop keeps those that it was given: as long as the test.
  static std::vector<std::unique_ptr<Bound>> bounds;
  Bound& bound = *bounds.emplace_back(std::make_unique<Bound>());
  loop.add(bound);
  loop.run([&] { return bound.has_come || is_so(); });
  EXPECT_FALSE(bound.has_come) << "it does not happen";
}

std::vector<std::byte> content(std::size_t bytes) {
  std::vector<std::byte> content(bytes);
  for (std::size_t i = 0; i < bytes; ++i) content[i] = static_cast<std::byte>(i * 7);
  return content;
}

// Both sides of TFTP, each alone among what it takes for strangers.
class Transfers {
 public:
  explicit Transfers(const FaultList& client_faults = kNoFaults)
      : server_socket_(UdpSocket::listen(kLoopback4)),
        where(server_socket_.local_address()),
        server({.port = where.port()}, files),
        client({.server = where, .local = kLoopback4}),
        server_host(loop, server, setup(std::move(server_socket_), Direction::kDownlink)),
        client_host(loop, client,
                    setup(UdpSocket::listen(kLoopback4), Direction::kUplink, client_faults)) {}

  std::vector<tftp::ClientEvent> run(std::size_t transfers) {
    std::vector<tftp::ClientEvent> events;
    client_host.start();
    run_until(loop, [&] {
      while (auto event = client.poll_event()) events.push_back(*std::move(event));
      return events.size() == transfers;
    });
    return events;
  }

 private:
  UdpSocket server_socket_;

 public:
  EventLoop loop;
  Address where;
  tftp::MemoryFiles files;
  tftp::Server server;
  tftp::Client client;
  LiveHost server_host;
  LiveHost client_host;
};

TEST(LiveHost, GivesEachTransferAPortOfItsOwn) {
  Transfers transfers;
  transfers.files.files["a"] = content(2'000);
  transfers.client.get("a");
  transfers.client.put("b", content(1'024));
  const auto events = transfers.run(2);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].content, content(2'000));
  EXPECT_EQ(events[1].end, tftp::End::kDone) << events[1].reason;
  EXPECT_EQ(transfers.files.files["b"], content(1'024));
  // Each side has one where it is asked, and of the transfers those that may still be asked again.
  EXPECT_LE(transfers.client_host.sockets(), 3U);
  EXPECT_LE(transfers.server_host.sockets(), 3U);
  EXPECT_EQ(transfers.client_host.lost_by_system() + transfers.server_host.lost_by_system(), 0U);
}

TEST(LiveHost, ClosesWhatIsNotListenedAtAnyMore) {
  Transfers transfers;
  for (int i = 0; i < 20; ++i) transfers.client.put("a", content(10));
  EXPECT_EQ(transfers.run(20).size(), 20U);
  // Who has sent all of a file needs its port no more.
  EXPECT_LE(transfers.client_host.sockets(), 3U);
}

TEST(LiveHost, LosesWhatItsLinksLose) {
  const FaultList faults = FaultList::parse("uplink.2:drop,downlink.3:duplicate");
  Transfers transfers(faults);
  transfers.files.files["a"] = content(1'500);
  transfers.client.get("a");
  const auto events = transfers.run(1);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].content, content(1'500));
  EXPECT_EQ(transfers.client_host.link(Direction::kUplink).counters().lost(), 1U);
  EXPECT_EQ(transfers.client_host.link(Direction::kDownlink).counters().duplicated, 1U);
}

TEST(LiveHost, TellsTheEndpointThatNobodyListens) {
  const DeafPort deaf(kLoopback4);
  EventLoop loop;
  tftp::Client client({.server = deaf.address(), .local = kLoopback4});
  LiveHost host(loop, client, setup(UdpSocket::listen(kLoopback4), Direction::kUplink));
  client.get("a");
  host.start();
  std::optional<tftp::ClientEvent> event;
  run_until(loop, [&] { return (event = client.poll_event()).has_value(); });
  ASSERT_TRUE(event);
  EXPECT_EQ(event->end, tftp::End::kRefused);
  EXPECT_EQ(event->reason, "nobody listens");
  EXPECT_EQ(host.refusals(), 1U);
}

// A host with one port answers from the address that was asked, of all that it listens at.
TEST(LiveHost, AnswersFromTheAddressAsked) {
  const FaultList faults = FaultList::parse("uplink.2:duplicate");
  EventLoop loop;
  Server server;
  LiveHost host(loop, server,
                {.socket = UdpSocket::listen(*Address::parse("0.0.0.0:0")),
                 .outward = Direction::kDownlink,
                 .out = make_link(Direction::kDownlink, faults),
                 .in = make_link(Direction::kUplink, faults)});
  host.start();
  std::uint16_t port = 0;
  class Watch final : public Observer {
   public:
    void on_offered(Instant, const Passage& passage, const Offer&) override {
      lines.push_back(passage.source.to_string() + " " + passage.destination.to_string());
    }
    std::vector<std::string> lines;
  } watch;
  host.observe(watch);
  port = host.address().port();
  // Connected: it hears nobody else.
  UdpSocket client = UdpSocket::connect(with_port(*Address::parse("127.0.0.7:1"), port));
  for (const std::string name : {"A", "B"}) {
    send_text(client, *client.peer(), name);
    ReceivedText answer;
    run_until(loop, [&] {
      answer = try_receive_text(client);
      return answer.outcome == SocketOutcome::kDone;
    });
    EXPECT_EQ(answer.text, "Hello, " + name + "!");
  }
  ASSERT_GE(watch.lines.size(), 4U);
  const std::string here = "127.0.0.7:" + std::to_string(port);
  const std::string there = client.local_address().to_string();
  EXPECT_EQ(watch.lines[0], there + " " + here);
  EXPECT_EQ(watch.lines[1], here + " " + there);
}

}  // namespace
}  // namespace lossy
