// The greeting protocol's wire format: a name goes out, "Hello, NAME!" comes back.
// It is the format of a well-known socket tutorial, byte for byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

namespace lossy {

inline constexpr std::size_t kMessageBytesMax = 1024;
inline constexpr std::string_view kGreetingPrefix = "Hello, ";
inline constexpr std::string_view kGreetingSuffix = "!";
// The longest name whose greeting still fits a message: 1016 bytes.
inline constexpr std::size_t kNameBytesMax =
    kMessageBytesMax - kGreetingPrefix.size() - kGreetingSuffix.size();

// Why bytes are not a message of the protocol.
enum class Malformed : std::uint8_t {
  kEmpty,         // No name: a request without bytes, or a greeting of nobody.
  kTooLong,       // A name of more than kNameBytesMax bytes.
  kNotUtf8,       // A name that is not valid UTF-8 (RFC 3629).
  kNotAGreeting,  // An answer without "Hello, " before the name or "!" behind it.
};
inline constexpr std::size_t kMalformedCount = 4;

// A word for it, as it stands in summaries and JSON: "empty", "too_long", "not_utf8",
// "not_a_greeting".
std::string_view to_string(Malformed reason);

// A name that lies in the bytes it was parsed from, or why there is none.
using ParsedName = std::variant<std::string_view, Malformed>;

// The name itself: 1 to kNameBytesMax bytes of valid UTF-8. A request is a name and nothing else.
ParsedName parse_request(std::span<const std::byte> bytes);

// A greeting, "Hello, NAME!"; gives NAME.
ParsedName parse_greeting(std::span<const std::byte> bytes);

// Write a message to the front of `buffer` and give its size. `name` must be one that
// parse_request() accepts, and `buffer` hold the message, at most kMessageBytesMax bytes. A size
// out of these bounds throws std::logic_error; the UTF-8 is not read again.
std::size_t write_request(std::string_view name, std::span<std::byte> buffer);
std::size_t write_greeting(std::string_view name, std::span<std::byte> buffer);

}  // namespace lossy
