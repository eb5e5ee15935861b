// The wire format of the membership protocol: who asks whom, and what everyone has heard of others.
//
//   byte 0        what it is: see Kind
//   1-4           a number that the answer repeats
//   5-8           the sender's incarnation
//   an address    of kAskOther, the target: 4 or 6, its octets, its port
//   a byte        how many rumours follow, kRumoursMax at most
//   each          an address, a state, an incarnation
//
// Numbers are in network order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <lossy/core/address.hpp>

namespace lossy::membership {

enum class State : std::uint8_t { kAlive = 0, kSuspect = 1, kDead = 2 };
// "alive", "suspect", "dead".
std::string_view to_string(State state);

enum class Kind : std::uint8_t {
  kJoin = 1,      // Let me in. Answered by an ACK.
  kPing = 2,      // Are you there? Answered by an ACK.
  kAskOther = 3,  // Ask the target for me.
  kAck = 4,       // I am, or the target is.
};

inline constexpr std::size_t kRumoursMax = 8;

// What somebody says of a member.
struct Rumour {
  Address member;
  State state = State::kAlive;
  std::uint32_t incarnation = 0;

  friend bool operator==(const Rumour&, const Rumour&) = default;
};

struct Message {
  Kind kind = Kind::kPing;
  std::uint32_t number = 0;
  std::uint32_t incarnation = 0;    // The sender's.
  std::optional<Address> target{};  // Of kAskOther, and of no other.
  std::vector<Rumour> rumours{};    // kRumoursMax at most.

  friend bool operator==(const Message&, const Message&) = default;
};

enum class Malformed : std::uint8_t {
  kTooShort,
  kTooLong,  // There is more behind its end.
  kUnknownKind,
  kNoAddress,
  kUnknownState,
  kTooManyRumours,
};
inline constexpr std::size_t kMalformedCount = 6;
// "too_short", ...
std::string_view to_string(Malformed reason);

using Parsed = std::variant<Message, Malformed>;

// The one way to read a message: whatever the bytes are.
Parsed parse(std::span<const std::byte> bytes);

// The largest there is.
inline constexpr std::size_t kMessageBytesMax = 9 + 19 + 1 + kRumoursMax * (19 + 5);
// Writes it to the front of `buffer`, which must hold it, and gives its size. std::logic_error for
// what is no message.
std::size_t write(const Message& message, std::span<std::byte> buffer);

// A datagram in one line: "PING 3, 192.0.2.4:7946 suspect 0".
std::string describe(std::span<const std::byte> bytes);

}  // namespace lossy::membership
