// Runs an endpoint over a socket in real time.
//
// 1. This is the only place that reads a clock: CLOCK_MONOTONIC, in nanoseconds.
// 2. What has arrived is delivered before timeouts are handled.
// 3. At most kBatchMax datagrams are delivered in a row, so that a flood cannot keep timeouts or
//    the stop signal waiting.
// 4. After each input the endpoint's datagrams are sent at once. When the kernel has no room, the
//    loop waits for room and reads nothing meanwhile: then it is the network that loses, not we.
// 5. What an endpoint sends to the source of the datagram that it was just given leaves from the
//    address which that datagram was sent to. (It matters to a socket that listens on all addresses
//    of a machine that has several.)
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/endpoint.hpp"
#include "harness/net/stop_signal.hpp"
#include "harness/net/udp_socket.hpp"

namespace lossy {

struct EndpointLoopCounters {
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  // By SocketOutcome: what could not be sent, and what ICMP reported on something sent earlier.
  std::array<std::uint64_t, kSocketOutcomeCount> failed{};
};

class EndpointLoop {
 public:
  static constexpr int kBatchMax = 64;

  enum class End : std::uint8_t {
    kDone,     // done() said so.
    kStopped,  // A stop signal has come; it is the caller's to take.
    kRefused,  // ICMP says that nobody listens at the peer of a connected socket.
  };

  // All three must outlive the loop; without `stop` no signal ends it.
  EndpointLoop(Endpoint& endpoint, UdpSocket& socket, const StopSignal* stop = nullptr);

  // Runs until done() or another end. done() is asked before each wait, when all input so far was
  // handled: also the place to flush what was printed. May be called again, whatever the end was.
  // Throws std::system_error when the operating system fails us.
  End run(const std::function<bool()>& done);

  const EndpointLoopCounters& counters() const { return counters_; }

 private:
  std::optional<End> receive();
  std::optional<End> transmit(const Received& answered = {});
  std::optional<End> send(const Transmit& transmit, const Received& answered);
  std::optional<End> wait(short events, std::optional<Instant> until);
  std::optional<End> count_failure(SocketOutcome outcome);

  Endpoint& endpoint_;
  UdpSocket& socket_;
  const StopSignal* stop_;
  EndpointLoopCounters counters_;
  Instant now_ = Instant::min();  // The clock when it was last read.
  std::vector<std::byte> received_;
  std::vector<std::byte> to_send_;
};

}  // namespace lossy
