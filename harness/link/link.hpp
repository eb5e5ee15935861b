// One direction of a path: it decides what happens to each datagram, and keeps what is in flight.
//
// 1. Fates come from a FateSource; the rate, its queue and the delay come from the options.
// 2. A copy passes the queue and the rate first, then the delay. Copies due at the same instant
//    leave in the order they came.
// 3. Without I/O and without a clock: the verbs are an endpoint's, and times must not decrease.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "harness/link/due_queue.hpp"
#include "harness/link/fate.hpp"
#include "harness/link/payload_pool.hpp"

namespace lossy {

struct LinkOptions {
  Duration delay{};  // Propagation, 0 to kDurationMax.
  // A copy that jitter would let overtake another is due when that one is. What is held back on
  // purpose is overtaken all the same.
  bool keeps_order = false;
  // Serialisation: IP bits a second, 0 for no limit.
  std::uint64_t rate_bits_per_second = 0;
  // How many datagrams may wait while the rate sends another; what comes on top is dropped.
  std::size_t queue_datagrams_max = 1000;
  // What IP and UDP add to a payload: 28 bytes for IPv4, 48 for IPv6.
  std::size_t header_bytes = 28;
  // Bounds on what is in flight; a copy beyond them is dropped. Bytes are those that the memory for
  // payloads takes, whose pieces are powers of two from 64 bytes on.
  std::size_t in_flight_max = std::size_t{1} << 20;
  std::size_t in_flight_bytes_max = std::size_t{1} << 30;
};

enum class LossReason : std::uint8_t {
  kDrop,      // The fate said so.
  kQueue,     // The queue in front of the rate was full.
  kInFlight,  // The bound on what is in flight was reached.
};
inline constexpr std::size_t kLossReasonCount = 3;

// "drop", "queue", "in_flight".
std::string_view to_string(LossReason reason);

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
  std::span<const std::byte> payload;  // Valid until the next call of the link.
};

class Link {
 public:
  // std::logic_error when an option is outside its range.
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

  LinkOptions options_;
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
