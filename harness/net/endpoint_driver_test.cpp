#include <lossy/harness/net/endpoint_driver.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <future>
#include <thread>

#include <lossy/core/greeting/greeter.hpp>
#include <lossy/core/greeting/server.hpp>
#include <lossy/harness/net/loopback_for_test.hpp>

namespace lossy {
namespace {

using End = EventLoop::End;
using testing::ElementsAre;
using testing::UnorderedElementsAreArray;

// A loop with nothing but one endpoint, which also ends when ICMP says that nobody listens.
class EndpointLoop {
 public:
  EndpointLoop(Endpoint& endpoint, UdpSocket& socket, const StopSignal* stop = nullptr)
      : socket_(socket), loop_({.stop = stop}), driver_(loop_, endpoint, socket) {}

  End run(const std::function<bool()>& done) {
    driver_.transmit();
    return loop_.run([&] { return driver_.refused() || done(); });
  }
  bool refused() const { return driver_.refused(); }
  const SocketCounters& counters() const { return socket_.counters(); }

 private:
  UdpSocket& socket_;
  EventLoop loop_;
  EndpointDriver driver_;
};

bool never() {
  return false;
}

// Never times out, so that a slow machine changes nothing.
constexpr RetryOptions kPatient{.initial_rto = kDurationMax,
                                .min_rto = kDurationMax,
                                .max_rto = kDurationMax,
                                .attempts_max = 5};

// Writes down the order of what the loop does with it; has one timeout, which was always due.
class Diary final : public Endpoint {
 public:
  void handle_datagram(Instant now, const Datagram& datagram) override {
    note(now, text_of(datagram.payload));
    to_answer_.push_back(datagram.source);
  }
  void handle_timeout(Instant now) override {
    note(now, "timeout");
    timeout_.reset();
  }
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte>) override {
    if (to_answer_.empty()) return std::nullopt;
    note(now, "answer");
    const Transmit transmit{to_answer_.back(), 0};
    to_answer_.pop_back();
    return transmit;
  }
  std::optional<Instant> poll_timeout() const override { return timeout_; }

  void arm() { timeout_ = Instant::min(); }
  const std::vector<std::string>& entries() const { return entries_; }
  Instant last() const { return last_; }
  bool has(std::string_view entry) const {
    return std::find(entries_.begin(), entries_.end(), entry) != entries_.end();
  }

 private:
  void note(Instant now, std::string entry) {
    EXPECT_GE(now, last_) << "times must not decrease";
    last_ = now;
    entries_.push_back(std::move(entry));
  }

