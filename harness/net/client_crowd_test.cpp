#include <lossy/harness/net/client_crowd.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <string>

#include <lossy/harness/net/endpoint_driver.hpp>
#include <lossy/harness/net/loopback_for_test.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

// Asks once, and then listens until it has heard enough.
class OneQuestion final : public ClientCrowd::Client {
 public:
  OneQuestion(const Address& server, std::string question, std::size_t enough)
      : server_(server), question_(std::move(question)), enough_(enough) {}

  void handle_datagram(Instant, const Datagram& datagram) override {
    heard.push_back(text_of(datagram.payload));
    sources.push_back(datagram.source);
  }
  void handle_timeout(Instant) override {}
  std::optional<Transmit> poll_transmit(Instant, std::span<std::byte> buffer) override {
    if (asked_) return std::nullopt;
    asked_ = true;
    std::ranges::copy(bytes_of(question_), buffer.begin());
    return Transmit{server_, question_.size()};
  }
  std::optional<Instant> poll_timeout() const override {
    return asked_ ? std::nullopt : std::optional(Instant{});
  }
  void handle_icmp(Instant, SocketOutcome outcome) override { refusals.push_back(outcome); }
  bool is_complete() const override { return !heard.empty(); }
  bool has_ended() const override {
    return heard.size() >= enough_ || (enough_ > 0 && !refusals.empty());
  }

  std::vector<std::string> heard;
  std::vector<Address> sources;
  std::vector<SocketOutcome> refusals;

 private:
  Address server_;
  std::string question_;
  std::size_t enough_;
  bool asked_ = false;
};

class Questions final : public ClientCrowd::Source {
 public:
  void add(const Address& server, std::string question, std::size_t enough = 1) {
    clients.emplace_back(server, std::move(question), enough);
  }
  std::optional<Instant> next_start() const override {
    return next_ == clients.size() ? std::nullopt : std::optional(Instant{});
  }
  ClientCrowd::Client& start(Instant) override {
    open_most = std::max(open_most, next_ + 1 - ended);
    return clients[next_++];
  }
  void end(ClientCrowd::Client&, const ClientCrowd::SocketReport& socket) override {
    ++ended;
    counters += socket.counters;
  }

  std::deque<OneQuestion> clients;
  std::size_t ended = 0;
  std::size_t open_most = 0;
  SocketCounters counters;

 private:
  std::size_t next_ = 0;
};

// Gives every datagram back, from a second socket when it asks for that.
class Echo final : public Endpoint {
 public:
  void handle_datagram(Instant, const Datagram& datagram) override {
    from = datagram.source;
    bytes.assign(datagram.payload.begin(), datagram.payload.end());
    waits = true;
  }
  void handle_timeout(Instant) override {}
  std::optional<Transmit> poll_transmit(Instant, std::span<std::byte> buffer) override {
    if (!waits || silent) return std::nullopt;
    waits = false;
    std::ranges::copy(bytes, buffer.begin());
    return Transmit{from, bytes.size()};
  }
  std::optional<Instant> poll_timeout() const override { return std::nullopt; }

  bool waits = false;
  bool silent = false;
  Address from;
  std::vector<std::byte> bytes;
};

class ClientCrowdTest : public testing::TestWithParam<Address> {
 protected:
  void SetUp() override {
    if (GetParam().is_v6() && !has_ipv6()) GTEST_SKIP() << "no IPv6 on this machine";
    socket.emplace(UdpSocket::listen(GetParam()));
    driver.emplace(loop, echo, *socket);
  }
  Address server() const { return socket->local_address(); }
  void run(std::size_t open_max) {
    ClientCrowd crowd(loop, questions, {.server = server(), .open_max = open_max});
    loop.run([&] { return crowd.is_done(); });
  }

  EventLoop loop;
  Echo echo;
  std::optional<UdpSocket> socket;
  std::optional<EndpointDriver> driver;
  Questions questions;
};

INSTANTIATE_TEST_SUITE_P(Families, ClientCrowdTest, testing::Values(kLoopback4, kLoopback6),
                         [](const auto& family) { return family.param.is_v6() ? "V6" : "V4"; });

// Each client hears what it asked for itself, and never more of them are there than allowed.
TEST_P(ClientCrowdTest, EachHasASocketOfItsOwn) {
  for (int i = 0; i < 200; ++i) questions.add(server(), "question " + std::to_string(i));
  run(7);
  for (int i = 0; i < 200; ++i) {
    EXPECT_THAT(questions.clients[static_cast<std::size_t>(i)].heard,
                ElementsAre("question " + std::to_string(i)));
  }
  EXPECT_EQ(questions.ended, 200U);
  EXPECT_LE(questions.open_most, 7U);
  EXPECT_EQ(questions.counters.sent, 200U);
  EXPECT_EQ(questions.counters.received, 200U);
}

// One that has all it needs, and only listens on, makes room for one that has not begun.
TEST_P(ClientCrowdTest, TheCompleteMakeRoom) {
  for (int i = 0; i < 20; ++i) questions.add(server(), "question", 2);
  ClientCrowd crowd(loop, questions, {.server = server(), .open_max = 3});
  loop.run([&] { return questions.ended >= 17; });
  crowd.end_all();
  EXPECT_TRUE(crowd.is_done());
  EXPECT_EQ(questions.ended, 20U);
}

// A datagram from elsewhere is heard, too, with its source.
TEST_P(ClientCrowdTest, HearsOthers) {
  echo.silent = true;
  questions.add(server(), "question");
  UdpSocket other = UdpSocket::listen(GetParam());
  ClientCrowd crowd(loop, questions, {.server = server(), .open_max = 1});
  loop.run([&] { return echo.waits; });
  SendBatch batch;
  batch.add(echo.from, bytes_of("from elsewhere"));
  batch.flush(other);
  loop.run([&] { return crowd.is_done(); });
  EXPECT_THAT(questions.clients[0].heard, ElementsAre("from elsewhere"));
  EXPECT_THAT(questions.clients[0].sources, ElementsAre(other.local_address()));
}

// Though the sockets are not connected, each is told that nobody listens, and no other is.
TEST_P(ClientCrowdTest, IsToldByIcmp) {
  const Address closed = UdpSocket::listen(GetParam()).local_address();
  questions.add(closed, "question");
  questions.add(server(), "question");
  run(2);
  EXPECT_THAT(questions.clients[0].refusals, ElementsAre(SocketOutcome::kRefused));
  EXPECT_THAT(questions.clients[0].heard, IsEmpty());
  EXPECT_THAT(questions.clients[1].refusals, IsEmpty());
}

// Nothing is shorter or longer than these.
TEST_P(ClientCrowdTest, ShortestAndLongest) {
  const std::string longest(65'507, 'x');
  questions.add(server(), "");
  questions.add(server(), longest);
  run(2);
  EXPECT_THAT(questions.clients[0].heard, ElementsAre(""));
  EXPECT_THAT(questions.clients[1].heard, ElementsAre(longest));
}

}  // namespace
}  // namespace lossy
