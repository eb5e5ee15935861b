#include <lossy/harness/cli/command_line.hpp>

#include <algorithm>
#include <span>

#include <lossy/core/escape.hpp>

namespace lossy {

std::string shell_quoted(const std::string& argument) {
  static constexpr const char* kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=%./:,@+";
  if (!argument.empty() && argument.find_first_not_of(kPlain) == std::string::npos) return argument;
  // What a terminal might obey is shown as escapes, which $'' makes the shell read as bytes again.
  const std::string escaped = escape_bytes(std::as_bytes(std::span(argument)));
  std::string quoted = escaped == argument ? "'" : "$'";
  const char* const quote = escaped == argument ? "'\\''" : "\\'";
  for (const char c : escaped) quoted += c == '\'' ? std::string(quote) : std::string(1, c);
  return quoted + '\'';
}

std::string CommandLine::text() const {
  std::string text = shell_quoted(program_);
  for (const std::string& argument : arguments_) text += ' ' + shell_quoted(argument);
  return text;
}

std::string CommandLine::options_text(const std::string& subcommand) const {
  CommandLine options = *this;
  std::vector<std::string>& arguments = options.arguments_;
  const auto name = std::find(arguments.begin(), arguments.end(), subcommand);
  if (name != arguments.end()) arguments.erase(name);
  return options.text().substr(shell_quoted(program_).size());
}

CommandLine CommandLine::without(const std::string& option) const {
  CommandLine changed = *this;
  std::vector<std::string>& arguments = changed.arguments_;
  // Behind "--" an option's name is none.
  const auto options_end = [&] { return std::find(arguments.begin(), arguments.end(), "--"); };
  if (const auto apart = std::find(arguments.begin(), options_end(), option);
      apart != options_end()) {
    arguments.erase(apart, apart + (apart + 1 == arguments.end() ? 1 : 2));
  }
  arguments.erase(std::remove_if(arguments.begin(), options_end(),
                                 [&](const std::string& argument) {
                                   return argument.starts_with(option + '=');
                                 }),
                  options_end());
  return changed;
}

CommandLine CommandLine::with(const std::string& subcommand, const std::string& option,
                              const std::string& value) const {
  CommandLine changed = without(option);
  std::vector<std::string>& arguments = changed.arguments_;
  const auto name = std::find(arguments.begin(), arguments.end(), subcommand);
  arguments.insert(name == arguments.end() ? name : name + 1, option + '=' + value);
  return changed;
}

}  // namespace lossy
