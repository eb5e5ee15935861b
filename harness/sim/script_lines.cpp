#include <lossy/harness/sim/script_lines.hpp>

#include <algorithm>

#include <lossy/core/escape.hpp>
#include <lossy/harness/link/scan.hpp>

namespace lossy {
namespace {

constexpr const char* kBegin = "a script begins with its version, as in script 1";

// What a hexadecimal digit is worth; of anything else, more than 15.
std::size_t hex_digit(char c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  return kDigits.find(c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c);
}

}  // namespace

ScriptError::ScriptError(std::size_t error_line, std::string_view error_word,
                         const std::string& why)
    : TextError("line " + std::to_string(error_line) + ": " +
                (error_word.empty() ? "" : quote(error_word) + ": ") + why),
      line(error_line),
      word(error_word) {}

std::string one_of(std::span<const std::string_view> words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

std::string double_quoted(std::string_view bytes) {
  std::string text = "\"";
  for (const char c : escape_bytes(std::as_bytes(std::span(bytes.data(), bytes.size())))) {
    if (c == '"') text += '\\';
    text += c;
  }
  return text + '"';
}

void ScriptLines::fail(std::string_view word, const std::string& why) const {
  throw ScriptError(std::max<std::size_t>(line_, 1), word, why);
}

std::size_t ScriptLines::begin() {
  if (text_.size() > kScriptTextBytesMax) fail("", "more than 1 MiB is no script");
  if (!next_line()) fail("", kBegin);
  const std::string_view first = word();
  if (first != "script") fail(first, kBegin);
  const std::string_view version = word();
  if (version != "1" && version != "2") {
    fail(version, "this is not a version that is known here, which are 1 and 2");
  }
  end_line();
  return version == "1" ? 1 : 2;
}

void ScriptLines::begin(std::size_t version) {
  if (const std::size_t found = begin(); found != version) {
    fail(std::to_string(found), "here stands version " + std::to_string(version));
  }
}

bool ScriptLines::next_line() {
  while (!text_.empty()) {
    rest_ = take_part(text_, "\n");
    ++line_;
    if (!at_end()) return true;
  }
  return false;
}

void ScriptLines::end_line() {
  if (!at_end()) fail(word(), "nothing more belongs to this line");
}

bool ScriptLines::at_end() {
  while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
  return rest_.empty() || rest_.front() == '#';
}

std::string_view ScriptLines::word() {
  if (at_end()) return {};
  return take_until(rest_, " \t\r\v\f#");
}

std::size_t ScriptLines::choice(std::span<const std::string_view> words) {
  const std::string_view found = word();
  const auto place = std::find(words.begin(), words.end(), found);
  if (place == words.end()) fail(found, "here stands " + one_of(words));
  return static_cast<std::size_t>(place - words.begin());
}

std::size_t ScriptLines::number(std::size_t max, const char* what) {
  const std::string_view found = word();
  std::size_t value = 0;
  const bool is_number = !found.empty() && found.size() <= 9 &&
                         std::all_of(found.begin(), found.end(), is_digit) &&
                         (found.size() == 1 || found.front() != '0');
  for (std::size_t i = 0; is_number && i < found.size(); ++i) {
    value = 10 * value + static_cast<std::size_t>(found[i] - '0');
  }
  if (!is_number || value > max) {
    fail(found, std::string("here stands ") + what + ", 0 to " + std::to_string(max));
  }
  return value;
}

std::string ScriptLines::quoted_bytes() {
  const std::string_view from = rest_;
  rest_.remove_prefix(1);
  std::string bytes;
  while (!rest_.empty() && rest_.front() != '"') {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    if (static_cast<unsigned char>(c) < ' ' || c == 127) {
      fail(from.substr(0, from.size() - rest_.size()),
           "a control character is written as \\xNN within quotes");
    }
    bytes += c == '\\' ? escaped(from) : c;
  }
  if (rest_.empty()) fail(from, "the closing quote is missing");
  rest_.remove_prefix(1);
  return bytes;
}

char ScriptLines::escaped(std::string_view from) {
  const char c = rest_.empty() ? '\0' : rest_.front();
  if (!rest_.empty()) rest_.remove_prefix(1);
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case '\\':
    case '"':
      return c;
    default:
      break;
  }
  if (c == 'x' && rest_.size() >= 2 && hex_digit(rest_[0]) < 16 && hex_digit(rest_[1]) < 16) {
    const std::size_t value = 16 * hex_digit(rest_[0]) + hex_digit(rest_[1]);
    rest_.remove_prefix(2);
    return static_cast<char>(value);
  }
  fail(from.substr(0, from.size() - rest_.size()),
       R"(a backslash is followed by n, r, t, \, " or xNN)");
}

}  // namespace lossy
