// A UDP socket that never blocks, over IPv4 or IPv6. Datagrams go through it in batches: see
// ReceiveBatch and SendBatch.
//
// What the network or a peer can bring about is an outcome, never an exception: a datagram with a
// forged source that cannot be answered must not end a server. What the operating system refuses
// when a socket is opened throws std::system_error, naming what was attempted, with which address.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <lossy/core/address.hpp>
#include <lossy/harness/net/file_descriptor.hpp>
#include <lossy/harness/net/socket_address.hpp>

namespace lossy {

// What became of an attempt to send or receive a datagram.
enum class SocketOutcome : std::uint8_t {
  kDone,
  kWouldBlock,   // Nothing to receive, or no room to send.
  kNoBuffers,    // The kernel had no memory for it: lost, as in a full queue.
  kTooLong,      // Longer than the path carries.
  kRefused,      // ICMP says that nobody listens on the port: see also hear_refusals().
  kUnreachable,  // No way there: no route, a firewall, another ICMP error, port 0.
};
inline constexpr std::size_t kSocketOutcomeCount = 6;

// A word for it, as it stands in summaries and JSON: "done", "would_block", "no_buffers",
// "too_long", "refused", "unreachable".
std::string_view to_string(SocketOutcome outcome);

// What an errno means. Errors that only a mistake of ours can cause are thrown, as
// std::system_error that says what was `attempted`.
SocketOutcome outcome_of(int error, const char* attempted);

// What went through a socket, counted in datagrams.
struct SocketCounters {
  std::uint64_t received = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t sent = 0;
  std::uint64_t sent_bytes = 0;
  // By SocketOutcome: datagrams that could not be sent.
  std::array<std::uint64_t, kSocketOutcomeCount> not_sent{};
  // By SocketOutcome: what ICMP reported on something that was sent before.
  std::array<std::uint64_t, kSocketOutcomeCount> reported{};

  std::uint64_t not_sent_in_all() const;
  std::uint64_t reported_in_all() const;
  SocketCounters& operator+=(const SocketCounters& other);
};

// UdpSocket::buffer_shortage() for what the kernel says it gave.
std::string buffer_shortage(std::size_t receive_bytes, std::size_t send_bytes);

// What to do so that the kernel drops less of what comes: "allow more to wait with: ...".
std::string more_room_hint();

class UdpSocket {
 public:
  // As much room as is asked for in the kernel, each way: 20 ms of datagrams at 200,000 a second.
  static constexpr int kBufferBytesWanted = 4 * 1024 * 1024;

  // Whether a port may have several sockets, among which the kernel shares out its datagrams.
  enum class Share : bool { kNo, kYes };

  // Takes datagrams that are sent to `where` by anybody. Port 0 stands for any free one, see
  // local_address(). Unless it is to take both families, an IPv6 socket takes IPv6 only, so that
  // [::]:9999 and 0.0.0.0:9999 are two addresses. A source is written in one way in any case.
  static UdpSocket listen(const ListenAddress& where, Share share = Share::kNo);

  // Takes datagrams from `peer` only, sends to it only, and learns what ICMP says of it.
  static UdpSocket connect(const Address& peer);
  // The same, but nothing when the operating system refuses, and errno says why.
  static std::optional<UdpSocket> try_connect(const Address& peer);

  // From now on it takes datagrams from `peer` only, as a connected one; what came before stays.
  void restrict_to(const Address& peer);

  // From now on each datagram says how long ago it arrived: see Received. That costs the kernel a
  // reading of its clock a datagram, on the whole machine. When nobody else there has asked for it,
  // the kernel begins a moment later; until then they seem to arrive when they are read. Whether
  // the kernel can.
  bool stamp_arrivals();

  // From now on a socket that is not connected learns what ICMP says, too: take_refusal() tells it.
  // Whether the kernel can.
  bool hear_refusals();
  // To which address something was sent where nobody listens, one after the other; nothing when
  // there are no more. Other things that ICMP said are counted as reported.
  std::optional<Address> take_refusal();

  // Where it is bound to, with the port that it got.
  Address local_address() const;
  // The same, of a socket that listens.
  ListenAddress listening() const;
  // What it is connected to, as datagrams from there will say: connecting to 0.0.0.0 reaches
  // 127.0.0.1.
  const std::optional<Address>& peer() const { return peer_; }

  const SocketCounters& counters() const { return counters_; }
  // What was counted since it was last taken, for whoever sums up many sockets.
  SocketCounters take_counters() { return std::exchange(counters_, {}); }

  // Datagrams that the kernel dropped because this socket's buffer was full, or their checksum
  // wrong; the latest count modulo 2^32. They never reached us. Several that were sent as one
  // (GSO), or that it has merged (GRO), it counts as one.
  std::uint32_t kernel_drops() const;

  // How many bytes may wait to be received. The kernel counts what a datagram takes of its memory,
  // which for a small one is some 800 bytes.
  std::size_t receive_buffer_bytes() const;

  // Why fewer datagrams than wanted may wait, to be received or sent, and what to do about it, in
  // one line; nothing when the system gave all that was asked for.
  std::string buffer_shortage() const;

  // For epoll(7).
  int fd() const { return fd_.number(); }

 private:
  friend class ReceiveBatch;
  friend class SendBatch;

  explicit UdpSocket(FileDescriptor fd);

  // Whether the operating system allowed it; else errno says why.
  bool connect_to(const Address& peer);

  FileDescriptor fd_;
  std::optional<Address> peer_;
  bool both_families_ = false;
  SocketCounters counters_;
  // The largest datagrams of which the kernel takes several as one and cuts them itself (GSO): it
  // may know no such thing, and refuses those that are larger than what the interface carries.
  std::size_t segment_bytes_max_ = 0;
  bool stamps_arrivals_ = false;
  bool hears_refusals_ = false;
};

}  // namespace lossy
