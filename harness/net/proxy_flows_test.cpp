#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <lossy/harness/net/proxy.hpp>
#include <lossy/harness/net/proxy_for_test.hpp>
#include <lossy/harness/net/sanitizers_for_test.hpp>

namespace lossy {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

ProxyOptions with_flows_max(std::size_t flows_max) {
  ProxyOptions options;
  options.flows_max = flows_max;
  return options;
}

// Each client has a flow of its own: answers go to who asked, and to nobody else.
TEST(ProxyFlows, TellsClientsApart) {
  Network network;
  std::vector<UdpSocket*> clients;
  for (int i = 1; i <= 5; ++i) {
    clients.push_back(&network.client());
    network.send(*clients.back(), std::to_string(i));
  }
  network.next(5);
  const auto requests = network.inbox.letters;
  for (const Inbox::Letter& request : requests) {
    ASSERT_EQ(send_text(network.server, request.source, "to " + request.text),
              SocketOutcome::kDone);
  }
  network.next(5);
  for (std::size_t i = 1; i <= 5; ++i) {
    EXPECT_THAT(network.inbox.texts(i), ElementsAre("to " + std::to_string(i)));
  }
  EXPECT_EQ(network.proxy->counters().flows_open, 5U);
}

// A flow ends when nothing passes for long enough; a client that comes back has another.
TEST(ProxyFlows, EndsIdleFlows) {
  ProxyOptions options;
  options.idle = milliseconds(1);
  Network network(options);
  UdpSocket& client = network.client();
  network.send(client, "1");
  const Address first = network.next().source;
  network.run_until([&] { return network.proxy->counters().flows_idle == 1; });
  EXPECT_EQ(network.proxy->counters().flows_open, 0U);
  network.send(client, "2");
  EXPECT_NE(network.next().source, first);
  EXPECT_EQ(network.proxy->counters().flows, 2U);
}

// Something in flight keeps a flow from being idle.
TEST(ProxyFlows, DoesNotEndAFlowWithSomethingInFlight) {
  ProxyOptions options;
  options.idle = milliseconds(1);
  Network network(options, [](std::uint64_t flow, const Address&) {
    LinkOptions slow;
    slow.delay = milliseconds(5);
    return Proxy::Links{
        Link(slow, std::make_unique<RandomFates>(Impairments{}, 1, Direction::kUplink)),
        plain_links(flow).downlink};
  });
  network.send(network.client(), "late");
  EXPECT_EQ(network.next().text, "late");
}

// When there is no room for another flow, the one that is idle for longest goes.
TEST(ProxyFlows, BoundsTheNumberOfFlows) {
  Network network(with_flows_max(2));
  UdpSocket& first = network.client();
  UdpSocket& second = network.client();
  UdpSocket& third = network.client();
  network.send(first, "first");
  const Address of_first = network.next().source;
  network.send(second, "second");
  const Address of_second = network.next().source;
  network.send(first, "first again");
  EXPECT_EQ(network.next().source, of_first);
  network.send(third, "third");
  network.next();
  const ProxyCounters counters = network.proxy->counters();
  EXPECT_EQ(counters.flows, 3U);
  EXPECT_EQ(counters.flows_open, 2U);
  EXPECT_EQ(counters.flows_evicted, 1U);
  EXPECT_EQ(counters.uplink.delivered, 4U);
  network.send(first, "first still");
  EXPECT_EQ(network.next().source, of_first);
  network.send(second, "second anew");
  EXPECT_NE(network.next().source, of_second);
}

// More clients in one batch than there may be flows: nothing is forwarded twice or to another.
TEST(ProxyFlows, SurvivesMoreClientsThanFlowsAtOnce) {
  Network network(with_flows_max(1));
  std::vector<UdpSocket*> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(&network.client());
  for (int round = 0; round < 5; ++round) {
    for (UdpSocket* client : clients) network.send(*client, "x");
  }
  network.run_until([&] { return network.proxy->counters().uplink.offered == 100; });
  const ProxyCounters counters = network.proxy->counters();
  EXPECT_EQ(counters.flows, 100U);
  EXPECT_EQ(counters.flows_open, 1U);
  EXPECT_EQ(counters.uplink.delivered + counters.discarded, 100U);
}

// Without descriptors for another flow the proxy goes on with those that it has.
TEST(ProxyFlows, GoesOnWithoutDescriptors) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer needs descriptors of its own";
  Network network;
  std::vector<UdpSocket*> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(&network.client());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = ::dup(network.server.fd());
  ::close(next);
  rlimit few = before;
  few.rlim_cur = static_cast<rlim_t>(next) + 3;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  for (UdpSocket* client : clients) {
    network.send(*client, "x");
    EXPECT_EQ(network.next().text, "x");
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  const ProxyCounters counters = network.proxy->counters();
  EXPECT_EQ(counters.flows, 8U);
  EXPECT_EQ(counters.flows_open, 3U);
  EXPECT_EQ(counters.flows_evicted, 5U);
  EXPECT_EQ(counters.flows_refused, 0U);
}

// The port towards the server changes from time to time, and traffic goes on; observers see from
// which.
TEST(ProxyFlows, RebindsAsANat) {
  struct Ports final : Observer {
    void on_delivered(Instant, const Passage& passage, const Delivery&) override {
      addresses.push_back(passage.source);
    }
    std::vector<Address> addresses;
  } seen;
  ProxyOptions options;
  options.rebind_every = milliseconds(1);
  Network network(options);
  network.proxy->observe(seen);
  UdpSocket& client = network.client();
  network.send(client, "1");
  const Address first = network.next().source;
  const std::uint64_t rebinds = network.proxy->counters().rebinds;
  network.run_until([&] { return network.proxy->counters().rebinds > rebinds; });
  network.send(client, "2");
  const Address second = network.next().source;
  EXPECT_NE(second, first);
  EXPECT_THAT(seen.addresses, ElementsAre(first, second));
  EXPECT_EQ(network.proxy->counters().flows, 1U);
}

Link an_hour_long() {
  LinkOptions link;
  link.delay = std::chrono::hours(1);
  return Link(link, std::make_unique<RandomFates>(Impairments{}, 1, Direction::kUplink));
}

// What is in flight in all flows together is bounded in its memory; what is lost for it is counted,
// and what others have in flight keeps no new client out.
TEST(ProxyFlows, BoundsTheMemoryOfAllFlows) {
  constexpr std::size_t kMemory = std::size_t{1} << 20;
  ProxyOptions options;
  options.memory_bytes_max = kMemory;
  Network network(options, [&](std::uint64_t, const Address&) {
    return Proxy::Links{an_hour_long(), an_hour_long()};
  });
  const std::string text(4000, 'x');
  for (std::uint64_t client = 1; client <= 10; ++client) {
    UdpSocket& socket = network.client();
    for (int i = 0; i < 300; ++i) network.send(socket, text);
    network.run_until(
        [&] { return network.proxy->recent_counters().uplink.offered == 300 * client; });
    EXPECT_EQ(network.proxy->recent_counters().flows_open, client);
  }
  const ProxyCounters counters = network.proxy->counters();
  EXPECT_GT(counters.memory_refused, 2000U);
  EXPECT_EQ(counters.uplink.lost_by[static_cast<std::size_t>(LossReason::kInFlight)],
            counters.memory_refused);
  EXPECT_EQ(counters.in_flight, 3000 - counters.memory_refused);
  EXPECT_GT(counters.memory_bytes, kMemory / 2);
  EXPECT_LT(counters.memory_bytes, kMemory + kMemory / 8);
}

// So it is on its way back.
TEST(ProxyFlows, BoundsTheMemoryOfAnswers) {
  ProxyOptions options;
  options.memory_bytes_max = std::size_t{1} << 20;
  Network network(options, [&](std::uint64_t flow, const Address&) {
    return Proxy::Links{plain_links(flow).uplink, an_hour_long()};
  });
  const std::string text(4000, 'x');
  for (std::uint64_t client = 1; client <= 3; ++client) {
    network.send(network.client(), "?");
    const Address flow = network.next().source;
    for (int i = 0; i < 200; ++i) send_text(network.server, flow, text);
    network.run_until(
        [&] { return network.proxy->recent_counters().downlink.offered == 200 * client; });
  }
  const ProxyCounters counters = network.proxy->counters();
  EXPECT_GT(counters.memory_refused, 200U);
  EXPECT_EQ(counters.in_flight, 600 - counters.memory_refused);
}

// What is counted while flows are open is what is counted of them once they have ended.
TEST(ProxyFlows, CountsTheSameWithAndWithoutFlows) {
  ProxyOptions options;
  options.idle = milliseconds(20);
  Network network(options);
  for (int i = 0; i < 3; ++i) {
    network.send(network.client(), "up");
    ASSERT_EQ(send_text(network.server, network.next().source, "down"), SocketOutcome::kDone);
    network.next();
  }
  const ProxyCounters open = network.proxy->recent_counters();
  network.run_until([&] { return network.proxy->recent_counters().flows_idle == 3; });
  const ProxyCounters ended = network.proxy->counters();
  EXPECT_EQ(ended.flows_open, 0U);
  for (const ProxyCounters& counters : {open, ended}) {
    EXPECT_EQ(counters.uplink.delivered, 3U);
    EXPECT_EQ(counters.downlink.delivered, 3U);
    EXPECT_EQ(counters.clients.received, 3U);
    EXPECT_EQ(counters.clients.sent, 3U);
    EXPECT_EQ(counters.servers.received, 3U);
    EXPECT_EQ(counters.servers.sent, 3U);
    EXPECT_EQ(counters.in_flight, 0U);
  }
}

}  // namespace
}  // namespace lossy
