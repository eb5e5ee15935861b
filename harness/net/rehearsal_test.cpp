#include <lossy/harness/net/rehearsal.hpp>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include <lossy/harness/net/event_loop.hpp>
#include <lossy/harness/net/loopback_for_test.hpp>

namespace lossy {
namespace {

// What a capture on all interfaces would show, from the moment it is made.
class Tap {
 public:
  Tap() : socket_(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ALL))) {}

  bool possible() const { return socket_.number() >= 0; }

  struct Seen {
    std::uint32_t destination = 0;
    std::uint16_t port = 0;
  };
  // The next UDP datagram over IPv4.
  Seen next() {
    std::array<std::byte, 2048> packet;
    while (true) {
      const ssize_t size = ::recv(socket_.number(), packet.data(), packet.size(), 0);
      iphdr ip;
      udphdr udp;
      if (size < static_cast<ssize_t>(sizeof ip + sizeof udp)) continue;
      std::memcpy(&ip, packet.data(), sizeof ip);
      std::memcpy(&udp, packet.data() + std::size_t{ip.ihl} * 4, sizeof udp);
      if (ip.version == 4 && ip.protocol == IPPROTO_UDP) {
        return {ntohl(ip.daddr), ntohs(udp.uh_dport)};
      }
    }
  }

 private:
  FileDescriptor socket_;
};

// A rehearsal is seen by no capture, neither on the loopback nor on the way to a network.
TEST(Rehearsal, ReachesNoInterface) {
  Tap tap;
  if (!tap.possible()) GTEST_SKIP() << "only root may see what is sent";
  Rehearsal rehearsal;
  if (!rehearsal.possible()) GTEST_SKIP() << "no interface but the loopback";
  for (int i = 0; i < 10; ++i) rehearsal.run();
  UdpSocket last = UdpSocket::listen(kLoopback4);
  UdpSocket sender = UdpSocket::connect(last.local_address());
  ASSERT_EQ(send_text(sender, *sender.peer(), "last"), SocketOutcome::kDone);
  for (Tap::Seen seen = tap.next(); seen.port != sender.peer()->port(); seen = tap.next()) {
    EXPECT_NE(seen.destination, INADDR_ALLHOSTS_GROUP);
  }
}

class Alarm final : public EventLoop::Handler {
 public:
  void handle_ready(std::uint64_t) override {}
  void handle_timeout(Instant) override { timeout.reset(); }
  std::optional<Instant> poll_timeout() const override { return timeout; }

  std::optional<Instant> timeout;
};

// A loop that spins rehearses before something is due; one that sleeps never does.
TEST(Rehearsal, ComesBeforeWhatASpinningLoopWaitsFor) {
  if (!Rehearsal().possible()) GTEST_SKIP() << "no interface but the loopback";
  for (const bool spin : {false, true}) {
    EventLoop loop({.spin = spin});
    Alarm alarm;
    loop.add(alarm);
    // A machine that is busy may wake it too late for a rehearsal, but not each time.
    for (int i = 0; i < 1'000 && (!spin || loop.rehearsals() == 0); ++i) {
      alarm.timeout = loop.read_clock() + std::chrono::microseconds(200);
      loop.run([&] { return !alarm.timeout; });
    }
    EXPECT_EQ(loop.rehearsals() > 0, spin);
  }
}

}  // namespace
}  // namespace lossy
