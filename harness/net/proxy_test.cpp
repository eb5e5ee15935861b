#include "harness/net/proxy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <deque>
#include <functional>
#include <thread>

#include "harness/link/random_fates.hpp"
#include "harness/net/loopback_for_test.hpp"
#include "harness/net/sanitizers_for_test.hpp"

namespace lossy {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::ElementsAreArray;

// Receives on any number of sockets and keeps what came.
class Inbox final : public EventLoop::Handler {
 public:
  struct Letter {
    std::size_t socket = 0;
    Address source{};
    std::string text{};
    Instant when{};
  };

  explicit Inbox(EventLoop& loop) : loop_(loop) { loop.add(*this); }

  UdpSocket& add(UdpSocket socket) {
    sockets_.push_back(std::move(socket));
    loop_.watch(sockets_.back().fd(), *this, sockets_.size() - 1);
    return sockets_.back();
  }
  void close(std::size_t socket) {
    [[maybe_unused]] const UdpSocket closed = std::move(sockets_[socket]);
  }

  void handle_ready(std::uint64_t key) override {
    batch_.receive(sockets_[key]);
    const Instant now = loop_.read_clock();
    for (const Received& received : batch_.datagrams()) {
      letters.push_back({key, received.source, text_of(received.payload), now});
    }
  }
  void handle_timeout(Instant) override {}
  std::optional<Instant> poll_timeout() const override { return std::nullopt; }

  std::vector<std::string> texts(std::size_t socket) const {
    std::vector<std::string> texts;
    for (const Letter& letter : letters) {
      if (letter.socket == socket) texts.push_back(letter.text);
    }
    return texts;
  }

  std::vector<Letter> letters;

 private:
  EventLoop& loop_;
  std::deque<UdpSocket> sockets_;
  ReceiveBatch batch_;
};

Proxy::Links plain_links(std::uint64_t) {
  return {
      Link(LinkOptions{}, std::make_unique<RandomFates>(Impairments{}, 1, Direction::kUplink)),
      Link(LinkOptions{}, std::make_unique<RandomFates>(Impairments{}, 1, Direction::kDownlink))};
}

// A server's socket, a proxy in front of it, and any number of clients' sockets, all in one loop.
// The inbox has the server's letters as socket 0 and the clients' from 1 on.
struct Network {
  explicit Network(ProxyOptions options = {}, Proxy::MakeLinks links = plain_links,
                   const Address& server_at = kLoopback4, const Address& listen = kLoopback4)
      : server(inbox.add(UdpSocket::listen(server_at))) {
    options.listen = listen;
    options.server = server.local_address();
    proxy.emplace(loop, options, std::move(links));
  }

  UdpSocket& client() { return inbox.add(UdpSocket::connect(proxy->address())); }

  void send(UdpSocket& client, std::string_view text) {
    ASSERT_EQ(send_text(client, *client.peer(), text), SocketOutcome::kDone);
  }
  template <typename Done>
  void run_until(Done done) {
    ASSERT_EQ(loop.run(done), EventLoop::End::kDone);
  }
  // Runs until so many datagrams more have come out somewhere, and gives the last.
  Inbox::Letter next(std::size_t count = 1) {
    const std::size_t wanted = inbox.letters.size() + count;
    EXPECT_EQ(loop.run([&] { return inbox.letters.size() >= wanted; }), EventLoop::End::kDone);
    return inbox.letters.back();
  }