  std::vector<std::string> entries_;
  std::vector<Address> to_answer_;
  std::optional<Instant> timeout_;
  Instant last_ = Instant::min();
};

struct Greeted {
  End end = End::kStopped;
  bool refused = false;
  std::vector<std::string> names;
  GreeterResult result;
};

Greeted greet(const Address& server, std::vector<std::string> names,
              const RetryOptions& retry = kPatient, std::size_t window = 1) {
  UdpSocket socket = UdpSocket::connect(server);
  Greeted greeted;
  GreeterOptions options;
  options.client.server = *socket.peer();
  options.client.retry = retry;
  options.client.window = window;
  Greeter greeter(options, Names(std::move(names)), [&](const ClientEvent& event) {
    if (event.kind == ClientEvent::Kind::kGreeted) greeted.names.emplace_back(event.name);
  });
  EndpointLoop loop(greeter, socket);
  greeted.end = loop.run([&] { return greeter.done(); });
  greeted.refused = loop.refused();
  greeted.result = greeter.result();
  return greeted;
}

// Server and client greet over real sockets, each in its own loop, over either family.
TEST(EndpointDriver, GreetsOverLoopback) {
  for (const Address& loopback : {kLoopback4, kLoopback6}) {
    if (loopback.is_v6() && !has_ipv6()) continue;
    SCOPED_TRACE(loopback.to_string());
    UdpSocket socket = UdpSocket::listen(loopback);
    Server server;
    EndpointLoop loop(server, socket);
    std::thread serving([&] { loop.run([&] { return server.counters().answered == 3; }); });
    const Greeted greeted = greet(socket.local_address(), {"Michael", "Tracy", "Sarah"});
    serving.join();
    EXPECT_EQ(greeted.end, End::kDone);
    EXPECT_THAT(greeted.names, ElementsAre("Michael", "Tracy", "Sarah"));
    EXPECT_EQ(loop.counters().received, 3U);
    EXPECT_EQ(loop.counters().sent, 3U);
  }
}

// Many outstanding at once: each is greeted, whatever else waits in the sockets' buffers.
TEST(EndpointDriver, GreetsManyAtOnce) {
  UdpSocket socket = UdpSocket::listen(kLoopback4);
  Server server;
  EndpointLoop loop(server, socket);
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back("guest-" + std::to_string(i));
  std::thread serving([&] { loop.run([&] { return server.counters().answered >= 100; }); });
  const Greeted greeted = greet(socket.local_address(), names, kPatient, 32);
  serving.join();
  EXPECT_THAT(greeted.names, UnorderedElementsAreArray(names));
}

// A server on all addresses can be reached at each of them.
TEST(EndpointDriver, AnswersFromTheAddressAsked) {
  UdpSocket socket = UdpSocket::listen(*Address::parse("0.0.0.0:0"));
  Server server;
  EndpointLoop loop(server, socket);
  std::thread serving([&] { loop.run([&] { return server.counters().answered == 1; }); });
  const std::uint16_t port = socket.local_address().port();
  EXPECT_EQ(greet(Address::v4({127, 0, 0, 2}, port), {"Sarah"}).end, End::kDone);
  serving.join();
}

// The endpoint sees a datagram longer than the protocol allows as what it is, and stays silent.
TEST(EndpointDriver, DeliversWhatTheProtocolRefuses) {
  UdpSocket socket = UdpSocket::listen(kLoopback4);
  UdpSocket client = UdpSocket::connect(socket.local_address());
  const std::string name(kNameBytesMax, 'x');
  for (const std::string& payload : {std::string(65'507, 'x'), std::string(1'025, 'x'),
                                     std::string(), std::string("\xFF"), name}) {
    ASSERT_EQ(send_text(client, socket.local_address(), payload), SocketOutcome::kDone);
  }
  Server server;
  EndpointLoop loop(server, socket);
  EXPECT_EQ(loop.run([&] { return server.counters().received == 5; }), End::kDone);
  EXPECT_EQ(server.counters().answered, 1U);
  EXPECT_EQ(server.counters().refused[static_cast<std::size_t>(Malformed::kTooLong)], 2U);
  EXPECT_EQ(server.counters().refused[static_cast<std::size_t>(Malformed::kEmpty)], 1U);
  EXPECT_EQ(server.counters().refused[static_cast<std::size_t>(Malformed::kNotUtf8)], 1U);
  EXPECT_EQ(receive_text(client).text, "Hello, " + name + "!");
}

// With nobody listening the run ends at the first ICMP message, long before anything times out.
TEST(EndpointDriver, EndsWhenNobodyListens) {
  const DeafPort nobody(kLoopback4);
  const Greeted greeted = greet(nobody.address(), {"Michael"});
  EXPECT_TRUE(greeted.refused);
  EXPECT_THAT(greeted.names, ElementsAre());
}

// A server that does not answer is asked again, and given up in the end.
TEST(EndpointDriver, HandlesTimeouts) {
  const UdpSocket silent = UdpSocket::listen(kLoopback4);
  RetryOptions hasty;
  hasty.initial_rto = std::chrono::microseconds(1);
  hasty.attempts_max = 3;
  const Greeted greeted = greet(silent.local_address(), {"Michael", "Tracy"}, hasty);
  EXPECT_EQ(greeted.end, End::kDone);
  EXPECT_EQ(greeted.result.gave_up, 2U);
  EXPECT_EQ(greeted.result.attempts, 6U);
}

// What has arrived is delivered, and answered, before a timeout that is due.
TEST(EndpointDriver, DeliversBeforeTimeouts) {
  UdpSocket socket = UdpSocket::listen(kLoopback4);
  UdpSocket client = UdpSocket::connect(socket.local_address());
  ASSERT_EQ(send_text(client, socket.local_address(), "first"), SocketOutcome::kDone);
  ASSERT_EQ(send_text(client, socket.local_address(), "second"), SocketOutcome::kDone);
  Diary diary;
  diary.arm();
  EndpointLoop loop(diary, socket);
  EXPECT_EQ(loop.run([&] { return diary.has("timeout"); }), End::kDone);
  EXPECT_THAT(diary.entries(), ElementsAre("first", "answer", "second", "answer", "timeout"));
}

// A datagram counts from when the kernel had it, however late this program is, if asked for.
TEST(EndpointDriver, TellsArrivalTimes) {
  const ArrivalStamps stamps;
  for (const auto times : {EndpointDriver::Times::kArrival, EndpointDriver::Times::kRead}) {
    UdpSocket socket = UdpSocket::listen(kLoopback4);
    ASSERT_TRUE(socket.stamp_arrivals());
    UdpSocket client = UdpSocket::connect(socket.local_address());
    class Quiet final : public Endpoint {
     public:
      void handle_datagram(Instant now, const Datagram&) override { came.push_back(now); }
      void handle_timeout(Instant) override {}
      std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte>) override {
        if (!came.empty()) {
          EXPECT_GE(now, came.back());
        }
        return std::nullopt;
      }
      std::optional<Instant> poll_timeout() const override { return std::nullopt; }
      std::vector<Instant> came;
    } quiet;
    EventLoop loop;
    EndpointDriver driver(loop, quiet, socket, times);
    // Two clocks are read one after the other, and a busy machine may keep the program waiting in
    // between, which makes an arrival late by as much: in the end the program itself is later.
    for (Duration late = std::chrono::milliseconds(20);; late *= 2) {
      quiet.came.clear();
      const Instant before = loop.read_clock();
      ASSERT_EQ(send_text(client, socket.local_address(), "first"), SocketOutcome::kDone);
      ASSERT_EQ(send_text(client, socket.local_address(), "second"), SocketOutcome::kDone);
      const Instant after = loop.read_clock();
      std::this_thread::sleep_for(late);
      EXPECT_EQ(loop.run([&] { return quiet.came.size() == 2; }), End::kDone);
      if (times == EndpointDriver::Times::kRead) {
        EXPECT_GE(quiet.came[0], after + late);
        EXPECT_EQ(quiet.came[0], quiet.came[1]);
        break;
      }
      EXPECT_GE(quiet.came[0], before);
      EXPECT_LE(quiet.came[0], quiet.came[1]);
      if (quiet.came[1] < after + late) break;
      ASSERT_LT(late, std::chrono::seconds(5)) << "it is never told when they came";
    }
  }
}

