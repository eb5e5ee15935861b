// The command as it was typed, for the line that says how to get the same run again.
#pragma once

#include <string>
#include <vector>

namespace lossy {

// An argument as a shell takes it: in quotes, when it needs them.
std::string shell_quoted(const std::string& argument);

class CommandLine {
 public:
  CommandLine(int argc, const char* const* argv)
      : program_(argc > 0 ? argv[0] : "lossy"),
        arguments_(argv + (argc > 0 ? 1 : 0), argv + argc) {}

  // The command for a shell, quoted where it needs to be: "scripts/lossy simulate --drop=10%".
  std::string text() const;
  // What was typed beside the name of the subcommand, each with a space in front.
  std::string options_text(const std::string& subcommand) const;

  // The same command without an option, and with it given a value behind the name of the
  // subcommand.
  CommandLine without(const std::string& option) const;
  CommandLine with(const std::string& subcommand, const std::string& option,
                   const std::string& value) const;

  // All that was typed behind the program.
  const std::vector<std::string>& arguments() const { return arguments_; }
  // As it was called.
  const std::string& program() const { return program_; }

 private:
  std::string program_;
  std::vector<std::string> arguments_;
};

}  // namespace lossy
