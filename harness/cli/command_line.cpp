#include "harness/cli/command_line.hpp"

namespace lossy {
namespace {

std::string shell_quoted(const std::string& argument) {
  static constexpr const char* kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=%./:,@+^[]";
  if (!argument.empty() && argument.find_first_not_of(kPlain) == std::string::npos) return argument;
  std::string quoted = "'";
  for (const char c : argument) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + '\'';
}

}  // namespace

std::string CommandLine::text(const std::string& replaced, const std::string& by) const {
  std::string text = "lossy";
  for (const std::string& argument : arguments_) {
    if (!replaced.empty() && argument.starts_with(replaced)) continue;
    text += ' ' + shell_quoted(argument);
  }
  return by.empty() ? text : text + ' ' + by;
}

}  // namespace lossy
