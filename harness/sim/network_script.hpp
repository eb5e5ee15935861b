// A script of any protocol: what its run is set up with, what the application asks for, and then,
// operation by operation, what the network does. Behind the last operation the network is perfect.
// A person writes it as text; a fuzz target of the protocol makes it of its input.
//
//   script 2                  # The version; nothing comes before it.
//   protocol tftp
//   set attempts 3            # Settings, each of them once at most.
//   get "readme"              # Calls, in the order in which they are asked: text within quotes.
//
//   deliver 0                 # A place among the datagrams that are on their way, from 0 in the
//   drop 1                    # order in which they set out, modulo how many there are.
//   duplicate 0
//   swap 0 1
//   flip 0 13                 # The bit: 13 is 32 of the second byte. Modulo what there is.
//   cut 0 4                   # How many bytes are left. Modulo what there is.
//   timeout                   # Time passes until the earliest timeout, which happens.
//   deliver first 5           # So many, one after the other, and what they lead to.
//   timeout 3
//   drop all
//   isolate 2 8               # Until 8 timeouts have happened nothing from or to the third host
//                             # arrives; everything else does, in order.
//
// An operation that finds nothing to do does nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lossy/core/protocol.hpp>
#include <lossy/harness/sim/controlled_network.hpp>
#include <lossy/harness/sim/script_lines.hpp>

namespace lossy {

struct NetworkOperation {
  enum class Kind : std::uint8_t {
    kDeliver,       // A place.
    kDeliverFirst,  // How many.
    kDrop,          // A place.
    kDropAll,
    kDuplicate,  // A place.
    kSwap,       // Two places.
    kFlip,       // A place and a bit.
    kCut,        // A place and how many bytes are left.
    kTimeout,    // How many.
    kIsolate,    // A host, and for how many timeouts.
  };
  static constexpr std::size_t kArgumentMax = 65'535;

  Kind kind = Kind::kDeliver;
  std::size_t first = 0;
  std::size_t second = 0;

  friend bool operator==(const NetworkOperation&, const NetworkOperation&) = default;
};

struct NetworkScript {
  static constexpr std::size_t kOperationsMax = 100'000;

  std::map<std::string, std::int64_t, std::less<>> settings;  // Those that are said.
  std::vector<Call> calls;
  std::vector<NetworkOperation> operations;
};

// Whatever the bytes are: what the input of a protocol's fuzz target does. Settings and calls come
// first, each a choice among those that the protocol wants tried, and then kInputOperationBytes for
// each operation: one of kInputKinds, and an argument. Behind the input's end there are zeros.
// (Every input is a script, but many scripts are no input.)
inline constexpr std::size_t kInputOperationBytes = 2;
inline constexpr std::size_t kInputKinds = 9;
inline constexpr std::size_t kInputBytesMax = std::size_t{1} << 16;  // Its text can be read again.
NetworkScript decode_input(const Protocol& protocol, std::span<const std::byte> input);
// How many bytes of it come before the first operation; of a short one, more than it has.
std::size_t input_head_bytes(const Protocol& protocol, std::span<const std::byte> input);

// Throws ScriptError, with the protocol's own words for a plan that cannot be.
NetworkScript parse_network_script(const Protocol& protocol, std::string_view text);
std::string format_network_script(const Protocol& protocol, const NetworkScript& script);
// The protocol that the text names. Throws ScriptError; empty when the text is of version 1, which
// is of greetings: script_text.hpp.
std::string protocol_of_script(std::string_view text);

// What a run of the script is asked for, without addresses: settings that are not said have their
// initial values.
RunPlan plan_of(const Protocol& protocol, const NetworkScript& script);

// Whether the operation found something to do.
bool perform(const NetworkOperation& operation, ControlledNetwork& network);

}  // namespace lossy
