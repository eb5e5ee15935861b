// What a link is told to do to whatever it is offered: everything but the fates, which chance or a
// list decides.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include <lossy/core/clock.hpp>
#include <lossy/core/random.hpp>
#include <lossy/harness/link/delay_table.hpp>
#include <lossy/harness/link/delivery_trace.hpp>
#include <lossy/harness/link/timeline.hpp>

namespace lossy {

// Serialisation: how long a datagram occupies the link.
struct RateLimit {
  std::uint64_t bits_per_second = 0;  // IP bits and those below; 0 for no limit.
  // netem's words for what lies below IP. Each datagram takes so many bytes more (or less, at the
  // least none), and then whole cells, each with an overhead of its own; a cell size of 0 means no
  // cells.
  std::int32_t packet_overhead_bytes = 0;
  std::uint32_t cell_bytes = 0;
  std::int32_t cell_overhead_bytes = 0;

  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

// netem's slots: what has travelled is let out in batches, as a shared medium does. A copy that
// comes to the end of the link when no slot is to come begins one, which opens an interval later.
// All that has come by then leaves when it opens, first in first out, until either bound is reached
// (by bytes: with the copy that reaches it). What is left over leaves with the next slot, which
// then opens an interval after the full one. Each slot's interval is drawn by its number.
// (netem starts an interval when a datagram is sent, if that interval is longer than the delay.)
struct Slots {
  bool enabled = false;
  // Uniform between the two, or, with a table, around the delay, and never negative.
  Duration interval_min{};
  Duration interval_max{};
  std::shared_ptr<const DelayTable> table{};
  Duration table_delay{};
  Duration table_jitter{};
  std::uint64_t datagrams_max = 0;  // 0 for no bound.
  std::uint64_t bytes_max = 0;      // IP bytes; 0 for no bound.

  // By value, the table included.
  friend bool operator==(const Slots& a, const Slots& b);
};

// A time in which nothing that is offered gets through: from `start` on, until before `end`.
struct Outage {
  Instant start;
  Instant end;

  friend bool operator==(const Outage&, const Outage&) = default;
};

struct LinkOptions {
  Duration delay{};  // Propagation, 0 to kDurationMax.
  // A copy that jitter would let overtake another is due when that one is. What is held back on
  // purpose is overtaken all the same, and what is sent early on purpose overtakes.
  bool keeps_order = false;
  RateLimit rate{};
  // Takes the place of the rate: opportunities counted from Instant{} on.
  std::shared_ptr<const DeliveryTrace> trace{};
  // How many datagrams, and IP bytes, may wait while the rate or the trace sends another; what
  // comes on top is dropped.
  std::size_t queue_datagrams_max = 1000;
  std::size_t queue_bytes_max = std::numeric_limits<std::size_t>::max();
  Slots slots{};
  // Larger IP packets vanish; 0 for no limit.
  std::size_t mtu_bytes = 0;
  // What IP and UDP add to a payload: 28 bytes for IPv4, 48 for IPv6. At most 1000.
  std::size_t header_bytes = 28;
  // Bounds on what is in flight; a copy beyond them is dropped. Bytes are those that the memory for
  // payloads takes, whose pieces are powers of two from 64 bytes on.
  std::size_t in_flight_max = std::size_t{1} << 20;
  std::size_t in_flight_bytes_max = std::size_t{1} << 30;
};

// The options that a link runs with. They may change over time, which concerns what is offered from
// then on: what is in flight keeps the fate and the time that it has, and what waits for the rate
// leaves when it was going to. Slots are those of the moment at which a copy comes to the end.
struct LinkPlan {
  Timeline<LinkOptions> options{LinkOptions{}};
  std::vector<Outage> outages{};  // In order, without overlaps.
  RandomStream slot_intervals{0};
};

// std::logic_error when an option is outside its range.
void check_plan(const LinkPlan& plan);

}  // namespace lossy
