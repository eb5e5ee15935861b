// The command as it was typed, for the line that says how to get the same run again.
#pragma once

#include <string>
#include <vector>

namespace lossy {

class CommandLine {
 public:
  CommandLine(int argc, const char* const* argv)
      : arguments_(argv + (argc > 0 ? 1 : 0), argv + argc) {}

  const std::vector<std::string>& arguments() const { return arguments_; }

  // The command for a shell, quoted where it needs to be, as "lossy simulate --drop=10%". Every
  // argument that starts with `replaced` is left out and `by`, when it is not empty, added at the
  // end.
  std::string text(const std::string& replaced = {}, const std::string& by = {}) const;

 private:
  std::vector<std::string> arguments_;
};

}  // namespace lossy