// A flood cannot keep a timeout waiting for longer than one batch.
TEST(EndpointDriver, HandlesTimeoutsInAFlood) {
  UdpSocket socket = UdpSocket::listen(kLoopback4);
  UdpSocket client = UdpSocket::connect(socket.local_address());
  for (int i = 0; i < 2 * static_cast<int>(ReceiveBatch::kMessagesMax); ++i) {
    ASSERT_EQ(send_text(client, socket.local_address(), "flood"), SocketOutcome::kDone);
  }
  Diary diary;
  diary.arm();
  EndpointLoop loop(diary, socket);
  EXPECT_EQ(loop.run([&] { return diary.has("timeout"); }), End::kDone);
  EXPECT_EQ(loop.counters().received, ReceiveBatch::kMessagesMax);
}

// An answer that cannot be sent is counted, and the next one is sent all the same.
TEST(EndpointDriver, CountsWhatCannotBeSent) {
  // Sends what it is told to before anything else, here to a port that does not exist.
  class Misled final : public Endpoint {
   public:
    explicit Misled(std::vector<Address> destinations) : destinations_(std::move(destinations)) {}
    void handle_datagram(Instant, const Datagram&) override {}
    void handle_timeout(Instant) override {}
    std::optional<Transmit> poll_transmit(Instant, std::span<std::byte>) override {
      if (destinations_.empty()) return std::nullopt;
      const Transmit transmit{destinations_.back(), 0};
      destinations_.pop_back();
      return transmit;
    }
    std::optional<Instant> poll_timeout() const override { return std::nullopt; }

   private:
    std::vector<Address> destinations_;
  };
  UdpSocket socket = UdpSocket::listen(kLoopback4);
  UdpSocket client = UdpSocket::listen(kLoopback4);
  Misled endpoint({client.local_address(), kLoopback4});
  EndpointLoop loop(endpoint, socket);
  EXPECT_EQ(loop.run([] { return true; }), End::kDone);
  EXPECT_EQ(loop.counters().sent, 1U);
  EXPECT_EQ(loop.counters().not_sent[static_cast<std::size_t>(SocketOutcome::kUnreachable)], 1U);
  EXPECT_EQ(receive_text(client).outcome, SocketOutcome::kDone);
}

