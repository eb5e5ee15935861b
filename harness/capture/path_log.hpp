// Every datagram that a path was given and what became of it, for whoever fits a model to that.
//
// Memory grows with the datagrams, up to a bound: what comes behind it is counted and left out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include <lossy/core/clock.hpp>
#include <lossy/harness/capture/frame.hpp>

namespace lossy {

struct Sight;

// How many datagrams are remembered at most, of both directions and all flows together: 256 MiB.
inline constexpr std::size_t kLoggedDatagramsMax = std::size_t{1} << 23;

// A datagram that was sent.
struct LoggedDatagram {
  Instant sent;
  Duration delay{};  // One way, of the copy that arrived first, if one did.
  std::uint32_t identification = 0;
  std::uint32_t content = 0;     // A digest of its payload.
  std::uint32_t payload_at = 0;  // Where PayloadTail began to keep that.
  std::uint16_t payload_bytes = 0;
  std::uint8_t arrivals = 0;  // Copies that arrived, 255 at the most.
  bool is_v6 : 1 = false;
  // It may have been under way when the recording ended, or be another's: it counts neither as lost
  // nor as arrived.
  bool unknown : 1 = false;

  bool lost() const { return arrivals == 0 && !unknown; }
  bool arrived() const { return arrivals > 0 && !unknown; }
  std::size_t ip_bytes() const { return payload_bytes + std::size_t{is_v6 ? 48U : 28U}; }
};
static_assert(sizeof(LoggedDatagram) == 32);

// A copy behind the first that arrived. No more of them are remembered than there are datagrams.
struct LoggedCopy {
  std::size_t datagram = 0;  // Its place in LoggedFlow::datagrams.
  Duration delay{};
};

// What the copies of a flow's datagrams looked like that arrived with a payload.
struct LoggedDamage {
  static constexpr std::size_t kFlipsKnown = 8;

  std::uint64_t copies = 0;   // Whose datagram had one.
  std::uint64_t cut = 0;      // Of those.
  std::uint64_t flipped = 0;  // Of those that were not cut.
  // By the number of bits that were flipped; at 0 those where it is not known, or more.
  std::array<std::uint64_t, kFlipsKnown + 1> flips{};
};

// One direction of one flow, in the order of sending.
struct LoggedFlow {
  std::vector<LoggedDatagram> datagrams;
  std::vector<LoggedCopy> copies;
  LoggedDamage damage;
  std::uint64_t unmatched = 0;  // Arrivals of what was never seen to be sent.
};

// One direction of all flows.
struct LoggedPath {
  std::vector<LoggedFlow> flows;
  std::uint64_t left_out = 0;  // Datagrams beyond the bound.
};

// A digest of a payload, by which copies are known and damage is seen. Differs between machines of
// different byte order: it is for comparing, and not to be shown.
std::uint32_t digest_of(std::span<const std::byte> payload);

// The payloads that were sent last, so that flipped bits can be counted.
class PayloadTail {
 public:
  static constexpr std::size_t kBytes = std::size_t{1} << 24;

  // Where it is kept from now on, until as many bytes have followed as there is room for.
  std::uint32_t keep(std::span<const std::byte> payload);
  // How many bits are different; 0 when it is no longer there, which the digest tells.
  std::uint64_t flips(const LoggedDatagram& sent, std::span<const std::byte> arrived) const;

 private:
  std::vector<std::byte> bytes_;
  std::size_t end_ = 0;
};

// What one host saw leave and another arrive, joined: the datagrams of one direction of one flow.
class FlowLog {
 public:
  void sent(Instant time, const Frame& frame, PayloadTail& tail);
  // One was sent that is not remembered: what arrives of it belongs to no other.
  void sent_unseen(std::uint32_t identification);
  void arrived(Instant time, const Frame& frame, const PayloadTail& tail);
  // It is under way when the recording ends, unless a copy has arrived.
  void in_flight(std::uint32_t identification);

  // A copy arrives of the datagram at that place, for whoever knows it in another way.
  static void arrive(LoggedFlow& flow, std::size_t place, Duration delay);
  // What it looks like.
  static void look_at(LoggedFlow& flow, std::size_t place, std::span<const std::byte> payload,
                      const PayloadTail& tail);

  LoggedFlow take() { return std::move(flow_); }

 private:
  std::uint32_t* find(std::uint32_t identification);

  LoggedFlow flow_;
  // The places, from 1, of the datagrams that were sent last, by their identifications: a power of
  // two of them, and 65,536 at the most.
  std::vector<std::uint32_t> latest_;
};

// Collects the records of a recording of both sides.
class PathLog {
 public:
  // The record's time and what it shows. What shows one side only is passed over.
  void add(Instant time, const Sight& sight);

  bool empty() const { return order_.empty(); }

  // Uplink and downlink. Once, when the records have ended.
  std::array<LoggedPath, 2> take();

 private:
  std::unordered_map<std::uint64_t, std::array<FlowLog, 2>> flows_;  // By their numbers.
  std::vector<std::uint64_t> order_;                                 // As they came.
  PayloadTail tail_;
  std::size_t logged_ = 0;
  std::array<std::uint64_t, 2> left_out_{};
};

}  // namespace lossy
