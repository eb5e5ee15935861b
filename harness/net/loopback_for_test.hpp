// What the tests of this folder share: sockets on loopback that never wait for the clock.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include <lossy/harness/net/datagram_batch.hpp>
#include <lossy/harness/net/udp_socket.hpp>

namespace lossy {

inline void PrintTo(const Address& address, std::ostream* out) {
  *out << address.to_string();
}

inline const Address kLoopback4 = *Address::parse("127.0.0.1:0");
inline const Address kLoopback6 = *Address::parse("[::1]:0");

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

inline std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Whether this machine has IPv6 on loopback: containers often do not.
inline bool has_ipv6() {
  try {
    UdpSocket::listen(kLoopback6);
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

// Waits until something can be received, an error included. The bound only ends a broken test.
inline void wait_readable(const UdpSocket& socket) {
  pollfd waited{socket.fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&waited, 1, 60'000), 1) << "nothing arrived";
}

struct ReceivedText {
  SocketOutcome outcome = SocketOutcome::kWouldBlock;
  Address source{};
  std::optional<Address> local{};
  std::string text{};
};

// What waits, one datagram: none when there is none.
inline ReceivedText try_receive_text(UdpSocket& socket) {
  ReceiveBatch batch(1);
  ReceivedText result{.outcome = batch.receive(socket)};
  if (batch.datagrams().empty()) return result;
  EXPECT_EQ(batch.datagrams().size(), 1U) << "sent as one by GSO: receive them as a batch";
  const Received& received = batch.datagrams().front();
  return {result.outcome, received.source, received.local, text_of(received.payload)};
}

inline ReceivedText receive_text(UdpSocket& socket) {
  wait_readable(socket);
  return try_receive_text(socket);
}

// Sends one datagram, and says what became of it.
inline SocketOutcome send_text(UdpSocket& socket, const Address& destination, std::string_view text,
                               const std::optional<Address>& local = std::nullopt) {
  const SocketCounters before = socket.counters();
  SendBatch batch;
  batch.add(destination, bytes_of(text), local);
  if (batch.flush(socket) == SocketOutcome::kWouldBlock) return SocketOutcome::kWouldBlock;
  if (socket.counters().sent > before.sent) return SocketOutcome::kDone;
  std::size_t outcome = 0;
  while (socket.counters().not_sent[outcome] == before.not_sent[outcome]) ++outcome;
  return static_cast<SocketOutcome>(outcome);
}

// While it lives the kernel notes when datagrams arrive, which it begins to a moment after the
// first socket of the machine has asked for it.
class ArrivalStamps {
 public:
  ArrivalStamps() : socket_(UdpSocket::listen(kLoopback4)) {
    constexpr std::chrono::milliseconds kWait(5);
    EXPECT_TRUE(socket_.stamp_arrivals());
    ReceiveBatch batch(1);
    for (int i = 0; i < 1'000; ++i) {
      send_text(socket_, socket_.local_address(), "when?");
      std::this_thread::sleep_for(kWait);
      batch.receive(socket_);
      if (!batch.datagrams().empty() && batch.datagrams().front().waited >= kWait) return;
    }
    ADD_FAILURE() << "the kernel does not say when datagrams arrive";
  }

 private:
  UdpSocket socket_;
};

// A port on which nobody listens, for as long as this lives: its socket is connected elsewhere, so
// that the kernel answers everybody else with "port unreachable", and keeps others off the port.
class DeafPort {
 public:
  explicit DeafPort(const Address& loopback)
      : elsewhere_(UdpSocket::listen(loopback)),
        holder_(UdpSocket::connect(elsewhere_.local_address())) {}

  Address address() const { return holder_.local_address(); }

 private:
  UdpSocket elsewhere_;
  UdpSocket holder_;
};

}  // namespace lossy
