// An application on top of the client: asks for a list of greetings, one after the other or paced,
// and counts how they ended. The simulator, the sockets and the replayer all run this one.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lossy/core/greeting/client.hpp>
#include <lossy/core/histogram.hpp>

namespace lossy {

// The names to greet: given ones, or "guest-1" to "guest-N" made up as they are needed.
class Names {
 public:
  // Each must be one that parse_request() accepts.
  explicit Names(std::vector<std::string> given)
      : given_(std::move(given)), count_(given_.size()) {}
  explicit Names(std::uint64_t count) : count_(count) {}

  std::uint64_t size() const { return count_; }
  // The i-th, from 0. Valid until the next call.
  std::string_view at(std::uint64_t i);

 private:
  std::vector<std::string> given_;
  std::uint64_t count_ = 0;
  std::array<char, 32> made_up_{"guest-"};
};

struct GreeterOptions {
  ClientOptions client;
  // Between new greetings; without one, the next is asked for as soon as the window has room.
  std::optional<Duration> interval{};
  Instant start{};
};

struct GreeterResult {
  std::uint64_t greeted = 0;
  std::uint64_t gave_up = 0;
  std::uint64_t attempts = 0;  // Transmissions in all.
  // Round-trip times of the requests that were sent once only: of others it cannot be known which
  // transmission was answered (Karn's rule).
  Histogram rtt;
};

// The verbs and their order of calls: see Endpoint.
class Greeter final : public Endpoint {
 public:
  using OnEvent = std::function<void(const ClientEvent&)>;

  // `on_event`, when given, is told of each request that ends.
  Greeter(const GreeterOptions& options, Names names, OnEvent on_event = nullptr);

  void handle_datagram(Instant now, const Datagram& datagram) override;
  void handle_timeout(Instant now) override;
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer) override;
  std::optional<Instant> poll_timeout() const override;

  // Every greeting was asked for and has ended.
  bool done() const { return asked_ == names_.size() && client_.pending() == 0; }

  std::uint64_t requests() const { return names_.size(); }
  const GreeterResult& result() const { return result_; }
  const Client& client() const { return client_; }

 private:
  // When the next greeting is due, or nothing when all were asked for or the client has no room.
  std::optional<Instant> next_due() const;
  void ask(Instant now);
  void collect();

  GreeterOptions options_;
  Client client_;
  Names names_;
  OnEvent on_event_;
  GreeterResult result_;
  std::uint64_t asked_ = 0;
};

}  // namespace lossy
