#include <lossy/core/greeting/message.hpp>

#include <utf8/checked.h>

#include <cstring>

#include <lossy/core/check.hpp>

namespace lossy {
namespace {

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Names are almost always short and ASCII, which needs no decoding.
bool is_ascii(std::string_view text) {
  std::uint64_t seen = 0;
  while (text.size() >= sizeof seen) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), sizeof word);
    seen |= word;
    text.remove_prefix(sizeof word);
  }
  for (const char c : text) seen |= static_cast<unsigned char>(c);
  return (seen & 0x8080808080808080U) == 0;
}

ParsedName parse_name(std::string_view name) {
  if (name.empty()) return Malformed::kEmpty;
  if (name.size() > kNameBytesMax) return Malformed::kTooLong;
  if (!is_ascii(name) && !utf8::is_valid(name.begin(), name.end())) return Malformed::kNotUtf8;
  return name;
}

std::size_t append(std::string_view text, std::span<std::byte> buffer, std::size_t at) {
  std::memcpy(buffer.data() + at, text.data(), text.size());
  return at + text.size();
}

}  // namespace

std::string_view to_string(Malformed reason) {
  switch (reason) {
    case Malformed::kEmpty:
      return "empty";
    case Malformed::kTooLong:
      return "too_long";
    case Malformed::kNotUtf8:
      return "not_utf8";
    case Malformed::kNotAGreeting:
      break;
  }
  return "not_a_greeting";
}

ParsedName parse_request(std::span<const std::byte> bytes) {
  return parse_name(as_text(bytes));
}

ParsedName parse_greeting(std::span<const std::byte> bytes) {
  std::string_view text = as_text(bytes);
  if (text.size() < kGreetingPrefix.size() + kGreetingSuffix.size() ||
      !text.starts_with(kGreetingPrefix) || !text.ends_with(kGreetingSuffix)) {
    return Malformed::kNotAGreeting;
  }
  text.remove_prefix(kGreetingPrefix.size());
  text.remove_suffix(kGreetingSuffix.size());
  return parse_name(text);
}

std::size_t write_request(std::string_view name, std::span<std::byte> buffer) {
  check(!name.empty() && name.size() <= kNameBytesMax, "write_request: not a name");
  check(buffer.size() >= name.size(), "write_request: the buffer is too small");
  return append(name, buffer, 0);
}

std::size_t write_greeting(std::string_view name, std::span<std::byte> buffer) {
  check(!name.empty() && name.size() <= kNameBytesMax, "write_greeting: not a name");
  check(buffer.size() >= kGreetingPrefix.size() + name.size() + kGreetingSuffix.size(),
        "write_greeting: the buffer is too small");
  return append(kGreetingSuffix, buffer, append(name, buffer, append(kGreetingPrefix, buffer, 0)));
}

}  // namespace lossy
