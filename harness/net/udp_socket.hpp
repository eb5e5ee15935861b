// A UDP socket that never blocks, over IPv4 or IPv6.
//
// What the network or a peer can bring about is an outcome, never an exception: a datagram with a
// forged source that cannot be answered must not end a server. What the operating system refuses
// when a socket is opened throws std::system_error, naming what was attempted, with which address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/address.hpp"
#include "harness/net/file_descriptor.hpp"

namespace lossy {

// What became of an attempt to send or receive a datagram.
enum class SocketOutcome : std::uint8_t {
  kDone,
  kWouldBlock,   // Nothing to receive, or no room to send: poll(2) says when to try again.
  kNoBuffers,    // The kernel had no memory for it: lost, as in a full queue.
  kTooLong,      // Longer than the buffer given (receive) or than the path carries (send).
  kRefused,      // ICMP says that nobody listens on the port. Connected sockets only.
  kUnreachable,  // No way there: no route, a firewall, another ICMP error, port 0.
};
inline constexpr std::size_t kSocketOutcomeCount = 6;

// A word for it, as it stands in summaries and JSON: "done", "would_block", "no_buffers",
// "too_long", "refused", "unreachable".
std::string_view to_string(SocketOutcome outcome);

struct Received {
  SocketOutcome outcome = SocketOutcome::kWouldBlock;
  Address source{};      // Of kDone and of a kTooLong with a size.
  std::size_t size = 0;  // The datagram's own: of a kTooLong, more than the buffer holds.
  // Which of this machine's addresses it was sent to, with port 0: known when the socket listens on
  // all of them.
  std::optional<Address> local{};
};

class UdpSocket {
 public:
  // Takes datagrams that are sent to `address` by anybody. Port 0 stands for any free one, see
  // local_address(). An IPv6 socket takes IPv6 only, so that [::]:9999 and 0.0.0.0:9999 are two
  // addresses and a source is written in one way.
  static UdpSocket listen(const Address& address);

  // Takes datagrams from `peer` only, sends to it only, and learns what ICMP says of it.
  static UdpSocket connect(const Address& peer);

  // Where it is bound to, with the port that it got.
  Address local_address() const;
  // What it is connected to, as datagrams from there will say: connecting to 0.0.0.0 reaches
  // 127.0.0.1.
  const std::optional<Address>& peer() const { return peer_; }

  // The next datagram that waits, written to the front of `buffer`. An error that ICMP reported on
  // something sent earlier comes up here, or in send(), once.
  Received receive(std::span<std::byte> buffer);

  // A connected socket must be given its peer: else std::logic_error. Anything but kDone means that
  // the datagram was not sent. `local` is what receive() gave: an answer must leave from the
  // address that was asked, or the client takes it for somebody else's.
  SocketOutcome send(const Address& destination, std::span<const std::byte> payload,
                     const std::optional<Address>& local = std::nullopt);

  // For poll(2).
  int fd() const { return fd_.number(); }

 private:
  explicit UdpSocket(FileDescriptor fd) : fd_(std::move(fd)) {}

  FileDescriptor fd_;
  std::optional<Address> peer_;
};

}  // namespace lossy
