// What the tests of the proxy share: a server, the proxy in front of it, and clients, in one loop.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lossy/harness/link/random_fates.hpp>
#include <lossy/harness/net/loopback_for_test.hpp>
#include <lossy/harness/net/proxy.hpp>

namespace lossy {

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

inline Proxy::Links plain_links(std::uint64_t = 1, const Address& = {}) {
  return {
      Link(LinkOptions{}, std::make_unique<RandomFates>(Impairments{}, 1, Direction::kUplink)),
      Link(LinkOptions{}, std::make_unique<RandomFates>(Impairments{}, 1, Direction::kDownlink))};
}

// A server's socket, a proxy in front of it, and any number of clients' sockets, all in one loop.
// The inbox has the server's letters as socket 0 and the clients' from 1 on.
struct Network {
  explicit Network(ProxyOptions options = {}, Proxy::MakeLinks links = plain_links,
                   const Address& server_at = kLoopback4, const ListenAddress& listen = kLoopback4)
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

}  // namespace lossy
