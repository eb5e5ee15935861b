#include <lossy/core/tftp/message.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include <lossy/core/check.hpp>
#include <lossy/core/escape.hpp>

namespace lossy::tftp {
namespace {

enum class Opcode : std::uint16_t { kRead = 1, kWrite, kData, kAck, kError, kOptionAck };

constexpr std::string_view kMode = "octet";
constexpr std::string_view kBlockSize = "blksize";
constexpr std::string_view kTimeout = "timeout";
constexpr std::string_view kFileSize = "tsize";

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

// Reads from the front of bytes.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : rest_(bytes) {}

  std::optional<std::uint16_t> number() {
    if (rest_.size() < 2) return std::nullopt;
    const auto value = static_cast<std::uint16_t>(std::to_integer<unsigned>(rest_[0]) << 8 |
                                                  std::to_integer<unsigned>(rest_[1]));
    rest_ = rest_.subspan(2);
    return value;
  }
  // Up to the next 0, which is taken, too.
  std::optional<std::string_view> text() {
    const auto end = std::ranges::find(rest_, std::byte{0});
    if (end == rest_.end()) return std::nullopt;
    const auto size = static_cast<std::size_t>(end - rest_.begin());
    const std::string_view text(reinterpret_cast<const char*>(rest_.data()), size);
    rest_ = rest_.subspan(size + 1);
    return text;
  }
  std::span<const std::byte> rest() const { return rest_; }
  bool done() const { return rest_.empty(); }

 private:
  std::span<const std::byte> rest_;
};

// A whole number from min to max, in decimal digits.
template <typename Number>
std::optional<Number> parse_number(std::string_view text, Number min, Number max) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < min || value > max) {
    return std::nullopt;
  }
  return static_cast<Number>(value);
}

struct ParsedOptions {
  TransferOptions options;
  bool has_unknown = false;
};

std::variant<ParsedOptions, Malformed> parse_options(Reader reader) {
  ParsedOptions parsed;
  std::array<bool, 3> seen{};
  while (!reader.done()) {
    const auto name = reader.text();
    if (!name) return Malformed::kUnended;
    const auto value = reader.text();
    if (!value) return reader.done() ? Malformed::kOption : Malformed::kUnended;
    std::size_t place = 0;
    bool granted = false;
    TransferOptions& options = parsed.options;
    if (same_word(*name, kBlockSize)) {
      options.block_bytes = parse_number<std::uint16_t>(*value, kBlockBytesMin, kBlockBytesMax);
      granted = options.block_bytes.has_value();
    } else if (same_word(*name, kTimeout)) {
      place = 1;
      options.timeout_seconds = parse_number<std::uint8_t>(*value, 1, 255);
      granted = options.timeout_seconds.has_value();
    } else if (same_word(*name, kFileSize)) {
      place = 2;
      options.file_bytes = parse_number<std::uint64_t>(*value, 0, UINT64_MAX);
      granted = options.file_bytes.has_value();
    } else {
      parsed.has_unknown = true;
      continue;
    }
    if (std::exchange(seen[place], true)) return Malformed::kOption;
    if (!granted) parsed.has_unknown = true;
  }
  return parsed;
}

Parsed parse_request(bool writes, Reader reader) {
  const auto file = reader.text();
  if (!file) return Malformed::kUnended;
  if (file->empty()) return Malformed::kFileName;
  if (file->size() > kFileNameBytesMax) return Malformed::kTooLong;
  const auto mode = reader.text();
  if (!mode) return Malformed::kUnended;
  if (!same_word(*mode, kMode)) return Malformed::kMode;
  const auto options = parse_options(reader);
  if (const auto* why = std::get_if<Malformed>(&options)) return *why;
  return Request{writes, *file, std::get<ParsedOptions>(options).options};
}

Parsed parse_error(Reader reader) {
  const auto code = reader.number();
  if (!code) return Malformed::kTooShort;
  const auto text = reader.text();
  if (!text) return Malformed::kUnended;
  if (text->size() > kErrorTextBytesMax) return Malformed::kTooLong;
  return Error{static_cast<ErrorCode>(*code), *text};
}

class Writer {
 public:
  explicit Writer(std::span<std::byte> buffer) : buffer_(buffer) {}

