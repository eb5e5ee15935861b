// What the texts of all scripts have in common: lines of words, numbers and texts within quotes,
// the first of them the version. "#" begins a comment, up to the line's end.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <lossy/harness/link/text.hpp>

namespace lossy {

// What cannot be read, and where; what() is a sentence about all of it.
class ScriptError : public TextError {
 public:
  ScriptError(std::size_t error_line, std::string_view error_word, const std::string& why);

  std::size_t line;  // From 1.
  std::string word;  // As it stands there; empty where something is missing.
};

inline constexpr std::size_t kScriptTextBytesMax = std::size_t{1} << 20;

// Reads a text from line to line, and a line from word to word. All of it throws ScriptError.
class ScriptLines {
 public:
  explicit ScriptLines(std::string_view text) : text_(text) {}

  // Reads up to the line of the version, as in "script 1", and gives that.
  std::size_t begin();
  // The same where it must be this one.
  void begin(std::size_t version);
  // Goes on to the next line with anything on it.
  bool next_line();
  // Of the line nothing must be left.
  void end_line();

  // Whether nothing but a comment is left of the line.
  bool at_end();
  bool at_quote() { return !at_end() && rest_.front() == '"'; }
  // The next word; empty at the end of the line.
  std::string_view word();
  // A word that is one of some, as its place among them.
  std::size_t choice(std::span<const std::string_view> words);
  // A number from 0 to `max`; `what` says what it would be, in an error.
  std::size_t number(std::size_t max, const char* what);
  // What stands within quotes, which come next.
  std::string quoted_bytes();

  std::size_t line() const { return line_; }  // From 1.
  // What is left of the line, and back to it.
  std::string_view rest() const { return rest_; }
  void go_back(std::string_view rest) { rest_ = rest; }

  [[noreturn]] void fail(std::string_view word, const std::string& why) const;

 private:
  char escaped(std::string_view from);

  std::string_view text_;
  std::string_view rest_;  // Of the line.
  std::size_t line_ = 0;
};

// "a, b or c".
std::string one_of(std::span<const std::string_view> words);
// Bytes within quotes, as ScriptLines reads them.
std::string double_quoted(std::string_view bytes);

}  // namespace lossy
