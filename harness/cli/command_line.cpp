#include "harness/cli/command_line.hpp"

#include <span>

#include "core/escape.hpp"

namespace lossy {
namespace {

std::string shell_quoted(const std::string& argument) {
  static constexpr const char* kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=%./:,@+^[]";
  if (!argument.empty() && argument.find_first_not_of(kPlain) == std::string::npos) return argument;
  // What a terminal might obey is shown as escapes, which $'' makes the shell read as bytes again.
  const std::string escaped = escape_bytes(std::as_bytes(std::span(argument)));
  std::string quoted = escaped == argument ? "'" : "$'";
  const char* const quote = escaped == argument ? "'\\''" : "\\'";
  for (const char c : escaped) quoted += c == '\'' ? std::string(quote) : std::string(1, c);
  return quoted + '\'';
}

}  // namespace

std::string CommandLine::text_of(const std::string& program, const std::string& replaced,
                                 const std::string& by) const {
  std::string text = shell_quoted(program);
  for (const std::string& argument : arguments_) {
    if (!replaced.empty() && argument.starts_with(replaced)) continue;
    text += ' ' + shell_quoted(argument);
  }
  return by.empty() ? text : text + ' ' + by;
}

}  // namespace lossy
