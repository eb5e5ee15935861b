// The verbs that every protocol has, so that simulator, sockets, replayer and fuzzer share one
// loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <lossy/core/address.hpp>
#include <lossy/core/clock.hpp>

namespace lossy {

// The largest UDP payload: 65,535 - 8 bytes (RFC 768), which IPv6 carries, since its length counts
// no header (RFC 8200). IPv4's does (RFC 791), so that it carries 20 bytes less.
inline constexpr std::size_t kPayloadBytesMax = 65'527;
inline constexpr std::size_t kPayloadBytesMaxV4 = 65'507;

// What can be sent to or from this address.
inline std::size_t payload_bytes_max(const Address& address) {
  return address.is_v6() ? kPayloadBytesMax : kPayloadBytesMaxV4;
}

// The two ECN bits of an IP header, as they are there (RFC 3168 section 5).
enum class Ecn : std::uint8_t { kNotEct = 0, kEct1 = 1, kEct0 = 2, kCe = 3 };

// A datagram as an endpoint sees it arrive. The payload is the caller's and valid during the call.
struct Datagram {
  Address source;
  std::span<const std::byte> payload;
  Address destination{};  // Which of the host's addresses it came to.
  Ecn ecn = Ecn::kNotEct;
};

// A datagram that an endpoint wants sent: its payload is the first `size` bytes of the buffer
// given.
struct Transmit {
  Address destination;
  std::size_t size = 0;
  std::optional<Address> source{};  // Of the host's addresses; else the first of the family.
  Ecn ecn = Ecn::kNotEct;
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

  // What was sent to this address is refused: the host is there, and nobody has the port (ICMP and
  // ICMPv6, port unreachable). Networks that lose datagrams lose refusals, too.
  virtual void handle_refusal(Instant /*now*/, const Address& /*destination*/) {}

  // Time has passed. Calling it early is harmless; calling it later than poll_timeout() makes what
  // depends on the time late. At equal times deliveries come before timeouts.
  virtual void handle_timeout(Instant now) = 0;

  // The next datagram to send, written to the front of `buffer`, or nothing. The buffer must hold
  // the largest datagram that the protocol sends; kPayloadBytesMax is always enough.
  virtual std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer) = 0;

  // When to call handle_timeout() at the latest, or nothing for never.
  virtual std::optional<Instant> poll_timeout() const = 0;

  // Whether it takes what comes to this address: for one that has every port of its host, and opens
  // and closes them as it goes. What comes to a closed port is refused.
  virtual bool listens_at(const Address& /*local*/) const { return true; }
};

}  // namespace lossy
