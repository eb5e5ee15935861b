#include <lossy/harness/sim/wire.hpp>

#include <algorithm>
#include <cstring>
#include <numeric>

#include <lossy/core/check.hpp>

namespace lossy {

Wire::Wire() {
  clear();
}

void Wire::clear() {
  std::iota(order_.begin(), order_.end(), std::uint8_t{0});
  size_ = 0;
  last_number_ = 0;
  highest_arrived_ = 0;
  counters_ = {};
}

Wire::Flight* Wire::send(Instant now, const Address& source, const Address& destination,
                         std::span<const std::byte> payload) {
  check(payload.size() <= kBytesMax, "Wire::send: a datagram is too long");
  ++last_number_;
  ++counters_.offered;
  if (size_ == kDatagramsMax) {
    ++counters_.lost_by[static_cast<std::size_t>(LossReason::kInFlight)];
    return nullptr;
  }
  Flight& flight = at(size_++);
  flight.source = source;
  flight.destination = destination;
  flight.number = last_number_;
  flight.copy = 0;
  flight.sent = now;
  flight.injected = false;
  flight.corrupted = false;
  flight.truncated = false;
  flight.arrived = false;
  flight.size = payload.size();
  if (!payload.empty()) std::memcpy(flight.bytes.data(), payload.data(), payload.size());
  return &flight;
}

void Wire::duplicate(std::size_t place) {
  if (size_ == kDatagramsMax) return;
  const Flight& original = at(place);
  std::size_t copy = original.copy;
  for (std::size_t i = 0; i < size_; ++i) {
    if (at(i).number == original.number) copy = std::max(copy, at(i).copy);
  }
  Flight& flight = at(size_++);
  flight.source = original.source;
  flight.destination = original.destination;
  flight.number = original.number;
  flight.copy = copy + 1;
  flight.sent = original.sent;
  flight.injected = original.injected;
  flight.corrupted = original.corrupted;
  flight.truncated = original.truncated;
  flight.arrived = original.arrived;
  flight.size = original.size;
  std::memcpy(flight.bytes.data(), original.bytes.data(), original.size);
  ++counters_.duplicated;
}

void Wire::swap(std::size_t place, std::size_t other) {
  std::swap(order_[place], order_[other]);
}

void Wire::flip(std::size_t place, std::size_t bit) {
  Flight& flight = at(place);
  if (flight.size == 0) return;
  flight.bytes[bit / 8 % flight.size] ^= std::byte{1} << (bit % 8);
  if (!flight.corrupted) ++counters_.corrupted;
  flight.corrupted = true;
}

void Wire::cut(std::size_t place, std::size_t bytes_kept) {
  Flight& flight = at(place);
  if (bytes_kept >= flight.size) return;
  flight.size = bytes_kept;
  if (!flight.truncated) ++counters_.truncated;
  flight.truncated = true;
}

const Wire::Flight& Wire::lose(std::size_t place) {
  const Flight& flight = take(place);
  if (!flight.arrived && !has_copies(flight)) {
    ++counters_.lost_by[static_cast<std::size_t>(LossReason::kDrop)];
  } else {
    ++counters_.copies_dropped;
  }
  return flight;
}

Wire::Arrival Wire::arrive(std::size_t place) {
  const Flight& flight = take(place);
  const Arrival arrival{.flight = &flight,
                        .first = !flight.arrived,
                        .reordered = !flight.arrived && flight.number < highest_arrived_};
  if (arrival.first) {
    ++counters_.delivered;
    for (std::size_t i = 0; i < size_; ++i) {
      if (at(i).number == flight.number) at(i).arrived = true;
    }
  }
  if (arrival.reordered) ++counters_.reordered;
  highest_arrived_ = std::max(highest_arrived_, flight.number);
  return arrival;
}

Wire::Flight& Wire::take(std::size_t place) {
  std::rotate(order_.begin() + place, order_.begin() + place + 1, order_.begin() + size_);
  return at(--size_);
}

bool Wire::has_copies(const Flight& flight) {
  for (std::size_t i = 0; i < size_; ++i) {
    if (at(i).number == flight.number) return true;
  }
  return false;
}

}  // namespace lossy
