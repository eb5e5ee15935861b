// Puts datagrams on a line, one after the other, and says when each has left.
//
// 1. A line has a rate, or the opportunities of a trace; what has neither sends at once.
// 2. One datagram is being sent, the others wait; what the queue has no room for is dropped.
// 3. The time at which a datagram leaves is fixed when it is offered: options that change later
//    do not move it, and what is offered then leaves after it.
// 4. A datagram costs the same however long the line was idle, but for a search in the trace.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <lossy/core/clock.hpp>
#include <lossy/harness/link/link_options.hpp>
#include <lossy/harness/link/ring.hpp>

namespace lossy {

class Serialiser {
 public:
  // Whether a datagram of so many IP bytes that comes at `now` finds a place. Times must not
  // decrease.
  bool has_room(Instant now, std::size_t ip_bytes, const LinkOptions& options) {
    return !is_limited(options) || queue_has_room(now, ip_bytes, options);
  }

  // Puts it behind the others, and says when its last bit has left.
  Instant send(Instant now, std::size_t ip_bytes, const LinkOptions& options) {
    return is_limited(options) ? queue(now, ip_bytes, options) : std::max(now, free_at_);
  }

  // Whether so many can be put on it before it takes more memory.
  bool has_places(Instant now, std::size_t count, const LinkOptions& options) {
    if (!is_limited(options)) return true;
    forget_departed(now);
    return departures_.has_places(count);
  }

  // What it has taken from the system, and giving that back; all must have left.
  std::size_t bytes_reserved() const { return departures_.capacity() * sizeof(Departure); }
  void release_memory() {
    departures_ = {};
    queued_bytes_ = 0;
  }

 private:
  // What waits or is being sent, and when it has left.
  struct Departure {
    Instant when;
    std::size_t ip_bytes = 0;
  };

  static bool is_limited(const LinkOptions& options) {
    return options.rate.bits_per_second != 0 || options.trace != nullptr;
  }
  void forget_departed(Instant now);
  bool queue_has_room(Instant now, std::size_t ip_bytes, const LinkOptions& options);
  Instant queue(Instant now, std::size_t ip_bytes, const LinkOptions& options);
  // When a datagram has left that is begun at `start` or as soon as possible after it.
  Instant send_at_rate(Instant start, std::size_t ip_bytes, const RateLimit& rate);
  Instant send_in_trace(Instant start, std::size_t ip_bytes,
                        const std::shared_ptr<const DeliveryTrace>& trace);

  Ring<Departure> departures_;
  std::size_t queued_bytes_ = 0;  // Of all of them.
  Instant free_at_ = Instant::min();

  // The part of a nanosecond after free_at_ at which the line is free, in units of 1 / rate.
  std::uint64_t fraction_ = 0;
  std::uint64_t fraction_rate_ = 0;

  // The opportunity of the trace that is next, or in use, and what is left of it.
  std::shared_ptr<const DeliveryTrace> trace_;
  std::uint64_t opportunity_ = 0;
  Instant opportunity_at_ = Instant::min();
  std::size_t left_bytes_ = 0;
};

// How many bytes the line carries for a datagram of so many IP bytes.
std::uint64_t line_bytes(std::size_t ip_bytes, const RateLimit& rate);

}  // namespace lossy
