// Runs an endpoint over a socket, as one of those that an EventLoop tells.
//
// 1. The datagrams of one batch are given to the endpoint in the order they came, at one reading of
//    the clock. After each its datagrams are taken, and all of them sent when the batch is handled.
// 2. When the kernel has no room, nothing more is read until it has: then it is the network that
//    loses, not we.
//    (Or see Times::kArrival.)
// 3. What an endpoint sends to the source of the datagram that it was just given leaves from the
//    address which that datagram was sent to. (It matters to a socket that listens on all addresses
//    of a machine that has several.)
#pragma once

#include <cstddef>

#include <lossy/core/endpoint.hpp>
#include <lossy/harness/net/datagram_batch.hpp>
#include <lossy/harness/net/event_loop.hpp>
#include <lossy/harness/net/udp_socket.hpp>

namespace lossy {

class EndpointDriver final : public EventLoop::Handler {
 public:
  // Which time a datagram is given to the endpoint with.
  enum class Times : std::uint8_t {
    kRead,  // When its batch was read.
    // When the kernel had it, so that round-trip times do not count how long this program took to
    // wake up; never before anything else that the endpoint was told. All of a batch is given to
    // the endpoint before it is asked what to send, which must be a time that is real. So it is for
    // endpoints that take several datagrams in a row, as clients do.
    kArrival,
  };

  // Adds itself to the loop. All three must outlive it. Arrival times need a socket that
  // stamp_arrivals().
  EndpointDriver(EventLoop& loop, Endpoint& endpoint, UdpSocket& socket,
                 Times times = Times::kRead);
  EndpointDriver(const EndpointDriver&) = delete;
  EndpointDriver& operator=(const EndpointDriver&) = delete;

  // Sends what the endpoint wants sent, after something was asked of it from outside.
  void transmit() { work(); }

  // ICMP has said that nobody listens at the peer of a connected socket.
  bool refused() const;

  void handle_ready(std::uint64_t key) override;
  void handle_timeout(Instant now) override;
  std::optional<Instant> poll_timeout() const override;

 private:
  // Hands out all of the batch, each datagram at its time.
  void hand_out_at_arrival();
  // Hands out the batch and sends what comes of it, as far as the kernel has room.
  void work();
  bool flush();

  EventLoop& loop_;
  Endpoint& endpoint_;
  UdpSocket& socket_;
  Times times_;
  Instant told_{};  // The latest time that the endpoint was told.
  ReceiveBatch received_;
  SendBatch to_send_;
  std::size_t handed_out_ = 0;  // Of the batch.
  bool blocked_ = false;        // Waits for room to send.
};

}  // namespace lossy