  void number(std::uint16_t value) {
    const std::array<std::byte, 2> bytes{static_cast<std::byte>(value >> 8),
                                         static_cast<std::byte>(value & 0xff)};
    add(bytes);
  }
  void text(std::string_view text) {
    check(text.find('\0') == std::string_view::npos, "tftp::write: a 0 in a text");
    add(std::as_bytes(std::span(text)));
    add(std::array{std::byte{0}});
  }
  void options(const TransferOptions& options) {
    if (options.block_bytes) {
      check(*options.block_bytes >= kBlockBytesMin && *options.block_bytes <= kBlockBytesMax,
            "tftp::write: blksize outside its range");
      text(kBlockSize);
      text(std::to_string(*options.block_bytes));
    }
    if (options.timeout_seconds) {
      check(*options.timeout_seconds >= 1, "tftp::write: timeout outside its range");
      text(kTimeout);
      text(std::to_string(*options.timeout_seconds));
    }
    if (options.file_bytes) {
      text(kFileSize);
      text(std::to_string(*options.file_bytes));
    }
  }
  void add(std::span<const std::byte> bytes) {
    check(bytes.size() <= buffer_.size() - size_, "tftp::write: the buffer is too small");
    if (!bytes.empty()) std::memcpy(buffer_.data() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  std::size_t size() const { return size_; }

 private:
  std::span<std::byte> buffer_;
  std::size_t size_ = 0;
};

void write_body(const Request& request, Writer& writer) {
  check(!request.file.empty() && request.file.size() <= kFileNameBytesMax,
        "tftp::write: not a file's name");
  writer.number(static_cast<std::uint16_t>(request.writes ? Opcode::kWrite : Opcode::kRead));
  writer.text(request.file);
  writer.text(kMode);
  writer.options(request.options);
}
void write_body(const Data& data, Writer& writer) {
  check(data.payload.size() <= kBlockBytesMax, "tftp::write: a block is too long");
  writer.number(static_cast<std::uint16_t>(Opcode::kData));
  writer.number(data.block);
  writer.add(data.payload);
}
void write_body(const Ack& ack, Writer& writer) {
  writer.number(static_cast<std::uint16_t>(Opcode::kAck));
  writer.number(ack.block);
}
void write_body(const Error& error, Writer& writer) {
  check(error.text.size() <= kErrorTextBytesMax, "tftp::write: a text is too long");
  writer.number(static_cast<std::uint16_t>(Opcode::kError));
  writer.number(static_cast<std::uint16_t>(error.code));
  writer.text(error.text);
}
void write_body(const OptionAck& ack, Writer& writer) {
  writer.number(static_cast<std::uint16_t>(Opcode::kOptionAck));
  writer.options(ack.options);
}

std::string words(const TransferOptions& options) {
  std::string text;
  const auto add = [&](std::string_view name, std::uint64_t value) {
    text += ' ' + std::string(name) + ' ' + std::to_string(value);
  };
  if (options.block_bytes) add(kBlockSize, *options.block_bytes);
  if (options.timeout_seconds) add(kTimeout, *options.timeout_seconds);
  if (options.file_bytes) add(kFileSize, *options.file_bytes);
  return text;
}

std::string quoted_text(std::string_view text) {
  return '"' + escape_bytes(std::as_bytes(std::span(text))) + '"';
}

struct Describe {
  std::string operator()(Malformed why) const { return "no TFTP: " + std::string(to_string(why)); }
  std::string operator()(const Request& request) const {
    return (request.writes ? "WRQ " : "RRQ ") + quoted_text(request.file) + words(request.options);
  }
  std::string operator()(const Data& data) const {
    const std::size_t size = data.payload.size();
    return "DATA " + std::to_string(data.block) + ", " + std::to_string(size) +
           (size == 1 ? " byte" : " bytes");
  }
  std::string operator()(const Ack& ack) const { return "ACK " + std::to_string(ack.block); }
  std::string operator()(const Error& error) const {
    return "ERROR " + std::to_string(static_cast<unsigned>(error.code)) + ' ' +
           quoted_text(error.text);
  }
  std::string operator()(const OptionAck& ack) const {
    return "OACK" + words(ack.options) + (ack.has_unknown ? " and others" : "");
  }
};

}  // namespace

std::string_view to_string(Malformed reason) {
  constexpr std::array<std::string_view, kMalformedCount> kWords{
      "too_short", "too_long", "opcode", "unended", "file_name", "mode", "option", "trailing"};
  return kWords[static_cast<std::size_t>(reason)];
}

Parsed parse(std::span<const std::byte> bytes) {
  Reader reader(bytes);
  const auto opcode = reader.number();
  if (!opcode) return Malformed::kTooShort;
  switch (static_cast<Opcode>(*opcode)) {
    case Opcode::kRead:
    case Opcode::kWrite:
      return parse_request(static_cast<Opcode>(*opcode) == Opcode::kWrite, reader);
    case Opcode::kData: {
      const auto block = reader.number();
      if (!block) return Malformed::kTooShort;
      if (reader.rest().size() > kBlockBytesMax) return Malformed::kTooLong;
      return Data{*block, reader.rest()};
    }
    case Opcode::kAck: {
      const auto block = reader.number();
      if (!block) return Malformed::kTooShort;
      if (!reader.done()) return Malformed::kTrailing;
      return Ack{*block};
    }
    case Opcode::kError:
      return parse_error(reader);
    case Opcode::kOptionAck: {
      const auto options = parse_options(reader);
      if (const auto* why = std::get_if<Malformed>(&options)) return *why;
      const auto& parsed = std::get<ParsedOptions>(options);
      return OptionAck{parsed.options, parsed.has_unknown};
    }
  }
  return Malformed::kOpcode;
}

std::size_t write(const Message& message, std::span<std::byte> buffer) {
  Writer writer(buffer);
  std::visit([&](const auto& one) { write_body(one, writer); }, message);
  return writer.size();
}

std::string describe(std::span<const std::byte> bytes) {
  return std::visit(Describe{}, parse(bytes));
}

}  // namespace lossy::tftp