  EventLoop loop;
  Inbox inbox{loop};
  UdpSocket& server;
  std::optional<Proxy> proxy;
};

ProxyOptions with_flows_max(std::size_t flows_max) {
  ProxyOptions options;
  options.flows_max = flows_max;
  return options;
}

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

// Each client has a flow of its own: answers go to who asked, and to nobody else.
TEST(Proxy, TellsClientsApart) {
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

// Who listens on all addresses answers from the one that was asked, and observers see that one.
TEST(Proxy, AnswersFromTheAddressAsked) {
  Network network({}, plain_links, kLoopback4, *Address::parse("0.0.0.0:0"));
  const Address asked = Address::v4({127, 0, 0, 2}, network.proxy->address().port());
  UdpSocket& client = network.inbox.add(UdpSocket::connect(asked));
  network.send(client, "?");
  const Inbox::Letter request = network.next();
  ASSERT_EQ(send_text(network.server, request.source, "!"), SocketOutcome::kDone);
  EXPECT_EQ(network.next().source, asked);
}

// Datagrams without bytes and the longest ones go through, and many of one size stay apart.
TEST(Proxy, ForwardsDatagramsOfAllSizes) {
  Network network;
  UdpSocket& client = network.client();
  std::vector<std::string> texts{"", "x", std::string(kPayloadBytesMax, 'y'), ""};
  for (int i = 0; i < 100; ++i) texts.push_back(std::to_string(1'000 + i));
  for (const std::string& text : texts) network.send(client, text);
  network.next(texts.size());
  EXPECT_THAT(network.inbox.texts(0), ElementsAreArray(texts));
}

// What a link does to the n-th datagram in the simulator it does here, too.
TEST(Proxy, HasTheFatesOfTheLinks) {
  const auto uplink = [] {
    Impairments impairments;
    impairments.loss = RandomLoss{Probability::ratio(3, 10)};
    impairments.duplicate.probability = Probability::ratio(1, 10);
    return Link(LinkOptions{}, std::make_unique<RandomFates>(impairments, 7, Direction::kUplink));
  };
  Network network({}, [&](std::uint64_t flow) {
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
  const auto delayed = [](std::uint64_t flow) {
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

// A flow ends when nothing passes for long enough; a client that comes back has another.
TEST(Proxy, EndsIdleFlows) {
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
TEST(Proxy, DoesNotEndAFlowWithSomethingInFlight) {
  ProxyOptions options;
  options.idle = milliseconds(1);
  Network network(options, [](std::uint64_t flow) {
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
TEST(Proxy, BoundsTheNumberOfFlows) {
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
TEST(Proxy, SurvivesMoreClientsThanFlowsAtOnce) {
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
TEST(Proxy, GoesOnWithoutDescriptors) {
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

// The port towards the server changes from time to time, and traffic goes on.
TEST(Proxy, RebindsAsANat) {
  ProxyOptions options;
  options.rebind_every = milliseconds(1);
  Network network(options);
  UdpSocket& client = network.client();
  network.send(client, "1");
  const Address first = network.next().source;
  const std::uint64_t rebinds = network.proxy->counters().rebinds;
  network.run_until([&] { return network.proxy->counters().rebinds > rebinds; });
  network.send(client, "2");
  EXPECT_NE(network.next().source, first);
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
std::uint16_t free_port(const Address& everywhere) {
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
        Case{"[::]:", "127.0.0.1:", false}, Case{"0.0.0.0:", "[::1]:", false}}) {
    SCOPED_TRACE(std::string(one.listen) + " to " + one.to);
    const bool v6 =
        std::string_view(one.listen).starts_with('[') || std::string_view(one.to).starts_with('[');
    if (v6 && !has_ipv6()) continue;
    const Address everywhere = *Address::parse(one.listen[0] == '[' ? "[::]:0" : "0.0.0.0:0");
    const std::string port = std::to_string(free_port(everywhere));
    for (const bool same_port : {true, false}) {
      EventLoop loop;
      ProxyOptions options;
      options.listen = *Address::parse(one.listen + port);
      options.server = *Address::parse(one.to + (same_port ? port : "9"));
      const Proxy proxy(loop, options, plain_links);
      EXPECT_EQ(proxy.is_its_own_server(), same_port && one.is_its_own_server);
    }
  }
}

// What is in flight in all flows together is bounded in its memory; what is lost for it is counted,
// and what others have in flight keeps no new client out.
TEST(Proxy, BoundsTheMemoryOfAllFlows) {
  constexpr std::size_t kMemory = std::size_t{1} << 20;
  ProxyOptions options;
  options.memory_bytes_max = kMemory;
  const auto long_path = [] {
    LinkOptions link;
    link.delay = std::chrono::hours(1);
    return Link(link, std::make_unique<RandomFates>(Impairments{}, 1, Direction::kUplink));
  };
  Network network(options, [&](std::uint64_t) { return Proxy::Links{long_path(), long_path()}; });
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

// What is counted while flows are open is what is counted of them once they have ended.
TEST(Proxy, CountsTheSameWithAndWithoutFlows) {
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
