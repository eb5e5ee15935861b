// What a path does to one datagram, as data: a random model, a fixed list and a recording of either
// are the same thing to a link.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include <lossy/core/clock.hpp>

namespace lossy {

// Why a datagram is lost.
enum class LossReason : std::uint8_t {
  kDrop,      // By chance, or because a list says so.
  kChecksum,  // Damaged so that the receiver's checksum sees it: it never reaches an application.
  kOutage,    // Nothing got through at that time.
  kMtu,       // Larger than the path allows.
  kQueue,     // The queue in front of the rate was full.
  kInFlight,  // The bound on what is in flight was reached.
};
inline constexpr std::size_t kLossReasonCount = 6;

// "drop", "checksum", "outage", "mtu", "queue", "in_flight".
std::string_view to_string(LossReason reason);

// What happens to one copy of a datagram.
struct CopyFate {
  static constexpr std::size_t kFlipsMax = 8;
  static constexpr std::uint32_t kWhole = std::numeric_limits<std::uint32_t>::max();

  // On top of the delay that the link's options give; jitter may make it negative.
  Duration extra_delay{};
  // Delayed on purpose, so that later datagrams overtake it.
  bool held_back = false;
  // Sent ahead of the delay on purpose, so that it overtakes; what is held back is not.
  bool early = false;
  std::uint8_t flips_count = 0;
  // Bits of the payload that are flipped: bit b is bit b % 8, counted from the least significant,
  // of byte b / 8.
  std::array<std::uint32_t, kFlipsMax> flipped_bits{};
  // How many bytes of the payload are left, once the bits are flipped; kWhole for all of them.
  std::uint32_t kept_bytes = kWhole;

  std::span<const std::uint32_t> flips() const { return {flipped_bits.data(), flips_count}; }
  friend bool operator==(const CopyFate& a, const CopyFate& b);
};

// Lost, or delivered as so many copies. What a fate says is what the network decides by chance; a
// queue that is full may still drop what a fate delivers.
struct Fate {
  static constexpr std::size_t kCopiesMax = 8;

  std::size_t copies_count = 1;         // 0: lost.
  LossReason loss = LossReason::kDrop;  // Of one that is lost: kDrop or kChecksum.
  std::array<CopyFate, kCopiesMax> copy{};

  bool lost() const { return copies_count == 0; }
  std::span<const CopyFate> copies() const { return {copy.data(), copies_count}; }
  // One copy, on time and intact: nothing happens to it.
  bool is_plain() const;
  friend bool operator==(const Fate& a, const Fate& b);
};

// Decides fates, one datagram after the other.
class FateSource {
 public:
  virtual ~FateSource() = default;

  // The fate of the datagram `number`, counted from 1 in the order offered to the link, which is
  // offered at `now`. Neither decreases, and numbers increase. Valid until the next call.
  virtual const Fate& decide(Instant now, std::uint64_t number, std::size_t payload_bytes) = 0;
};

}  // namespace lossy
