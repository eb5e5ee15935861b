// The greeting protocol's grammar once more, as plainly as it can be written, to compare the real
// one with. It shares no code with core, only the words for the reasons.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include <lossy/core/greeting/message.hpp>

namespace lossy {

// RFC 3629 section 4, the table of UTF8-1 to UTF8-4, line by line.
inline bool reference_is_utf8(std::string_view text) {
  // Long names are slow one byte at a time, and a fuzzer is in a hurry: first all of them at once.
  unsigned bits = 0;
  for (const char c : text) bits |= static_cast<unsigned char>(c);
  if (bits <= 0x7F) return true;
  const char* at = text.data();
  const char* const end = at + text.size();
  // Whether the byte `ahead` of the current one is there and lies in [low, high].
  const auto in = [&](std::ptrdiff_t ahead, unsigned low, unsigned high) {
    if (end - at <= ahead) return false;
    const unsigned byte = static_cast<unsigned char>(at[ahead]);
    return low <= byte && byte <= high;
  };
  const auto tail = [&](std::ptrdiff_t ahead) { return in(ahead, 0x80, 0xBF); };
  while (at < end) {
    if (in(0, 0x00, 0x7F)) {
      at += 1;
    } else if (in(0, 0xC2, 0xDF) && tail(1)) {
      at += 2;
    } else if ((in(0, 0xE0, 0xE0) && in(1, 0xA0, 0xBF) && tail(2)) ||
               (in(0, 0xE1, 0xEC) && tail(1) && tail(2)) ||
               (in(0, 0xED, 0xED) && in(1, 0x80, 0x9F) && tail(2)) ||
               (in(0, 0xEE, 0xEF) && tail(1) && tail(2))) {
      at += 3;
    } else if ((in(0, 0xF0, 0xF0) && in(1, 0x90, 0xBF) && tail(2) && tail(3)) ||
               (in(0, 0xF1, 0xF3) && tail(1) && tail(2) && tail(3)) ||
               (in(0, 0xF4, 0xF4) && in(1, 0x80, 0x8F) && tail(2) && tail(3))) {
      at += 4;
    } else {
      return false;
    }
  }
  return true;
}

// Why a text is no name, or nothing when it is one.
inline std::optional<Malformed> why_no_name(std::string_view text) {
  if (text.empty()) return Malformed::kEmpty;
  if (text.size() > 1016) return Malformed::kTooLong;
  if (!reference_is_utf8(text)) return Malformed::kNotUtf8;
  return std::nullopt;
}

// Why a text is no greeting, or nothing when it is one, of `name`.
inline std::optional<Malformed> why_no_greeting(std::string_view text, std::string_view& name) {
  if (text.size() < 8 || text.substr(0, 7) != "Hello, " || text[text.size() - 1] != '!') {
    return Malformed::kNotAGreeting;
  }
  name = text.substr(7, text.size() - 8);
  return why_no_name(name);
}

}  // namespace lossy
