#include <lossy/core/escape.hpp>

#include <utf8/checked.h>
#include <utf8/unchecked.h>

#include <cstdint>

namespace lossy {
namespace {

// Whether a terminal might obey a code point, or hide it, instead of showing it.
bool is_unsafe(std::uint32_t code_point) {
  const auto in = [code_point](std::uint32_t first, std::uint32_t last) {
    return code_point >= first && code_point <= last;
  };
  return in(0x00, 0x1F) || in(0x7F, 0x9F) || code_point == 0x061C || in(0x200B, 0x200F) ||
         in(0x2028, 0x202E) || in(0x2060, 0x206F) || code_point == 0xFEFF || in(0xE0000, 0xE0FFF);
}

void append_escaped(std::string& text, char c) {
  const auto byte = static_cast<unsigned char>(c);
  static constexpr const char* kDigits = "0123456789abcdef";
  switch (byte) {
    case '\n':
      text += "\\n";
      break;
    case '\r':
      text += "\\r";
      break;
    case '\t':
      text += "\\t";
      break;
    case '\\':
      text += "\\\\";
      break;
    default:
      text += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
  }
}

// Escapes what is not UTF-8, what is unsafe, and the characters in `also`.
std::string escape(std::string_view bytes, std::string_view also) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  std::string text;
  text.reserve(bytes.size());
  while (at != end) {
    for (const char* const valid_end = utf8::find_invalid(at, end); at != valid_end;) {
      const char* const first = at;
      const std::uint32_t code_point = utf8::unchecked::next(at);
      if (!is_unsafe(code_point) && also.find(*first) == std::string_view::npos) {
        text.append(first, at);
        continue;
      }
      for (const char* byte = first; byte != at; ++byte) append_escaped(text, *byte);
    }
    // One byte that is not UTF-8: what follows it may be again.
    if (at != end) append_escaped(text, *at++);
  }
  return text;
}

}  // namespace

std::string escape_bytes(std::span<const std::byte> bytes) {
  return escape({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "\\");
}

std::string escape_controls(std::string_view text) {
  return escape(text, {});
}

}  // namespace lossy
