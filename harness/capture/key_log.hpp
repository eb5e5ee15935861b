// TLS key logs, as programs write them that find SSLKEYLOGFILE in their environment
// (draft-ietf-tls-keylogfile): lines of a label, the client's random and a secret, in hexadecimal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace lossy {

// What is longer fits into no block of a pcapng that readers take.
inline constexpr std::size_t kKeyLogBytesMax = 15'000'000;

// Why there is no key log.
struct KeyLogError {
  enum class Kind : std::uint8_t {
    kMissing,
    kEmpty,  // Or nothing but comments.
    kOther,  // It cannot be read, is no file, is too large, or is something else.
  };
  Kind kind = Kind::kOther;
  std::string text;  // "is a directory", with the path in front a sentence.
};

// All lines that are whole: the last one may be on its way.
std::variant<std::string, KeyLogError> parse_key_log(std::string text);
std::variant<std::string, KeyLogError> read_key_log(const std::string& path);

}  // namespace lossy