// A signal ends a loop that waits for nothing else, and is left to the caller to take.
TEST(EndpointDriver, StopsBySignal) {
  for (const int signal : {SIGINT, SIGTERM}) {
    std::promise<void> ready;
    std::thread serving([&] {
      UdpSocket socket = UdpSocket::listen(kLoopback4);
      Server server;
      StopSignal stop;
      ready.set_value();
      EXPECT_EQ(EndpointLoop(server, socket, &stop).run(never), End::kStopped);
      EXPECT_EQ(stop.take(), signal);
    });
    ready.get_future().wait();
    ::pthread_kill(serving.native_handle(), signal);
    serving.join();
  }
}

// A signal is heard even when input never ends.
TEST(EndpointDriver, StopsBySignalInAFlood) {
  UdpSocket socket = UdpSocket::listen(kLoopback4);
  // Every answer goes to the socket that sent it, so that there is always more to receive.
  Diary diary;
  ASSERT_EQ(send_text(socket, socket.local_address(), "echo"), SocketOutcome::kDone);
  StopSignal stop;
  EndpointLoop loop(diary, socket, &stop);
  int rounds = 0;
  EXPECT_EQ(loop.run([&] {
    if (++rounds == 3) ::raise(SIGTERM);
    return rounds > 1'000;
  }),
            End::kStopped);
  EXPECT_EQ(rounds, 3);
}

// Whatever ended a run, the next one goes on where it left off.
TEST(EndpointDriver, RunsAgain) {
  UdpSocket socket = UdpSocket::listen(kLoopback4);
  UdpSocket client = UdpSocket::connect(socket.local_address());
  Server server;
  StopSignal stop;
  EndpointLoop loop(server, socket, &stop);
  ::raise(SIGINT);
  EXPECT_EQ(loop.run(never), End::kStopped);
  stop.take();
  ASSERT_EQ(send_text(client, socket.local_address(), "Sarah"), SocketOutcome::kDone);
  EXPECT_EQ(loop.run([&] { return server.counters().answered == 1; }), End::kDone);
  EXPECT_EQ(receive_text(client).text, "Hello, Sarah!");
}

// Threads that share a port, each with a socket, a server and a loop of its own, greet everybody
// between them, and end when another thread says so.
TEST(EndpointDriver, SharesAPortAmongThreads) {
  constexpr int kThreads = 3;
  constexpr std::size_t kClients = 20;
  struct Worker {
    explicit Worker(const Address& address)
        : socket(UdpSocket::listen(address, UdpSocket::Share::kYes)) {}
    UdpSocket socket;
    Server server;
    EventLoop loop;
    EndpointDriver driver{loop, server, socket};
    std::thread thread;
  };
  std::vector<std::unique_ptr<Worker>> workers;
  Address address = kLoopback4;
  for (int i = 0; i < kThreads; ++i) {
    workers.push_back(std::make_unique<Worker>(address));
    address = workers.front()->socket.local_address();
  }
  for (const auto& worker : workers) {
    worker->thread =
        std::thread([&loop = worker->loop] { EXPECT_EQ(loop.run(never), End::kStopped); });
  }
  for (std::size_t i = 0; i < kClients; ++i) {
    EXPECT_THAT(greet(address, {"Michael", "Tracy"}).names, ElementsAre("Michael", "Tracy"));
  }
  std::uint64_t answered = 0;
  for (const auto& worker : workers) {
    worker->loop.stop();
    worker->thread.join();
    answered += worker->server.counters().answered;
  }
  EXPECT_EQ(answered, 2 * kClients);
}

}  // namespace
}  // namespace lossy
