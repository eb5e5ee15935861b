// A client and a server joined by hand, for tests: a network with a constant delay that loses
// nothing but what a test takes out of it.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <lossy/core/greeting/client.hpp>
#include <lossy/core/greeting/server.hpp>

namespace lossy::testing_pair {

inline const Address kServerAddress = Address::v4({127, 0, 0, 1}, 9999);
inline const Address kClientAddress = Address::v4({127, 0, 0, 1}, 50'000);

// A datagram on its way, or as it was sent.
struct Sent {
  Instant sent_at;
  std::string payload;

  friend bool operator==(const Sent&, const Sent&) = default;
};

// What an event said, with a name of its own.
struct Ended {
  std::uint64_t request = 0;
  ClientEvent::Kind kind = ClientEvent::Kind::kGaveUp;
  std::string name;
  int attempts = 0;
  Duration elapsed{};

  friend bool operator==(const Ended&, const Ended&) = default;
};

inline std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// Asker is Client or Greeter.
template <typename Asker>
class Pair {
 public:
  template <typename... Arguments>
  explicit Pair(Arguments&&... arguments) : asker(std::forward<Arguments>(arguments)...) {}

  // Does the next thing in time, a delivery before a timeout at equal times. False when there is
  // nothing left to do.
  bool step() {
    drain();
    const auto timeout = asker.poll_timeout();
    const std::optional<Instant> arrival = next_arrival();
    if (!timeout && !arrival) return false;
    if (arrival && (!timeout || *arrival <= *timeout)) {
      now = std::max(now, *arrival);
      deliver_next();
    } else {
      now = std::max(now, *timeout);
      asker.handle_timeout(now);
    }
    drain();
    return true;
  }

  // Steps until nothing is left to do.
  void drive(int steps_max = 1'000'000) {
    for (int steps = 0; step(); ++steps) {
      if (steps == steps_max) throw std::runtime_error("Pair::drive: it never comes to rest");
    }
  }

  // Steps through everything that is due until then, and lets time pass up to it.
  void drive_until(Instant until) {
    for (drain(); next_time() && *next_time() <= until;) step();
    now = until;
  }

  // Sends what the asker wants sent, and collects its events.
  void drain() {
    while (const auto transmit = asker.poll_transmit(now, buffer)) {
      Sent sent{now, {reinterpret_cast<const char*>(buffer.data()), transmit->size}};
      if (transmit->destination != kServerAddress) throw std::runtime_error("wrong destination");
      requests.push_back(sent);
      if (!loses_request || !loses_request(sent)) uplink.push_back(sent);
    }
    if constexpr (requires { asker.poll_event(); }) {
      while (const auto event = asker.poll_event()) {
        ended.push_back({event->request, event->kind, std::string(event->name), event->attempts,
                         event->elapsed});
      }
    }
  }

  // Gives the asker a datagram out of nowhere.
  void inject(std::string_view payload, const Address& source = kServerAddress) {
    asker.handle_datagram(now, {source, bytes(payload)});
    drain();
  }

  Asker asker;
  Server server;
  Instant now{};
  Duration delay = std::chrono::milliseconds(10);  // One way.

  std::function<bool(const Sent&)> loses_request;
  std::function<bool(const Sent&)> loses_answer;

  std::deque<Sent> uplink;  // On their way, the first sent first.
  std::deque<Sent> downlink;
  std::vector<Sent> requests;  // All that the asker ever sent.
  std::vector<Ended> ended;

 private:
  std::optional<Instant> next_arrival() const {
    std::optional<Instant> next;
    for (const auto* link : {&uplink, &downlink}) {
      if (link->empty()) continue;
      const Instant due = saturating_add(link->front().sent_at, delay);
      if (!next || due < *next) next = due;
    }
    return next;
  }

  std::optional<Instant> next_time() const {
    const auto timeout = asker.poll_timeout();
    const auto arrival = next_arrival();
    return timeout && arrival ? std::min(*timeout, *arrival) : (timeout ? timeout : arrival);
  }

  void deliver_next() {
    if (uplink.empty() ||
        (!downlink.empty() && downlink.front().sent_at <= uplink.front().sent_at)) {
      const Sent answer = downlink.front();
      downlink.pop_front();
      asker.handle_datagram(now, {kServerAddress, bytes(answer.payload)});
      return;
    }
    const Sent request = uplink.front();
    uplink.pop_front();
    server.handle_datagram(now, {kClientAddress, bytes(request.payload)});
    while (const auto transmit = server.poll_transmit(now, buffer)) {
      Sent answer{now, {reinterpret_cast<const char*>(buffer.data()), transmit->size}};
      if (!loses_answer || !loses_answer(answer)) downlink.push_back(answer);
    }
  }

  std::array<std::byte, kMessageBytesMax> buffer{};
};

}  // namespace lossy::testing_pair
