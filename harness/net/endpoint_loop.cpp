#include "harness/net/endpoint_loop.hpp"

#include <poll.h>

#include <cerrno>
#include <chrono>
#include <system_error>

namespace lossy {
namespace {

// Nothing that UDP carries is longer (RFC 768), so nothing received is ever cut off.
constexpr std::size_t kReceiveBytesMax = 65'535;

Instant monotonic_now() {
  return Instant(std::chrono::steady_clock::now().time_since_epoch());
}

timespec time_left(Instant until) {
  const Instant now = monotonic_now();
  const Duration left = until > now ? until - now : Duration::zero();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
  timespec time{};
  time.tv_sec = seconds.count();
  time.tv_nsec = (left - seconds).count();
  return time;
}

}  // namespace

EndpointLoop::EndpointLoop(Endpoint& endpoint, UdpSocket& socket, const StopSignal* stop)
    : endpoint_(endpoint),
      socket_(socket),
      stop_(stop),
      received_(kReceiveBytesMax),
      to_send_(kPayloadBytesMax) {}

EndpointLoop::End EndpointLoop::run(const std::function<bool()>& done) {
  now_ = monotonic_now();
  std::optional<End> end = transmit();
  while (!end) {
    if (done()) return End::kDone;
    if ((end = wait(POLLIN, endpoint_.poll_timeout()))) break;
    if ((end = receive())) break;
    if (const auto timeout = endpoint_.poll_timeout(); timeout && *timeout <= now_) {
      endpoint_.handle_timeout(now_);
      end = transmit();
    }
  }
  return *end;
}

std::optional<EndpointLoop::End> EndpointLoop::receive() {
  for (int i = 0; i < kBatchMax; ++i) {
    // Read before asking for a datagram: when there is none, all that came until now_ is delivered.
    now_ = monotonic_now();
    const Received received = socket_.receive(received_);
    if (received.outcome == SocketOutcome::kWouldBlock) return std::nullopt;
    if (received.outcome != SocketOutcome::kDone) {
      if (const auto end = count_failure(received.outcome)) return end;
      continue;
    }
    ++counters_.received;
    endpoint_.handle_datagram(now_, {received.source, std::span(received_).first(received.size)});
    if (const auto end = transmit(received)) return end;
  }
  return std::nullopt;
}

std::optional<EndpointLoop::End> EndpointLoop::transmit(const Received& answered) {
  while (const auto transmit = endpoint_.poll_transmit(now_, to_send_)) {
    if (const auto end = send(*transmit, answered)) return end;
  }
  return std::nullopt;
}

std::optional<EndpointLoop::End> EndpointLoop::send(const Transmit& transmit,
                                                    const Received& answered) {
  const auto local = transmit.destination == answered.source ? answered.local : std::nullopt;
  const auto payload = std::span(to_send_).first(transmit.size);
  for (;;) {
    const SocketOutcome outcome = socket_.send(transmit.destination, payload, local);
    if (outcome == SocketOutcome::kDone) {
      ++counters_.sent;
      return std::nullopt;
    }
    if (outcome != SocketOutcome::kWouldBlock) return count_failure(outcome);
    if (const auto end = wait(POLLOUT, std::nullopt)) return end;
  }
}

std::optional<EndpointLoop::End> EndpointLoop::wait(short events, std::optional<Instant> until) {
  std::array<pollfd, 2> waited{{{socket_.fd(), events, 0}, {-1, POLLIN, 0}}};
  if (stop_ != nullptr) waited[1].fd = stop_->fd();  // poll(2) passes over negative ones.
  const timespec left = until ? time_left(*until) : timespec{};
  if (::ppoll(waited.data(), waited.size(), until ? &left : nullptr, nullptr) < 0 &&
      errno != EINTR) {
    throw std::system_error(errno, std::generic_category(), "cannot wait for a UDP socket");
  }
  return waited[1].revents != 0 ? std::optional(End::kStopped) : std::nullopt;
}

std::optional<EndpointLoop::End> EndpointLoop::count_failure(SocketOutcome outcome) {
  ++counters_.failed[static_cast<std::size_t>(outcome)];
  return outcome == SocketOutcome::kRefused ? std::optional(End::kRefused) : std::nullopt;
}

}  // namespace lossy
