#include <lossy/harness/net/event_loop.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include <lossy/harness/net/loopback_for_test.hpp>

namespace lossy {
namespace {

using End = EventLoop::End;
using std::chrono::milliseconds;
using testing::ElementsAre;

// Writes down what it is told, and receives what there is.
class Diary final : public EventLoop::Handler {
 public:
  explicit Diary(EventLoop& loop) : loop_(loop) { loop.add(*this); }

  std::uint64_t watch(UdpSocket& socket) {
    sockets_.push_back(&socket);
    loop_.watch(socket.fd(), *this, sockets_.size());
    return sockets_.size();
  }

  void handle_ready(std::uint64_t key) override {
    entries.push_back(try_receive_text(*sockets_[key - 1]).text);
    loop_.read_clock();
  }
  void handle_timeout(Instant now) override {
    EXPECT_GE(now, *timeout) << "told of a time before that time";
    EXPECT_EQ(now, loop_.now());
    entries.emplace_back("timeout");
    timeout.reset();
  }
  std::optional<Instant> poll_timeout() const override { return timeout; }

  std::optional<Instant> timeout;
  std::vector<std::string> entries;

 private:
  EventLoop& loop_;
  std::vector<UdpSocket*> sockets_;
};

// A time is told of when it has come and not before, whether the loop sleeps or spins; also one
// that is sooner than the one that was waited for.
TEST(EventLoop, WaitsForTimes) {
  for (const bool spin : {false, true}) {
    EventLoop loop({.spin = spin});
    Diary diary(loop);
    for (const auto wait : {milliseconds(3), milliseconds(1), milliseconds(0), milliseconds(2)}) {
      diary.timeout = loop.read_clock() + wait;
      EXPECT_EQ(loop.run([&] { return !diary.timeout; }), End::kDone);
    }
    EXPECT_EQ(diary.entries.size(), 4U);
  }
}

// A timeout that moves nearer while another is armed is not waited for in vain.
TEST(EventLoop, HearsATimeoutThatMovesNearer) {
  EventLoop loop;
  Diary first(loop);
  Diary second(loop);
  UdpSocket socket = UdpSocket::listen(kLoopback4);
  UdpSocket client = UdpSocket::connect(socket.local_address());
  first.watch(socket);
  first.timeout = Instant::max();
  ASSERT_EQ(send_text(client, *client.peer(), "x"), SocketOutcome::kDone);
  EXPECT_EQ(loop.run([&] { return !first.entries.empty(); }), End::kDone);
  second.timeout = loop.now() + milliseconds(1);
  EXPECT_EQ(loop.run([&] { return !second.timeout; }), End::kDone);
  EXPECT_THAT(first.entries, ElementsAre("x"));
}

// What has arrived comes before a timeout that is due.
TEST(EventLoop, HandlesArrivalsFirst) {
  EventLoop loop;
  Diary diary(loop);
  UdpSocket socket = UdpSocket::listen(kLoopback4);
  UdpSocket client = UdpSocket::connect(socket.local_address());
  diary.watch(socket);
  ASSERT_EQ(send_text(client, *client.peer(), "arrival"), SocketOutcome::kDone);
  diary.timeout = Instant{};
  EXPECT_EQ(loop.run([&] { return !diary.timeout; }), End::kDone);
  EXPECT_THAT(diary.entries, ElementsAre("arrival", "timeout"));
}

// With many sockets ready a timeout has its turn after each.
TEST(EventLoop, HandlesTimeoutsBetweenSockets) {
  EventLoop loop;
  Diary diary(loop);
  std::vector<UdpSocket> sockets;
  for (int i = 0; i < 4; ++i) sockets.push_back(UdpSocket::listen(kLoopback4));
  UdpSocket client = UdpSocket::listen(kLoopback4);
  for (UdpSocket& socket : sockets) {
    diary.watch(socket);
    ASSERT_EQ(send_text(client, socket.local_address(), "x"), SocketOutcome::kDone);
  }
  diary.timeout = Instant{};
  EXPECT_EQ(loop.run([&] { return diary.entries.size() == 5; }), End::kDone);
  EXPECT_THAT(diary.entries, ElementsAre("x", "timeout", "x", "x", "x"));
}

// stop() ends a run that waits for nothing, from another thread, and the next one when none is.
TEST(EventLoop, StopsFromAnotherThread) {
  EventLoop loop;
  std::thread other([&] { loop.stop(); });
  EXPECT_EQ(loop.run([] { return false; }), End::kStopped);
  other.join();
  loop.stop();
  EXPECT_EQ(loop.run([] { return false; }), End::kStopped);
  EXPECT_EQ(loop.run([] { return true; }), End::kDone);
}

// Real time begins at Instant{}, and never goes back.
TEST(EventLoop, CountsTimeFromItsStart) {
  EventLoop loop;
  EXPECT_EQ(loop.now(), Instant{});
  Instant last{};
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_GE(loop.read_clock(), last);
    last = loop.now();
  }
  EXPECT_GT(last, Instant{});
}

}  // namespace
}  // namespace lossy
