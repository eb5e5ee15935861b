// The verbs that every protocol has, so that simulator, sockets, replayer and fuzzer share one
// loop.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "core/address.hpp"
#include "core/clock.hpp"

namespace lossy {

// The largest UDP payload: 65,535 - 8 bytes (RFC 768), which IPv6 carries, since its length counts
// no header (RFC 8200). IPv4's does (RFC 791), so that it carries 20 bytes less.
inline constexpr std::size_t kPayloadBytesMax = 65'527;
inline constexpr std::size_t kPayloadBytesMaxV4 = 65'507;

// What can be sent to or from this address.
inline std::size_t payload_bytes_max(const Address& address) {
  return address.is_v6() ? kPayloadBytesMax : kPayloadBytesMaxV4;
}

// A datagram as an endpoint sees it arrive. The payload is the caller's and valid during the call.
struct Datagram {
  Address source;
  std::span<const std::byte> payload;
};

// A datagram that an endpoint wants sent: its payload is the first `size` bytes of the buffer
// given.
struct Transmit {
  Address destination;
  std::size_t size = 0;
};

// A protocol endpoint without I/O.
// Makes no system call, reads no clock, draws no unseeded randomness.
// After each handle_*(), and after each call of the endpoint's own that starts something: call
// poll_transmit() until it returns nothing, then the endpoint's own poll_event() until it returns
// nothing, then arm a timer for poll_timeout(). Times passed in must not decrease.
class Endpoint {
 public:
  virtual ~Endpoint() = default;

  // A datagram has arrived. It may hold anything at all; what is refused is counted, never thrown.
  virtual void handle_datagram(Instant now, const Datagram& datagram) = 0;

  // Time has passed. Calling it early is harmless; calling it later than poll_timeout() makes what
  // depends on the time late. At equal times deliveries come before timeouts.
  virtual void handle_timeout(Instant now) = 0;

  // The next datagram to send, written to the front of `buffer`, or nothing. The buffer must hold
  // the largest datagram that the protocol sends; kPayloadBytesMax is always enough.
  virtual std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer) = 0;

  // When to call handle_timeout() at the latest, or nothing for never.
  virtual std::optional<Instant> poll_timeout() const = 0;
};

}  // namespace lossy
