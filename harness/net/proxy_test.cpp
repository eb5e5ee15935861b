#include <lossy/harness/net/proxy.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include <lossy/harness/net/proxy_for_test.hpp>

namespace lossy {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::ElementsAreArray;

// A request reaches the server and its answer the client, who sees nobody but the proxy; whatever
// the family of either side.
TEST(Proxy, ForwardsBothWays) {
  for (const Address& outside : {kLoopback4, kLoopback6}) {
    for (const Address& inside : {kLoopback4, kLoopback6}) {
      if ((outside.is_v6() || inside.is_v6()) && !has_ipv6()) continue;
      SCOPED_TRACE(outside.to_string() + " to " + inside.to_string());
      Network network({}, plain_links, inside, outside);
      UdpSocket& client = network.client();
      network.send(client, "Michael");
      const Inbox::Letter request = network.next();
      EXPECT_EQ(request.text, "Michael");
      EXPECT_NE(request.source, client.local_address());
      ASSERT_EQ(send_text(network.server, request.source, "Hello, Michael!"), SocketOutcome::kDone);
      EXPECT_EQ(network.next().text, "Hello, Michael!");
      const ProxyCounters counters = network.proxy->counters();
      EXPECT_EQ(counters.flows, 1U);
      EXPECT_EQ(counters.uplink.delivered, 1U);
      EXPECT_EQ(counters.downlink.delivered, 1U);
      EXPECT_EQ(counters.clients.received, 1U);
      EXPECT_EQ(counters.servers.received, 1U);
    }
  }
}

// A datagram counts from when the kernel had it, either way, however late the proxy looks; and
// times do not go back, whatever came when.
TEST(Proxy, CountsFromTheArrival) {
  class Times final : public Observer {
   public:
    void on_offered(Instant now, const Passage&, const Offer&) override {
      offered.push_back(now);
      see(now);
    }
    void on_delivered(Instant now, const Passage&, const Delivery&) override { see(now); }
    std::vector<Instant> offered;

   private:
    void see(Instant now) {
      EXPECT_GE(now, last_);
      last_ = now;
    }
    Instant last_ = Instant::min();
  } times;
  const ArrivalStamps stamps;
  Network network;
  network.proxy->observe(times);
  UdpSocket& client = network.client();
  network.send(client, "opens the flow");
  const Address flow = network.next().source;
  const auto late = [&](const std::function<void()>& send) {
    const Instant before = network.loop.read_clock();
    send();
    const Instant after = network.loop.read_clock();
    std::this_thread::sleep_for(milliseconds(20));
    network.next();
    EXPECT_GE(times.offered.back(), before);
    // Two clocks are read one after the other: a program may be kept waiting in between.
    EXPECT_LT(times.offered.back(), after + milliseconds(10));
  };
  late([&] { network.send(client, "up"); });
  late([&] { send_text(network.server, flow, "down"); });
}

// Who listens on all addresses answers from the one that was asked, and observers see that one.
TEST(Proxy, AnswersFromTheAddressAsked) {
  struct Asked final : Observer {
    void on_offered(Instant, const Passage& passage, const Offer&) override {
      if (passage.direction == Direction::kUplink) addresses.push_back(passage.destination);
    }
    std::vector<Address> addresses;
  } seen;
  Network network({}, plain_links, kLoopback4, *Address::parse("0.0.0.0:0"));
  network.proxy->observe(seen);
  const Address asked = Address::v4({127, 0, 0, 2}, network.proxy->address().port());
  UdpSocket& client = network.inbox.add(UdpSocket::connect(asked));
  network.send(client, "?");
  const Inbox::Letter request = network.next();
  ASSERT_EQ(send_text(network.server, request.source, "!"), SocketOutcome::kDone);
  EXPECT_EQ(network.next().source, asked);
  EXPECT_THAT(seen.addresses, ElementsAre(asked));
}

// Clients of both families find a proxy that listens on all addresses; each sees the address that
// it asked, and so do observers.
TEST(Proxy, TakesClientsOfBothFamilies) {
  if (!has_ipv6()) GTEST_SKIP() << "no IPv6 on this machine's loopback";
  struct Asked final : Observer {
    void on_offered(Instant, const Passage& passage, const Offer&) override {
      if (passage.direction != Direction::kUplink) return;
      sources.push_back(passage.source);
      addresses.push_back(passage.destination);
    }
    std::vector<Address> sources;
    std::vector<Address> addresses;
  } seen;
  std::vector<Address> clients;
  Network network(
      {},
      [&](std::uint64_t flow, const Address& client) {
        clients.push_back(client);
        return plain_links(flow, client);
      },
      kLoopback4, ListenAddress::all(0));
  network.proxy->observe(seen);
  std::vector<Address> all_asked;
  for (const char* host : {"127.0.0.2:0", "[::1]:0"}) {
    const Address asked = with_port(*Address::parse(host), network.proxy->address().port());
    UdpSocket& client = network.inbox.add(UdpSocket::connect(asked));
    network.send(client, "?");
    ASSERT_EQ(send_text(network.server, network.next().source, "!"), SocketOutcome::kDone);
    EXPECT_EQ(network.next().source, asked);
    EXPECT_EQ(seen.sources.back(), client.local_address());
    EXPECT_EQ(clients.back(), client.local_address());
    all_asked.push_back(asked);
  }
  EXPECT_EQ(seen.addresses, all_asked);
}

// Datagrams without bytes and the longest ones go through, there and back, and many of one size
// stay apart.
TEST(Proxy, ForwardsDatagramsOfAllSizes) {
  for (const Address& family : {kLoopback4, kLoopback6}) {
    if (family.is_v6() && !has_ipv6()) continue;
    Network network({}, plain_links, family, family);
    UdpSocket& client = network.client();
    std::vector<std::string> texts{"", "x", std::string(payload_bytes_max(family), 'y'), ""};
    for (int i = 0; i < 100; ++i) texts.push_back(std::to_string(1'000 + i));
    for (const std::string& text : texts) network.send(client, text);
    network.next(texts.size());
    EXPECT_THAT(network.inbox.texts(0), ElementsAreArray(texts));
    const Address port = network.inbox.letters.front().source;
    for (const std::string& text : {texts[2], texts[1]}) {
      ASSERT_EQ(send_text(network.server, port, text), SocketOutcome::kDone);
      EXPECT_EQ(network.next().text, text);
    }
    EXPECT_EQ(network.proxy->counters().too_long, 0U);
  }
}

// What IPv6 brings and IPv4 cannot carry on is counted, and what it can goes through.
TEST(Proxy, CountsWhatIpv4CannotCarryOn) {
  if (!has_ipv6()) GTEST_SKIP() << "no IPv6 on this machine's loopback";
  Network network({}, plain_links, kLoopback4, kLoopback6);
  UdpSocket& client = network.client();
  network.send(client, std::string(65'508, 'x'));
  network.send(client, std::string(65'507, 'y'));
  EXPECT_EQ(network.next().text, std::string(65'507, 'y'));
  const ProxyCounters counters = network.proxy->counters();
  EXPECT_EQ(counters.too_long, 1U);
  EXPECT_EQ(counters.uplink.offered, 1U);
}

// What a link does to the n-th datagram in the simulator it does here, too.
TEST(Proxy, HasTheFatesOfTheLinks) {
  const auto uplink = [] {
    Impairments impairments;
    impairments.loss = RandomLoss{Probability::ratio(3, 10)};
    impairments.duplicate.probability = Probability::ratio(1, 10);
    return Link(LinkOptions{}, std::make_unique<RandomFates>(impairments, 7, Direction::kUplink));
  };
  Network network({}, [&](std::uint64_t flow, const Address&) {
    return Proxy::Links{uplink(), plain_links(flow).downlink};
  });
  Link reference = uplink();
  UdpSocket& client = network.client();
  std::vector<std::string> expected;
  for (int i = 0; i < 200; ++i) {
    const std::string text = std::to_string(i);
    network.send(client, text);
    reference.handle_datagram(Instant{}, bytes_of(text));
    while (const auto delivery = reference.poll_transmit(Instant{})) {
      expected.push_back(text_of(delivery->payload));
    }
  }
  network.next(expected.size());
  EXPECT_THAT(network.inbox.texts(0), ElementsAreArray(expected));
  EXPECT_EQ(network.proxy->counters().uplink.lost(), reference.counters().lost());
}

// No datagram is early, whether the loop sleeps or spins.
TEST(Proxy, IsNeverEarly) {
  const auto delayed = [](std::uint64_t flow, const Address&) {
    LinkOptions options;
    options.delay = milliseconds(2);
    return Proxy::Links{
        Link(options, std::make_unique<RandomFates>(Impairments{}, 1, Direction::kUplink)),
        plain_links(flow).downlink};
  };
  Network network({}, delayed);
  UdpSocket& client = network.client();
  for (int i = 0; i < 10; ++i) {
    const Instant sent = network.loop.read_clock();
    network.send(client, "x");
    EXPECT_GE(network.next().when - sent, milliseconds(2));
  }
}

// The server may go away and come back: the client is told nothing, and what it sends then arrives.
TEST(Proxy, SurvivesTheServersRestart) {
  Network network;
  UdpSocket& client = network.client();
  network.send(client, "before");
  network.next();
  const Address address = network.server.local_address();
  // A socket that is connected elsewhere: the port is held, and nobody listens on it.
  const UdpSocket elsewhere = UdpSocket::listen(kLoopback4);
  ASSERT_EQ(::connect(network.server.fd(), SocketAddress(elsewhere.local_address()).data(),
                      SocketAddress(elsewhere.local_address()).size),
            0);
  network.send(client, "meanwhile");
  constexpr auto kRefused = static_cast<std::size_t>(SocketOutcome::kRefused);
  network.run_until([&] { return network.proxy->counters().servers.reported[kRefused] == 1; });
  network.inbox.close(0);
  network.inbox.add(UdpSocket::listen(address));
  network.send(client, "after");
  EXPECT_EQ(network.next().text, "after");
  EXPECT_EQ(try_receive_text(client).outcome, SocketOutcome::kWouldBlock);
  EXPECT_EQ(network.proxy->counters().flows, 1U);
}

// Observers see each datagram on both sides of the proxy, with the addresses of that side.
TEST(Proxy, ShowsBothSides) {
  struct Watcher final : Observer {
    void on_offered(Instant, const Passage& passage, const Offer& offer) override {
      note("offered", passage, offer.number);
    }
    void on_delivered(Instant, const Passage& passage, const Delivery& delivery) override {
      note("delivered", passage, delivery.number);
    }
    void note(const char* what, const Passage& passage, std::uint64_t number) {
      notes.push_back(std::to_string(passage.path) + ' ' +
                      std::string(to_string(passage.direction)) + '.' + std::to_string(number) +
                      ' ' + what + ' ' + passage.source.to_string() + ' ' +
                      passage.destination.to_string() + ' ' + text_of(passage.payload));
    }
    std::vector<std::string> notes;
  } watcher;
  Network network;
  network.proxy->observe(watcher);
  UdpSocket& client = network.client();
  network.send(client, "up");
  const Inbox::Letter request = network.next();
  ASSERT_EQ(send_text(network.server, request.source, "down"), SocketOutcome::kDone);
  network.next();
  const std::string outside = client.local_address().to_string();
  const std::string us = network.proxy->address().to_string();
  const std::string inside = request.source.to_string();
  const std::string server = network.server.local_address().to_string();
  EXPECT_THAT(watcher.notes, ElementsAre("0 uplink.1 offered " + outside + ' ' + us + " up",
                                         "0 uplink.1 delivered " + inside + ' ' + server + " up",
                                         "0 downlink.1 offered " + server + ' ' + inside + " down",
                                         "0 downlink.1 delivered " + us + ' ' + outside + " down"));
}

// An address that is taken is the operating system's refusal, in words.
TEST(Proxy, SaysThatAnAddressIsInUse) {
  const UdpSocket taken = UdpSocket::listen(kLoopback4);
  EventLoop loop;
  ProxyOptions options;
  options.listen = taken.local_address();
  options.server = taken.local_address();
  EXPECT_THROW(Proxy(loop, options, plain_links), std::system_error);
}

// A port that is free on all addresses; nobody else takes it in the moment that a test needs.
std::uint16_t free_port(const ListenAddress& everywhere) {
  return UdpSocket::listen(everywhere).local_address().port();
}

// Whatever the words for it, a proxy that would forward to itself knows so; and one that would not
// is not taken for one.
TEST(Proxy, KnowsThatItIsItsOwnServer) {
  struct Case {
    const char* listen;
    const char* to;
    bool is_its_own_server;
  };
  for (const Case& one :
       {Case{"127.0.0.1:", "127.0.0.1:", true}, Case{"0.0.0.0:", "127.0.0.1:", true},
        Case{"0.0.0.0:", "127.9.9.9:", true}, Case{"0.0.0.0:", "0.0.0.0:", true},
        Case{"127.0.0.1:", "0.0.0.0:", true}, Case{"127.0.0.2:", "0.0.0.0:", false},
        Case{"127.0.0.1:", "127.0.0.2:", false}, Case{"[::]:", "[::1]:", true},
        Case{"[::1]:", "[::1]:", true}, Case{"[::]:", "[::]:", true},
        Case{"[::]:", "127.0.0.1:", false}, Case{"0.0.0.0:", "[::1]:", false},
        Case{"*:", "127.0.0.1:", true}, Case{"*:", "[::1]:", true}, Case{"*:", "0.0.0.0:", true}}) {
    SCOPED_TRACE(std::string(one.listen) + " to " + one.to);
    const bool v6 =
        one.listen[0] == '[' || one.listen[0] == '*' || std::string_view(one.to).starts_with('[');
    if (v6 && !has_ipv6()) continue;
    const ListenAddress everywhere = resolve_listen(one.listen[0] == '['   ? "[::]:0"
                                                    : one.listen[0] == '*' ? "*:0"
                                                                           : "0.0.0.0:0");
    const std::string port = std::to_string(free_port(everywhere));
    for (const bool same_port : {true, false}) {
      EventLoop loop;
      ProxyOptions options;
      options.listen = resolve_listen(one.listen + port);
      options.server = *Address::parse(one.to + (same_port ? port : "9"));
      const Proxy proxy(loop, options, plain_links);
      EXPECT_EQ(proxy.is_its_own_server(), same_port && one.is_its_own_server);
    }
  }
}

}  // namespace
}  // namespace lossy
