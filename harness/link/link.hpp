// One direction of a path: it decides what happens to each datagram, and keeps what is in flight.
//
// 1. Fates come from a FateSource; all else comes from the options. A number's fate is decided
//    whatever else happens to it; then an outage, and then the MTU, may still lose the datagram.
// 2. A copy passes the bound on what is in flight, the queue and the rate (or the trace), then the
//    delay, then the slots. Copies that leave at the same instant do so in the order they came.
// 3. Without I/O and without a clock: the verbs are an endpoint's, and times must not decrease.
// 4. Memory grows to the peak of what was in flight and stays, so that a link at work allocates
//    nothing; unless it has a part of a budget, of which it gives back what is much, or scarce,
//    when it is empty.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <lossy/harness/link/due_queue.hpp>
#include <lossy/harness/link/fate.hpp>
#include <lossy/harness/link/link_options.hpp>
#include <lossy/harness/link/memory_budget.hpp>
#include <lossy/harness/link/payload_pool.hpp>
#include <lossy/harness/link/serialiser.hpp>
#include <lossy/harness/link/slot_gate.hpp>

namespace lossy {

// Every datagram offered is delivered or lost in the end, so offered = delivered + lost once
// nothing is in flight. Copies are counted when they set out.
struct LinkCounters {
  std::uint64_t offered = 0;
  std::uint64_t delivered = 0;                            // Datagrams of which a copy arrived.
  std::array<std::uint64_t, kLossReasonCount> lost_by{};  // Datagrams of which none will.
  std::uint64_t duplicated = 0;                           // Copies beyond a datagram's first.
  std::uint64_t copies_dropped = 0;  // Copies that a bound dropped while another went through.
  std::uint64_t held_back = 0;       // Copies.
  std::uint64_t early = 0;           // Copies that were sent ahead of the delay.
  std::uint64_t corrupted = 0;       // Copies with a flip, be it in what was cut off.
  std::uint64_t truncated = 0;       // Copies.
  std::uint64_t reordered = 0;       // Datagrams that arrived after a later one (RFC 4737).
  std::uint64_t flips_missed = 0;    // Flips of a listed fate beyond the payload's end.
  std::uint64_t cuts_missed = 0;     // Cuts of a listed fate at the payload's end or beyond it.

  std::uint64_t lost() const;
  LinkCounters& operator+=(const LinkCounters& other);
};

// What goes with a datagram besides its bytes.
struct Tag {
  std::uint64_t label = 0;  // Whatever the caller wants to have again with each copy.
  bool cut = false;         // Nothing gets through now: it is lost, as in an outage.
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
  Instant due;                 // When it leaves the link.
  std::size_t copy = 0;        // 0 for the first.
  bool first_arrival = false;  // No other copy of this datagram arrived before.
  bool reordered = false;      // A later datagram arrived before this one's first copy.
  bool held_back = false;
  bool corrupted = false;
  bool truncated = false;
  std::uint64_t label = 0;             // The datagram's.
  std::span<const std::byte> payload;  // Valid until the next call of the link.
};

class Link {
 public:
  // std::logic_error when an option is outside its range.
  Link(LinkPlan plan, std::unique_ptr<FateSource> fates);
  // Options that never change.
  Link(const LinkOptions& options, std::unique_ptr<FateSource> fates);

  // From now on what is in flight, and is lost as beyond a bound when there is no room, takes its
  // memory from a budget, which must outlive this. Before the first datagram.
  void take_memory_from(MemoryBudget& budget) { memory_ = MemoryShare(budget); }

  // Offers a datagram of at most kPayloadBytesMax bytes.
  Offer handle_datagram(Instant now, std::span<const std::byte> payload, Tag tag);
  Offer handle_datagram(Instant now, std::span<const std::byte> payload) {
    return handle_datagram(now, payload, Tag{});
  }

  // The next copy that is due by now, or nothing.
  std::optional<Delivery> poll_transmit(Instant now);

  // When the next copy is due, or nothing when nothing is in flight.
  std::optional<Instant> poll_timeout() const {
    if (in_flight_.empty()) return std::nullopt;
    return next_due_;
  }

  const LinkCounters& counters() const { return counters_; }
  // What was counted since it was last taken, for whoever sums up many links.
  LinkCounters take_counters() { return std::exchange(counters_, {}); }
  // Copies.
  std::size_t in_flight() const { return in_flight_.size(); }
  struct Underway {
    std::uint64_t number = 0;
    std::uint64_t label = 0;
    friend auto operator<=>(const Underway&, const Underway&) = default;
  };
  // Datagrams of which a copy is in flight and none has arrived, in the order of their numbers.
  std::vector<Underway> datagrams_in_flight() const;
  // Memory that the bytes in flight took so far.
  std::size_t bytes_reserved() const { return payloads_.bytes_reserved(); }

 private:
  // What waits for its time: small, because a heap moves it about.
  struct Copy {
    PayloadPool::Slot payload = 0;
    std::uint32_t traits = 0;  // Which copy it is, and what happened to it, as in the .cpp file.
  };
  // The datagram that a payload belongs to.
  struct Origin {
    std::uint64_t number = 0;
    Instant offered;
    std::uint64_t label = 0;
    PayloadPool::Slot whole = 0;  // As offered: shared by all copies, marked once one has arrived.
  };

  bool in_outage(Instant now);
  // Sends the copies of a datagram that nothing has lost yet.
  void send_copies(Instant now, std::span<const std::byte> payload, std::uint64_t label,
                   const LinkOptions& options, Offer& offer);
  // Whether all copies of a datagram find a place in the memory that there is.
  bool has_places(Instant now, std::size_t payload_bytes, const LinkOptions& options,
                  const Fate& fate);
  void send_copy(Instant departure, const CopyFate& fate, const LinkOptions& options, Copy copy);
  PayloadPool::Slot keep(std::span<const std::byte> payload, const Origin& origin);
  // Gives a copy bytes of its own, flipped and cut as its fate says.
  void damage(const CopyFate& fate, Copy& copy);
  // Works out when the first of what is in flight leaves.
  void look_ahead();
  void release_lent();
  // All memory for what is in flight, and giving it back when nothing is.
  std::size_t memory_bytes() const;
  void release_memory();

  LinkPlan plan_;
  std::unique_ptr<FateSource> fates_;
  LinkCounters counters_;
  MemoryShare memory_;
  PayloadPool payloads_;
  std::vector<Origin> origins_;  // By slot.
  DueQueue<Copy> in_flight_;     // By the times at which they come to the end.
  Instant next_due_ = Instant::max();
  std::uint64_t last_number_ = 0;
  std::uint64_t highest_arrived_ = 0;
  Instant last_due_ = Instant::min();  // The latest of what was neither held back nor early.
  std::size_t next_outage_ = 0;
  std::optional<PayloadPool::Slot> lent_;  // The payload of the latest delivery.
  Serialiser serialiser_;
  SlotGate gate_;
  bool has_slots_ = false;
};

}  // namespace lossy
