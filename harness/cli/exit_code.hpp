// What the command's exit code says, for scripts and CI.
#pragma once

#include <stdexcept>

namespace lossy {

enum ExitCode : int {
  kHolds = 0,
  kDoesNotHold = 1,  // A capture differs, a name was not greeted.
  kCouldNotTry = 2,  // Bad usage, an unreadable file, an address in use.
};

// Ends the command with kCouldNotTry; what() is the one line that says why.
class CannotTry : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace lossy
