// Datagrams that cross the border to the kernel together, because each crossing costs as much as
// the work on a datagram: recvmmsg(2) and sendmmsg(2), and where the kernel knows it GRO and GSO,
// which carry several datagrams of one sender through it as one.
//
// Memory is taken once. What is seen of a batch is one datagram after the other, as they were sent.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <lossy/core/endpoint.hpp>
#include <lossy/harness/net/control_message.hpp>
#include <lossy/harness/net/socket_address.hpp>
#include <lossy/harness/net/udp_socket.hpp>

namespace lossy {

struct Received {
  Address source;
  // Which of this machine's addresses it was sent to, with port 0: known when the socket listens on
  // all of them.
  std::optional<Address> local{};
  std::span<const std::byte> payload;  // Valid until the batch receives again.
  // How long it had been in the kernel when the batch was taken: zero unless the socket was told to
  // stamp_arrivals(). Never negative, and never too long but when somebody sets this machine's
  // clock in between: so take it from a reading of another clock, made after receive(), and keep
  // the order of what came.
  Duration waited{};
};

class ReceiveBatch {
 public:
  static constexpr std::size_t kMessagesMax = 64;

  // Takes at most so many messages at once; one may be several datagrams that the kernel merged.
  explicit ReceiveBatch(std::size_t messages_max = kMessagesMax);
  ReceiveBatch(const ReceiveBatch&) = delete;
  ReceiveBatch& operator=(const ReceiveBatch&) = delete;

  // Takes what waits. An error that ICMP reported on something sent earlier comes up here, or when
  // something is sent, once; it is counted, and there may be datagrams behind it.
  SocketOutcome receive(UdpSocket& socket);

  // What the last receive() took, in the order it came.
  std::span<const Received> datagrams() const { return datagrams_; }

 private:
  void split(const mmsghdr& taken, const Address& source, std::span<const std::byte> bytes,
             Duration now);

  std::unique_ptr<std::byte[]> bytes_;
  std::vector<SocketAddress> sources_;
  std::vector<Control> controls_;
  std::vector<iovec> parts_;
  std::vector<mmsghdr> messages_;
  std::vector<Received> datagrams_;
};

class SendBatch {
 public:
  static constexpr std::size_t kDatagramsMax = 256;

  SendBatch();
  SendBatch(const SendBatch&) = delete;
  SendBatch& operator=(const SendBatch&) = delete;

  bool empty() const { return datagrams_.empty(); }
  // No more can be added before the batch is sent.
  bool full() const;

  // Where the next datagram's payload is to be written: kPayloadBytesMax bytes. Not when full.
  std::span<std::byte> room();
  // Adds a datagram whose payload is the first `size` bytes of room(). `local` is what was received
  // with the datagram that this one answers: an answer must leave from the address that was asked,
  // or the client takes it for somebody else's.
  void add(const Address& destination, std::size_t size,
           const std::optional<Address>& local = std::nullopt);
  // The same with a payload that lies elsewhere.
  void add(const Address& destination, std::span<const std::byte> payload,
           const std::optional<Address>& local = std::nullopt);

  // Sends all of it, in order; kWouldBlock when the kernel has no room, and the rest stays. What
  // cannot be sent is counted and passed over. An error on something that was sent earlier is
  // counted, and keeps nothing from being sent. A connected socket must be given datagrams to its
  // peer only: else std::logic_error.
  SocketOutcome flush(UdpSocket& socket);

  // Gives up on what stays, counted as what could not be sent for want of room.
  void drop(UdpSocket& socket);

 private:
  struct Queued {
    Address destination;
    std::optional<Address> local;
    std::size_t at = 0;
    std::size_t size = 0;
  };

  // Prepares messages from the next datagram on, and gives their number.
  unsigned prepare(const UdpSocket& socket);
  // How many datagrams from `first` on the kernel can take as one message.
  std::size_t mergeable(const UdpSocket& socket, std::size_t first) const;
  void refuse(UdpSocket& socket, int error);
  void clear();

  std::unique_ptr<std::byte[]> bytes_;
  std::size_t bytes_used_ = 0;
  std::vector<Queued> datagrams_;
  std::size_t next_ = 0;                  // The first that was not sent yet.
  std::optional<SocketOutcome> refused_;  // What kept the next one from being sent the first time.

  std::vector<SocketAddress> destinations_;
  std::vector<Control> controls_;
  std::vector<iovec> parts_;
  std::vector<mmsghdr> messages_;
  std::vector<std::size_t> merged_;  // How many datagrams each message is.
};

}  // namespace lossy
