#include <lossy/harness/net/endpoint_driver.hpp>

#include <algorithm>

namespace lossy {

EndpointDriver::EndpointDriver(EventLoop& loop, Endpoint& endpoint, UdpSocket& socket, Times times)
    : loop_(loop), endpoint_(endpoint), socket_(socket), times_(times) {
  loop.add(*this);
  loop.watch(socket.fd(), *this, 0);
}

bool EndpointDriver::refused() const {
  constexpr auto kRefused = static_cast<std::size_t>(SocketOutcome::kRefused);
  return socket_.counters().reported[kRefused] + socket_.counters().not_sent[kRefused] > 0;
}

void EndpointDriver::handle_ready(std::uint64_t) {
  if (blocked_) {
    if (!flush()) return;
  } else {
    received_.receive(socket_);
    loop_.read_clock();
    handed_out_ = 0;
    if (times_ == Times::kArrival) hand_out_at_arrival();
  }
  work();
}

void EndpointDriver::hand_out_at_arrival() {
  for (const Received& received : received_.datagrams()) {
    told_ = std::max(told_, loop_.now() - received.waited);
    endpoint_.handle_datagram(told_, {received.source, received.payload});
  }
  handed_out_ = received_.datagrams().size();
  loop_.read_clock();  // What is sent of it is not sent before now.
}

void EndpointDriver::handle_timeout(Instant now) {
  told_ = now;
  endpoint_.handle_timeout(now);
  work();
}

std::optional<Instant> EndpointDriver::poll_timeout() const {
  if (blocked_) return std::nullopt;
  return endpoint_.poll_timeout();
}

void EndpointDriver::work() {
  const auto datagrams = received_.datagrams();
  const Instant now = told_ = loop_.now();
  while (true) {
    const Received* const answered = handed_out_ > 0 ? &datagrams[handed_out_ - 1] : nullptr;
    while (true) {
      if (to_send_.full() && !flush()) return;
      const auto transmit = endpoint_.poll_transmit(now, to_send_.room());
      if (!transmit) break;
      const bool answers = answered != nullptr && transmit->destination == answered->source;
      to_send_.add(transmit->destination, transmit->size, answers ? answered->local : std::nullopt);
    }
    if (handed_out_ == datagrams.size()) break;
    const Received& received = datagrams[handed_out_++];
    endpoint_.handle_datagram(now, {received.source, received.payload});
  }
  flush();
}

bool EndpointDriver::flush() {
  const bool blocked = to_send_.flush(socket_) == SocketOutcome::kWouldBlock;
  if (blocked != blocked_) {
    blocked_ = blocked;
    loop_.watch(socket_.fd(), *this, 0,
                blocked ? EventLoop::Wait::kWritable : EventLoop::Wait::kReadable);
  }
  return !blocked;
}

}  // namespace lossy
