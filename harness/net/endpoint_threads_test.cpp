#include <lossy/harness/net/endpoint_threads.hpp>

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

#include <lossy/core/greeting/server.hpp>
#include <lossy/harness/net/loopback_for_test.hpp>

namespace lossy {
namespace {

// The servers of some threads, which count for whoever asks once they have ended.
class Servers {
 public:
  explicit Servers(std::size_t threads, const Address& listen = kLoopback4)
      : threads_(
            listen, threads,
            [this] {
              auto server = std::make_unique<Server>();
              servers_.push_back(server.get());
              return server;
            },
            stop_) {}

  // Runs while `meanwhile` does, in another thread.
  template <typename Meanwhile>
  void run_while(Meanwhile meanwhile) {
    const pthread_t runner = ::pthread_self();
    std::thread other([&] {
      meanwhile();
      ::pthread_kill(runner, SIGTERM);
    });
    threads_.run([this] { ticks_.fetch_add(1, std::memory_order_relaxed); });
    other.join();
    EXPECT_EQ(stop_.take(), SIGTERM);
  }

  EndpointThreads& threads() { return threads_; }
  const std::vector<Server*>& servers() const { return servers_; }
  int ticks() const { return ticks_; }

 private:
  StopSignal stop_;
  std::vector<Server*> servers_;
  EndpointThreads threads_;
  std::atomic<int> ticks_ = 0;
};

class EndpointThreadsOfFamily : public testing::TestWithParam<Address> {
 protected:
  void SetUp() override {
    if (GetParam().is_v6() && !has_ipv6()) GTEST_SKIP() << "no IPv6 on this machine's loopback";
  }
};

INSTANTIATE_TEST_SUITE_P(Families, EndpointThreadsOfFamily, testing::Values(kLoopback4, kLoopback6),
                         [](const auto& tested) { return tested.param.is_v6() ? "IPv6" : "IPv4"; });

// Many clients at once are served by several threads of one port; all of it is counted.
TEST_P(EndpointThreadsOfFamily, ServeManyClients) {
  constexpr std::size_t kClients = 64;
  Servers servers(4, GetParam());
  servers.run_while([&] {
    std::vector<UdpSocket> clients;
    for (std::size_t i = 0; i < kClients; ++i) {
      clients.push_back(UdpSocket::connect(servers.threads().address()));
      send_text(clients.back(), servers.threads().address(), "guest-" + std::to_string(i));
    }
    for (std::size_t i = 0; i < kClients; ++i) {
      EXPECT_EQ(receive_text(clients[i]).text, "Hello, guest-" + std::to_string(i) + "!");
    }
  });
  EXPECT_EQ(servers.threads().counters().received, kClients);
  EXPECT_EQ(servers.threads().counters().sent, kClients);
  EXPECT_EQ(servers.threads().kernel_drops(), 0U);
  EXPECT_GT(servers.ticks(), 4);
  std::uint64_t answered = 0;
  std::size_t busy = 0;
  for (const Server* server : servers.servers()) {
    answered += server->counters().answered;
    if (server->counters().answered > 0) ++busy;
  }
  EXPECT_EQ(answered, kClients);
  EXPECT_GT(busy, 1U);  // By a hash of the ports: all in one has the chance 4^-63.
}

// One thread needs no sharing, and somebody else's port is refused, shared or not.
TEST(EndpointThreads, KeepTheirPort) {
  for (const std::size_t threads : {1U, 3U}) {
    Servers servers(threads);
    EXPECT_THROW(Servers(1, servers.threads().address()), std::system_error);
    EXPECT_THROW(Servers(2, servers.threads().address()), std::system_error);
    UdpSocket client = UdpSocket::connect(servers.threads().address());
    servers.run_while([&] {
      send_text(client, servers.threads().address(), "Michael");
      EXPECT_EQ(receive_text(client).text, "Hello, Michael!");
    });
  }
}

// What one thread throws ends all of them, and is thrown to whoever runs them.
TEST(EndpointThreads, EndWithWhatOneThrows) {
  class Broken final : public Endpoint {
   public:
    void handle_datagram(Instant, const Datagram&) override { throw std::runtime_error("broken"); }
    void handle_timeout(Instant) override {}
    std::optional<Transmit> poll_transmit(Instant, std::span<std::byte>) override { return {}; }
    std::optional<Instant> poll_timeout() const override { return {}; }
  };
  for (const std::size_t threads : {1U, 4U}) {
    const StopSignal stop;
    EndpointThreads broken(
        kLoopback4, threads, [] { return std::make_unique<Broken>(); }, stop);
    UdpSocket client = UdpSocket::connect(broken.address());
    send_text(client, broken.address(), "Michael");
    EXPECT_THROW(broken.run(), std::runtime_error);
  }
}

// What the kernel dropped of a burst is counted apart from what reached a server.
TEST(EndpointThreads, CountWhatTheKernelDropped) {
  Servers servers(2);
  UdpSocket client = UdpSocket::connect(servers.threads().address());
  // Each takes the kernel more than its bytes, so that these are more than it lets wait.
  const std::string text(60'000, 'x');
  const std::uint64_t sent = servers.threads().receive_buffer_bytes() / text.size() + 10;
  for (std::uint64_t i = 0; i < sent; ++i) {
    ASSERT_EQ(send_text(client, servers.threads().address(), text), SocketOutcome::kDone);
  }
  std::uint64_t asked = 0;
  servers.run_while([&] {
    // The answer to the latest says that all before it was read or dropped. Answers to several that
    // waited may come as one.
    ReceiveBatch answers(1);
    const auto has_come = [&](const std::string& answer) {
      answers.receive(client);
      return std::ranges::any_of(answers.datagrams(), [&](const Received& received) {
        return text_of(received.payload) == answer;
      });
    };
    for (std::string latest; latest.empty() || !has_come(latest);) {
      const std::string name = "guest-" + std::to_string(++asked);
      latest = "Hello, " + name + "!";
      send_text(client, servers.threads().address(), name);
      pollfd waited{client.fd(), POLLIN, 0};
      ::poll(&waited, 1, 100);
    }
  });
  EXPECT_GT(servers.threads().kernel_drops(), 0U);
  EXPECT_GT(servers.threads().counters().received, 1U);
  EXPECT_EQ(servers.threads().counters().received + servers.threads().kernel_drops(), sent + asked);
}

}  // namespace
}  // namespace lossy
