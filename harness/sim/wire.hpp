// Datagrams on their way in one direction, in the order in which they would arrive, for a network
// that somebody else decides about: any of them may be taken out, changed, copied or moved.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <lossy/core/endpoint.hpp>
#include <lossy/core/greeting/message.hpp>
#include <lossy/harness/link/link.hpp>

namespace lossy {

class Wire {
 public:
  static constexpr std::size_t kDatagramsMax = 64;
  static constexpr std::size_t kBytesMax = kMessageBytesMax + 16;

  struct Flight {
    Address source;
    Address destination;
    std::uint64_t number = 0;  // Of the datagram, from 1; copies share it.
    std::size_t copy = 0;      // 0 for the first.
    Instant sent;
    bool injected = false;  // Neither end has sent it.
    bool corrupted = false;
    bool truncated = false;
    bool arrived = false;  // A copy of it has.
    std::size_t size = 0;
    std::array<std::byte, kBytesMax> bytes;

    std::span<const std::byte> payload() const { return std::span(bytes).first(size); }
  };

  Wire();
  // As it was in the beginning.
  void clear();

  std::size_t size() const { return size_; }
  Flight& at(std::size_t place) { return flights_[order_[place]]; }
  const LinkCounters& counters() const { return counters_; }

  // Sends a datagram of at most kBytesMax bytes. Gives where it is, or nothing when the wire is
  // full, and it is lost.
  Flight* send(Instant now, const Address& source, const Address& destination,
               std::span<const std::byte> payload);
  // The number of the datagram that was sent last.
  std::uint64_t last_number() const { return last_number_; }
  // Nothing happens when the wire is full.
  void duplicate(std::size_t place);
  void swap(std::size_t place, std::size_t other);
  void flip(std::size_t place, std::size_t bit);
  void cut(std::size_t place, std::size_t bytes_kept);

  // Take one out, as lost or as arrived. It stays readable until something is sent. What arrives
  // knows whether it is the first of its datagram and whether a later one came before.
  const Flight& lose(std::size_t place);
  struct Arrival {
    const Flight* flight;
    bool first;
    bool reordered;
  };
  Arrival arrive(std::size_t place);

 private:
  Flight& take(std::size_t place);
  bool has_copies(const Flight& flight);

  std::array<Flight, kDatagramsMax> flights_;
  std::array<std::uint8_t, kDatagramsMax> order_;  // A permutation; the first size_ are in use.
  std::size_t size_ = 0;
  std::uint64_t last_number_ = 0;
  std::uint64_t highest_arrived_ = 0;
  LinkCounters counters_;
};

}  // namespace lossy
