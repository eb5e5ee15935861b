// One direction of a path: it decides what happens to each datagram, and keeps what is in flight.
//
// 1. Fates come from a FateSource; the rate, its queue and the delay come from the options.
// 2. A copy passes the queue and the rate first, then the delay. Copies due at the same instant
//    leave in the order they came.
// 3. Without I/O and without a clock: the verbs are an endpoint's, and times must not decrease.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "core/random.hpp"
#include "harness/link/delay_table.hpp"
#include "harness/link/delivery_trace.hpp"
#include "harness/link/due_queue.hpp"
#include "harness/link/fate.hpp"
#include "harness/link/payload_pool.hpp"
#include "harness/link/timeline.hpp"

namespace lossy {

// Serialisation: how long a datagram occupies the link.
struct RateLimit {
  std::uint64_t bits_per_second = 0;  // IP bits and those below; 0 for no limit.
  // netem's words for what lies below IP. Each datagram takes so many bytes more (or less), and
  // then whole cells, each with an overhead of its own; a cell size of 0 means no cells.
  std::int32_t packet_overhead_bytes = 0;
  std::uint32_t cell_bytes = 0;
  std::int32_t cell_overhead_bytes = 0;

  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

// netem's slots: what has travelled is let out in batches, as a shared medium does. A slot opens an
// interval after the last one, or, when nothing was there to leave by then, an interval after the
// next datagram has arrived; each interval is drawn. What is there when it opens leaves, up to
// either bound.
struct Slots {
  bool enabled = false;
  // Uniform between the two, or, with a table, around the delay.
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
  // purpose is overtaken all the same.
  bool keeps_order = false;
  RateLimit rate{};
  // Instead of the rate: opportunities counted from Instant{} on.
  std::shared_ptr<const DeliveryTrace> trace{};
  // How many datagrams, and IP bytes, may wait while the rate or the trace sends another; what
  // comes on top is dropped.
  std::size_t queue_datagrams_max = 1000;
  std::size_t queue_bytes_max = std::numeric_limits<std::size_t>::max();
  Slots slots{};
  // Larger IP packets vanish; 0 for no limit.
  std::size_t mtu_bytes = 0;
  // What IP and UDP add to a payload: 28 bytes for IPv4, 48 for IPv6.
  std::size_t header_bytes = 28;
  // Bounds on what is in flight; a copy beyond them is dropped. Bytes are those that the memory for
  // payloads takes, whose pieces are powers of two from 64 bytes on.
  std::size_t in_flight_max = std::size_t{1} << 20;
  std::size_t in_flight_bytes_max = std::size_t{1} << 30;
};

// The options that a link runs with: they may change over time, when what is in flight keeps the
// fate and the time that it has.
struct LinkPlan {
  Timeline<LinkOptions> options{LinkOptions{}};
  std::vector<Outage> outages{};  // In order, without overlaps.
  RandomStream slot_intervals{0};
};

// Every datagram offered is delivered or lost in the end, so offered = delivered + lost once
// nothing is in flight. Copies are counted when they set out.
struct LinkCounters {
  std::uint64_t offered = 0;
  std::uint64_t delivered = 0;                            // Datagrams of which a copy arrived.
  std::array<std::uint64_t, kLossReasonCount> lost_by{};  // Datagrams of which none will.
  std::uint64_t duplicated = 0;                           // Copies beyond a datagram's first.
  std::uint64_t copies_dropped = 0;  // Copies that a bound dropped while another went through.
  std::uint64_t held_back = 0;       // Copies.
  std::uint64_t corrupted = 0;       // Copies.
  std::uint64_t truncated = 0;       // Copies.
  std::uint64_t reordered = 0;       // Datagrams that arrived after a later one (RFC 4737).
  std::uint64_t flips_missed = 0;    // Flips of a listed fate beyond the payload's end.

  std::uint64_t lost() const;
};

// What became of a datagram when it was offered.
struct Offer {
  std::uint64_t number = 0;          // Counted from 1.
  const Fate* fate = nullptr;        // Valid until the next offer.
  std::size_t copies_in_flight = 0;  // 0: lost, for the reason below.
  LossReason loss = LossReason::kDrop;
};

// A copy that arrives.
struct Delivery {
  std::uint64_t number = 0;
  Instant offered;
  Instant due;
  std::size_t copy = 0;        // 0 for the first.
  bool first_arrival = false;  // No other copy of this datagram arrived before.
  bool reordered = false;      // A later datagram arrived before this one's first copy.
  bool held_back = false;
  bool corrupted = false;
  bool truncated = false;
  std::span<const std::byte> payload;  // Valid until the next call of the link.
};

class Link {
 public:
  // std::logic_error when an option is outside its range.
  Link(LinkPlan plan, std::unique_ptr<FateSource> fates);
  // Options that never change.
  Link(const LinkOptions& options, std::unique_ptr<FateSource> fates);

  // Offers a datagram of at most kPayloadBytesMax bytes.
  Offer handle_datagram(Instant now, std::span<const std::byte> payload);

  // The next copy that is due by now, or nothing.
  std::optional<Delivery> poll_transmit(Instant now);

  // When the next copy is due, or nothing when nothing is in flight.
  std::optional<Instant> poll_timeout() const {
    if (in_flight_.empty()) return std::nullopt;
    return in_flight_.front().due;
  }

  const LinkCounters& counters() const { return counters_; }
  std::size_t in_flight() const { return in_flight_.size(); }
  // Memory that the bytes in flight took so far: it grows to the peak and stays.
  std::size_t bytes_reserved() const { return payloads_.bytes_reserved(); }

 private:
  struct Copy {
    std::uint64_t number = 0;
    Instant offered;
    PayloadPool::Slot payload = 0;
    PayloadPool::Slot original = 0;  // Shared by all copies, and marked once one has arrived.
    std::uint8_t copy = 0;
    bool held_back = false;
    bool corrupted = false;
  };

  // When the last bit of a copy has left, or nothing when the queue is full.
  std::optional<Instant> serialise(Instant now, std::size_t payload_bytes);
  bool flip(PayloadPool::Slot slot, const CopyFate& fate);
  std::optional<LossReason> send_copy(Instant now, const CopyFate& fate, Copy copy);

  LinkPlan plan_;
  std::unique_ptr<FateSource> fates_;
  LinkCounters counters_;
  PayloadPool payloads_;
  DueQueue<Copy> in_flight_;
  std::uint64_t last_number_ = 0;
  std::uint64_t highest_arrived_ = 0;
  Instant last_due_ = Instant::min();
  std::optional<Copy> lent_;  // The delivery whose payload was lent out.

  Ring<Instant> departures_;  // Of what waits for the rate or is being sent.
  Instant free_at_ = Instant::min();
  std::uint64_t free_at_fraction_ = 0;  // In units of 1 / rate nanoseconds.
};

}  // namespace lossy
