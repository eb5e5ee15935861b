// What the tests of the simulation share: greetings through a path, and a trace of what happened.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lossy/core/endpoint.hpp>
#include <lossy/core/greeting/greeter.hpp>
#include <lossy/core/greeting/server.hpp>
#include <lossy/core/random.hpp>
#include <lossy/harness/link/fault_list.hpp>
#include <lossy/harness/link/random_fates.hpp>
#include <lossy/harness/sim/simulation.hpp>

namespace lossy {

using namespace std::chrono_literals;

using Strings = std::vector<std::string>;

inline const Address kClientAddress = Address::v4({192, 0, 2, 1}, 40'000);
inline const Address kServerAddress = Address::v4({192, 0, 2, 2}, 9999);

inline std::string text_of(std::span<const std::byte> payload) {
  return {reinterpret_cast<const char*>(payload.data()), payload.size()};
}

inline Link make_link(const LinkOptions& options, const Impairments& impairments = {},
                      std::uint64_t seed = 4, Direction direction = Direction::kUplink) {
  return Link(options, std::make_unique<RandomFates>(impairments, seed, direction));
}

// Joins two endpoints as `lossy simulate` does: the same options both ways.
inline Path join(Simulation& simulation, const LinkOptions& options, const Impairments& impairments,
                 std::uint64_t seed, const Address& client = kClientAddress,
                 const Address& server = kServerAddress) {
  return simulation.path(simulation.host_at(client), simulation.host_at(server),
                         make_link(options, impairments, seed, Direction::kUplink),
                         make_link(options, impairments, seed, Direction::kDownlink));
}

inline bool never() {
  return false;
}

inline RunEnd run(Simulation& simulation, Instant deadline = Instant::max()) {
  return simulation.run_until(never, deadline);
}

// An endpoint that does what a test tells it, and writes down what it sees.
class Scripted final : public Endpoint {
 public:
  explicit Scripted(std::string name = "", Strings* log = nullptr)
      : name_(std::move(name)), log_(log) {}

  void send(const Address& destination, std::string payload) {
    to_send_.emplace_back(destination, std::move(payload));
  }
  void at(Duration time) { timeouts_.push_back(Instant(time)); }

  void handle_datagram(Instant now, const Datagram& datagram) override {
    see(now, "got " + text_of(datagram.payload));
    received.emplace_back(datagram.source, text_of(datagram.payload));
    if (on_datagram) on_datagram(datagram);
  }
  void handle_timeout(Instant now) override {
    see(now, "woke");
    std::erase_if(timeouts_, [now](Instant timeout) { return timeout <= now; });
    if (on_timeout) on_timeout();
  }
  std::optional<Transmit> poll_transmit(Instant, std::span<std::byte> buffer) override {
    if (to_send_.empty()) return std::nullopt;
    const auto [destination, payload] = to_send_.front();
    to_send_.pop_front();
    std::memcpy(buffer.data(), payload.data(), payload.size());
    return Transmit{destination, payload.size()};
  }
  std::optional<Instant> poll_timeout() const override {
    if (timeouts_.empty()) return std::nullopt;
    return *std::ranges::min_element(timeouts_);
  }

  std::vector<std::pair<Address, std::string>> received;
  std::function<void(const Datagram&)> on_datagram;
  std::function<void()> on_timeout;
  std::uint64_t woken = 0;

 private:
  void see(Instant now, const std::string& what) {
    EXPECT_GE(now, now_) << "time went back";
    now_ = now;
    woken += what == "woke" ? 1 : 0;
    if (log_ == nullptr) return;
    log_->push_back(std::to_string((now - Instant{}) / 1ms) + "ms " + name_ + " " + what);
  }

  std::string name_;
  Strings* log_;
  std::deque<std::pair<Address, std::string>> to_send_;
  std::vector<Instant> timeouts_;
  Instant now_{};
};

// Writes down everything that an observer is told.
class Trace final : public Observer {
 public:
  void on_offered(Instant now, const Passage& passage, const Offer& offer) override {
    add(now, passage, offer.number,
        offer.copies_in_flight == 0
            ? "lost " + std::string(to_string(offer.loss))
            : "sent " + format_fault(passage.direction, offer.number, *offer.fate));
  }
  void on_delivered(Instant now, const Passage& passage, const Delivery& delivery) override {
    add(now, passage, delivery.number,
        "copy " + std::to_string(delivery.copy) + (delivery.first_arrival ? "" : " again") +
            (delivery.reordered ? " reordered" : "") + (delivery.corrupted ? " corrupted" : ""));
  }
  void on_in_flight(Instant now, const Passage& passage, std::uint64_t number) override {
    add(now, passage, number, "in flight");
  }

  Strings lines;

 private:
  void add(Instant now, const Passage& passage, std::uint64_t number, const std::string& what) {
    lines.push_back(std::to_string(now.time_since_epoch().count()) + ' ' +
                    std::to_string(passage.path) + ' ' + passage.source.to_string() + '>' +
                    passage.destination.to_string() + ' ' + std::to_string(number) + ' ' + what +
                    " \"" + text_of(passage.payload) + '"');
  }
};

// A client and a server that greet through a path, as `lossy simulate` makes them.
struct Greetings {
  Greetings(const GreeterOptions& options, Names names, const LinkOptions& link,
            const Impairments& impairments, std::uint64_t seed,
            const Simulation::Options& simulation_options = {})
      : greeter(options, std::move(names)), simulation(simulation_options) {
    simulation.add(greeter, kClientAddress);
    simulation.add(server, kServerAddress);
    path = join(simulation, link, impairments, seed);
  }

  const LinkCounters& counters(Direction direction) const {
    return simulation.link(path[direction]).counters();
  }

  Greeter greeter;
  Server server;
  Simulation simulation;
  Path path{};
};

inline GreeterOptions paced(int attempts_max, Duration interval = 10us) {
  return {.client = {.server = kServerAddress,
                     .retry = {.attempts_max = attempts_max},
                     .window = ClientOptions::kWindowMax},
          .interval = interval};
}

// Whatever can happen to a datagram, some of it.
inline Impairments everything() {
  return {.loss = RandomLoss{Probability::ratio(10, 100)},
          .duplicate = Probability::ratio(10, 100),
          .reorder = Probability::ratio(10, 100),
          .corrupt = Probability::ratio(5, 100),
          .jitter = 4ms};
}

inline const LinkOptions kSlowLink{
    .delay = 5ms, .rate = {.bits_per_second = 100'000}, .queue_datagrams_max = 5};

}  // namespace lossy
