// A conversation between a greeting client and a greeting server over a network that does what a
// script says, in virtual time. The same script gives the same run, event by event.
//
// What an operation chooses from is taken modulo what there is, and one that is impossible at the
// time does nothing. Between operations time stands still. When the script ends the network turns
// perfect, and every request must end. After each operation the properties of properties.hpp hold.
//
// Observers see a path of one client and one server. Their times begin at 0, whatever the clock of
// the endpoints says. What somebody injects has only arrived for them, under a number of its own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include <lossy/harness/link/observer.hpp>
#include <lossy/harness/sim/checked_endpoints.hpp>
#include <lossy/harness/sim/script.hpp>
#include <lossy/harness/sim/wire.hpp>

namespace lossy {

// Large, so that it is made once and used for many scripts: run() starts from nothing each time,
// and allocates nothing but what the client does.
class ScriptedRun {
 public:
  static constexpr std::size_t kRequestsMax = 16;  // Greetings beyond are not asked for.

  ScriptedRun() : client_(kRequestsMax) {}

  // Observers are told in the order they were added, and must outlive the run.
  void observe(Observer& observer) { observers_.push_back(&observer); }
  // `on_event` is told of each request that ends, in the times of the observers.
  void on_event(std::function<void(const ClientEvent&)> on_event) {
    on_event_ = std::move(on_event);
  }

  // Throws PropertyViolation when a property does not hold: what was observed until then led to it.
  void run(const Script& script);

  // Of the latest run, how far it came.
  std::size_t requests() const { return client_.requests(); }
  Duration elapsed() const { return now_ - clock_start_; }
  // Operations that were impossible, and did nothing.
  std::size_t idle_operations() const { return idle_operations_; }
  const ClientCounters& client_counters() const { return client_counters_; }
  const ServerCounters& server_counters() const { return server_.counters(); }
  const LinkCounters& link_counters(Direction direction) const {
    return wires_[static_cast<std::size_t>(direction)].counters();
  }

  // The addresses that a script's client, with each rebinding, and its server have.
  static Address client_address(bool ipv6, std::size_t binding = 0);
  static Address server_address(bool ipv6);

 private:
  Wire& wire(Direction direction) { return wires_[static_cast<std::size_t>(direction)]; }

  void start(const Script& script);
  void operate(const Operation& operation);
  void operate_on_one(const Operation& operation);
  void settle();
  void finish();
  void stop();

  void greet(std::size_t name);
  void inject(const Operation& operation);
  std::span<const std::byte> payload_of(const Operation& operation);
  Address source_of(const Operation& operation) const;
  std::string_view name_of(std::size_t name) const;
  std::string_view text() const { return {text_.data(), text_bytes_}; }
  void add_text(const Operation& operation);

  // Time passes, but never back.
  void pass_until(Instant until) { now_ = std::max(now_, until); }
  void time_out();
  void wait_until(Instant until);
  void deliver(Direction direction, std::size_t place);
  void deliver_to_server(const Datagram& datagram);
  void deliver_to_client(const Datagram& datagram);
  void deliver_all();
  void lose(Direction direction, std::size_t place, std::string_view why);
  void send(Direction direction, const Address& source, const Address& destination,
            std::span<const std::byte> payload);
  // Takes out of the client all that it has to give.
  void drain_client();

  Instant observed(Instant time) const { return Instant{} + (time - clock_start_); }
  template <typename Tell>
  void tell(Direction direction, const Address& source, const Address& destination,
            std::span<const std::byte> payload, Tell&& tell);

  CheckedClient client_;
  CheckedServer server_;
  ClientCounters client_counters_;
  std::array<Wire, 2> wires_;  // By Direction.
  Address client_address_;
  Address server_address_;
  bool ipv6_ = false;
  Instant clock_start_;
  Instant now_;
  std::array<char, Wire::kBytesMax> text_;
  std::size_t text_bytes_ = 0;
  std::size_t idle_operations_ = 0;
  std::array<std::byte, Wire::kBytesMax> buffer_;
  std::vector<Observer*> observers_;
  std::function<void(const ClientEvent&)> on_event_;
};

}  // namespace lossy
