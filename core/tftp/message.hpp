// TFTP's wire format: RFC 1350 in octet mode, with the options of RFC 2347 to 2349.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace lossy::tftp {

inline constexpr std::size_t kFileNameBytesMax = 255;
inline constexpr std::size_t kErrorTextBytesMax = 255;
inline constexpr std::size_t kHeaderBytes = 4;           // Of DATA and ACK.
inline constexpr std::uint16_t kBlockBytes = 512;        // Without the option.
inline constexpr std::uint16_t kBlockBytesMin = 8;       // RFC 2348.
inline constexpr std::uint16_t kBlockBytesMax = 65'464;  // RFC 2348.
inline constexpr std::size_t kRequestBytesMax = 512;     // RFC 2347.

enum class ErrorCode : std::uint16_t {
  kUndefined = 0,
  kNoSuchFile = 1,
  kAccess = 2,
  kDiskFull = 3,
  kIllegal = 4,
  kUnknownTransfer = 5,
  kFileExists = 6,
  kNoSuchUser = 7,
  kOptions = 8,  // RFC 2347.
};

// What a request asks for and an OACK grants. Options of other names are no part of it.
struct TransferOptions {
  std::optional<std::uint16_t> block_bytes{};     // blksize: kBlockBytesMin to kBlockBytesMax.
  std::optional<std::uint8_t> timeout_seconds{};  // timeout: 1 to 255.
  std::optional<std::uint64_t> file_bytes{};      // tsize; 0 in a request to read.

  bool empty() const { return !block_bytes && !timeout_seconds && !file_bytes; }
  friend bool operator==(const TransferOptions&, const TransferOptions&) = default;
};

// Texts and payloads lie in the bytes they were parsed from.
struct Request {
  bool writes = false;    // WRQ, else RRQ.
  std::string_view file;  // 1 to kFileNameBytesMax bytes, none of them 0.
  TransferOptions options{};
  friend bool operator==(const Request&, const Request&) = default;
};
struct Data {
  std::uint16_t block = 0;
  std::span<const std::byte> payload{};  // At most kBlockBytesMax.
};
struct Ack {
  std::uint16_t block = 0;
  friend bool operator==(const Ack&, const Ack&) = default;
};
struct Error {
  ErrorCode code = ErrorCode::kUndefined;  // Any 16 bits.
  std::string_view text{};                 // At most kErrorTextBytesMax bytes, none of them 0.
  friend bool operator==(const Error&, const Error&) = default;
};
struct OptionAck {
  TransferOptions options{};
  bool has_unknown = false;  // Another option, or one with a value that it cannot have.
};

enum class Malformed : std::uint8_t {
  kTooShort,
  kTooLong,   // A name, a text, or a payload.
  kOpcode,    // None of the six.
  kUnended,   // A text without a 0 behind it.
  kFileName,  // Empty.
  kMode,      // Neither octet nor a case of it: netascii and mail are not spoken.
  kOption,    // A name without a value, or the same name twice.
  kTrailing,  // Bytes behind an ACK.
};
inline constexpr std::size_t kMalformedCount = 8;

// "too_short", "too_long", "opcode", "unended", "file_name", "mode", "option", "trailing".
std::string_view to_string(Malformed reason);

using Message = std::variant<Request, Data, Ack, Error, OptionAck>;
using Parsed = std::variant<Malformed, Request, Data, Ack, Error, OptionAck>;

// A request's options that it cannot have, by name or by value, are as though they were not there:
// whoever answers leaves them out (RFC 2347).
Parsed parse(std::span<const std::byte> bytes);

// Writes a message to the front of `buffer` and gives its size. std::logic_error when it is one
// that parse() would refuse, or the buffer is too small.
std::size_t write(const Message& message, std::span<std::byte> buffer);

// One line: "RRQ \"readme\" blksize 1024", "DATA 3, 512 bytes", "ACK 3", "ERROR 1 \"File not
// found\"", "OACK tsize 700", "no TFTP: opcode". What came from the network is escaped.
std::string describe(std::span<const std::byte> bytes);

}  // namespace lossy::tftp
