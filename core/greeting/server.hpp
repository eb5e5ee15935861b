// The greeting server: answers a name with "Hello, NAME!" to where it came from, and is silent on
// anything else, because an answer to rubbish is a reflection. It keeps no state a client.
#pragma once

#include <array>
#include <cstdint>

#include <lossy/core/endpoint.hpp>
#include <lossy/core/greeting/message.hpp>

namespace lossy {

struct ServerCounters {
  std::uint64_t received = 0;
  std::uint64_t answered = 0;
  std::array<std::uint64_t, kMalformedCount> refused{};  // By Malformed.
};

// The verbs and their order of calls: see Endpoint. It never has a timeout, and has at most one
// answer to send after each datagram; the next datagram may come only when that one was polled.
class Server final : public Endpoint {
 public:
  void handle_datagram(Instant now, const Datagram& datagram) override;
  void handle_timeout(Instant) override {}
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer) override;
  std::optional<Instant> poll_timeout() const override { return std::nullopt; }

  const ServerCounters& counters() const { return counters_; }

 private:
  ServerCounters counters_;
  bool answer_waits_ = false;
  Address client_;
  std::size_t answer_bytes_ = 0;
  std::array<std::byte, kMessageBytesMax> answer_;
};

}  // namespace lossy
