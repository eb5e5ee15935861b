// A conversation between a greeting client and a greeting server, over a network that does what a
// script says. Every sequence of bytes is a script: what a byte chooses from is taken modulo what
// there is, and what is impossible at the time does nothing.
//
// The first three bytes choose the client's options and the time at the start. Then each operation
// is a byte, its kind in the lower half and an argument in the upper half; some read further bytes.
// When the script ends the network turns perfect, and every request must end.
//
// After each operation the properties of ClientModel hold, and those of the server: it answers each
// name that it receives exactly once, at once, to where it came from, and is silent otherwise.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/client.hpp"
#include "core/server.hpp"
#include "fuzz/client_model.hpp"

namespace lossy::fuzz {

// The bytes of a script, read one after the other; behind its end there are zeros.
class Script {
 public:
  explicit Script(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  bool done() const { return bytes_.empty(); }
  std::uint8_t next();
  std::string_view text(std::size_t size);  // Shorter when the script is.

 private:
  std::span<const std::uint8_t> bytes_;
};

// Datagrams on their way in one direction, in the order in which they would arrive.
class Wire {
 public:
  static constexpr std::size_t kDatagramsMax = 64;
  static constexpr std::size_t kBytesMax = kMessageBytesMax + 16;

  struct Flight {
    Address source;
    std::size_t size = 0;
    std::array<std::byte, kBytesMax> bytes;

    Datagram datagram() const { return {source, std::span(bytes).first(size)}; }
  };

  Wire();
  void clear() { size_ = 0; }
  std::size_t size() const { return size_; }
  bool full() const { return size_ == kDatagramsMax; }
  Flight& at(std::size_t i) { return flights_[order_[i]]; }

  // Each is dropped when the wire is full.
  void send(const Address& source, std::span<const std::byte> payload);
  void duplicate(std::size_t i);
  // Takes out the i-th. It stays readable until something is sent.
  Flight& take(std::size_t i);
  void swap(std::size_t i, std::size_t j);

 private:
  std::array<Flight, kDatagramsMax> flights_;
  std::array<std::uint8_t, kDatagramsMax> order_;  // A permutation; the first size_ are in use.
  std::size_t size_ = 0;
};

// Large, so that it is made once and used for many scripts: run() starts from nothing each time.
class Conversation {
 public:
  // Aborts with the property that is broken, if one is.
  void run(std::span<const std::uint8_t> bytes);

 private:
  void start(Script& script);
  void operate(Script& script);
  void finish();

  void greet(Script& script, std::size_t choice);
  void inject_to_client(Script& script, std::size_t choice);
  void inject_to_server(Script& script, std::size_t choice);
  void flip_bit(Script& script, Wire& wire, std::size_t i);
  void pass(Duration time) { now_ += time; }
  void time_out();
  void deliver_to_server(std::size_t i);
  void deliver_to_client(std::size_t i);
  void deliver_all();
  // Takes out of the client all that it has to give.
  void drain_client();
  void server_must_be_silent();

  std::optional<Client> client_;
  std::optional<Server> server_;
  ServerCounters server_counters_;
  ClientModel model_;
  Wire uplink_;
  Wire downlink_;
  Instant now_;
  std::array<std::byte, kMessageBytesMax> buffer_;
};

}  // namespace lossy::fuzz
