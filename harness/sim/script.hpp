// A script: operation by operation, what a greeting client is asked and what the network does to
// the datagrams between it and the server. It is a fuzzer's input and a person's scenario alike.
//
// In binary it is a version, a byte for each option, and four bytes for each operation: its kind
// and three arguments. Every sequence of bytes is a script: a byte chooses modulo what there is,
// bytes that are missing are zeros, and those behind the last whole operation mean nothing. Of all
// the sequences that are the same script one is canonical, which encode() gives.
//
//   decode(encode(script)) == script        encode(decode(bytes)) is canonical
//
// script_text.hpp has the form for people, scripted_run.hpp says what the operations do.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <lossy/core/greeting/client.hpp>
#include <lossy/harness/link/direction.hpp>

namespace lossy {

// The first byte of a script in binary. (Whatever it is, decode() reads it as this version: a file
// that begins otherwise is for whoever opens it to refuse.)
inline constexpr std::uint8_t kScriptVersion = 1;

// What a run is set up with. Each has a few words to choose from.
enum class ScriptOption : std::uint8_t {
  kWindow,
  kAttempts,
  kInitialRto,
  kMinRto,
  kMaxRto,
  kClock,   // What the endpoints' clock says at the start.
  kFamily,  // Of the addresses.
};
inline constexpr std::size_t kScriptOptionCount = 7;

struct ScriptOptionText {
  std::string_view name;
  std::span<const std::string_view> words;  // The first is meant where nothing is said.
};
const ScriptOptionText& text_of(ScriptOption option);

enum class OperationKind : std::uint8_t {
  kGreet,         // The client is asked to greet a name.
  kTimeout,       // Time passes until the client's timeout, which happens.
  kTimeoutEarly,  // Until a nanosecond before it; a timeout is called for too early.
  kTimeoutLate,   // Until it and so much longer, and only then it happens.
  kTick,          // Time passes, and a timeout is called for at the end of it.
  kPass,          // Time passes, and nobody calls.
  kWait,          // Time passes, and every timeout on the way happens when it is due.
  kDeliver,       // A datagram that is on its way arrives.
  kDeliverAll,    // So does everything, with what that leads to, in the order sent.
  kDrop,          // A datagram is lost.
  kDuplicate,     // There is one more of it.
  kSwap,          // Two change places.
  kFlip,          // A bit changes.
  kCut,           // Its end is lost.
  kInject,        // Somebody else sends a datagram.
  kRebind,        // The client's address becomes another one, as behind a NAT.
  kText1,         // One to three bytes for the next operation that wants a text. They add up, and
  kText2,         // any other operation forgets them.
  kText3,
};
inline constexpr std::size_t kOperationKindCount = 19;

struct Operation {
  static constexpr std::size_t kBytes = 4;

  OperationKind kind = OperationKind::kGreet;
  std::array<std::uint8_t, 3> arguments{};

  // What the arguments say, of the kinds that have such: the rest is zero when it is canonical.
  std::size_t name() const { return arguments[0]; }     // kGreet: see kScriptNames.
  std::size_t address() const { return arguments[0]; }  // kRebind.
  std::size_t time_unit() const { return arguments[0]; }
  std::uint16_t time_count() const { return wide(); }
  Direction direction() const {
    return arguments[0] % 2 == 0 ? Direction::kUplink : Direction::kDownlink;
  }
  std::size_t place() const { return arguments[0] / 2; }  // Among those on their way.
  std::size_t other_place() const { return arguments[1]; }
  std::uint16_t bit() const { return wide(); }
  std::uint16_t bytes_kept() const { return wide(); }
  std::size_t source() const { return arguments[0] / 2; }  // kInject: see kScriptSources.
  std::size_t payload() const { return arguments[1]; }     // kInject: see kScriptPayloads,
  std::size_t choice() const { return arguments[2]; }      // of which this is one.

  friend bool operator==(const Operation&, const Operation&) = default;

 private:
  std::uint16_t wide() const {
    return static_cast<std::uint16_t>(arguments[1] | arguments[2] << 8);
  }
};

constexpr bool is_text(OperationKind kind) {
  return kind >= OperationKind::kText1;
}
// How many bytes a text operation has.
constexpr std::size_t text_bytes(OperationKind kind) {
  return static_cast<std::size_t>(kind) - static_cast<std::size_t>(OperationKind::kText1) + 1;
}

// Names of all sorts: those of the tutorial, short ones, some that look like greetings, some that
// differ by one bit; the longest there is. Behind the last comes the text of the operations before.
inline constexpr std::size_t kScriptNameCount = 16;
inline constexpr std::size_t kScriptLongestName = kScriptNameCount - 1;
inline constexpr std::size_t kScriptTextName = kScriptNameCount;
std::string_view script_name(std::size_t name);

// What is no name, what is no greeting, and what is neither.
inline constexpr std::size_t kScriptRubbishCount = 6;
std::string_view script_rubbish(std::size_t rubbish);
inline constexpr std::array<std::string_view, kScriptRubbishCount> kScriptRubbish{
    "empty", "byte-ff", "nobody", "unended", "overlong", "oversized"};

// What is injected: a name, a greeting of a name, rubbish, or the text as it is.
enum class ScriptPayload : std::uint8_t { kName, kGreeting, kRubbish, kBytes };
inline constexpr std::array<std::string_view, 4> kScriptPayloads{"name", "greeting", "rubbish",
                                                                 "bytes"};

// Where it comes from: the right address, another port or another host than that, or where it goes.
enum class ScriptSource : std::uint8_t { kPeer, kOtherPort, kOtherHost, kReflected };
inline constexpr std::array<std::string_view, 4> kScriptSources{"peer", "other-port", "other-host",
                                                                "reflected"};

inline constexpr std::array<std::string_view, 4> kScriptTimeUnits{"ns", "us", "ms", "s"};
inline constexpr std::size_t kScriptPlaces = 128;
inline constexpr std::size_t kScriptAddresses = 4;

struct Script {
  static constexpr std::size_t kHeaderBytes = 1 + kScriptOptionCount;
  static constexpr std::size_t kOperationsMax = 4096;  // Those behind are not there.
  static constexpr std::size_t kBytesMax = kHeaderBytes + kOperationsMax * Operation::kBytes;

  std::array<std::uint8_t, kScriptOptionCount> options{};  // By ScriptOption: which of its words.
  std::vector<Operation> operations;

  friend bool operator==(const Script&, const Script&) = default;
};

// Whatever the bytes are.
void decode(std::span<const std::byte> bytes, Script& script);
Script decode(std::span<const std::byte> bytes);
// Of what decode() or parse_script() gave.
void encode(const Script& script, std::vector<std::byte>& bytes);
std::vector<std::byte> encode(const Script& script);

// The operation, when its kind and arguments are taken modulo what there is.
Operation canonical(std::uint8_t kind, std::array<std::uint8_t, 3> arguments);

// What the words chosen mean.
ClientOptions client_options(const Script& script, const Address& server);
Instant clock_start(const Script& script);
bool is_ipv6(const Script& script);
// How long a time lasts.
Duration time_of(const Operation& operation);

}  // namespace lossy
