// Hosts that write down what happens to them, for tests of networks of any shape.
#pragma once

#include <cstring>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <lossy/harness/sim/simulation_for_test.hpp>

namespace lossy {

inline std::string ms(Instant time) {
  return std::to_string((time - Instant{}) / 1ms) + "ms";
}

class Node final : public Endpoint {
 public:
  Node& send(const Address& destination, std::string payload,
             std::optional<Address> source = std::nullopt, Ecn ecn = Ecn::kNotEct) {
    to_send_.push_back({{.destination = destination, .source = source, .ecn = ecn}, payload});
    return *this;
  }

  void handle_datagram(Instant now, const Datagram& datagram) override {
    log.push_back(ms(now) + ' ' + text_of(datagram.payload));
    last = {datagram.source, {}, datagram.destination, datagram.ecn};
    if (on_datagram) on_datagram(datagram);
  }
  void handle_refusal(Instant now, const Address& destination) override {
    log.push_back(ms(now) + " refused by " + destination.to_string());
  }
  void handle_timeout(Instant now) override {
    if (!timeout || now < *timeout) return;
    timeout.reset();
    log.push_back(ms(now) + " woke");
    if (on_timeout) on_timeout();
  }
  std::optional<Transmit> poll_transmit(Instant, std::span<std::byte> buffer) override {
    if (to_send_.empty()) return std::nullopt;
    auto [transmit, payload] = std::move(to_send_.front());
    to_send_.pop_front();
    std::memcpy(buffer.data(), payload.data(), payload.size());
    transmit.size = payload.size();
    return transmit;
  }
  std::optional<Instant> poll_timeout() const override { return timeout; }
  bool listens_at(const Address& local) const override { return !closed || *closed != local; }

  Strings log;
  Datagram last{};
  std::optional<Instant> timeout{};
  std::optional<Address> closed{};  // Of a host with every port.
  std::function<void(const Datagram&)> on_datagram;
  std::function<void()> on_timeout;

 private:
  std::deque<std::pair<Transmit, std::string>> to_send_;
};

inline Address host_address(std::uint8_t host, std::uint16_t port = 1000) {
  return Address::v4({192, 0, 2, host}, port);
}

// A link that does nothing but take its time.
inline Link wire(Duration delay) {
  return make_link(LinkOptions{.delay = delay});
}

}  // namespace lossy
