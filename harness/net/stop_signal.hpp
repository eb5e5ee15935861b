// Turns SIGINT and SIGTERM into something that a loop can wait for.
//
// While a StopSignal lives, the two do not end the process: they make fd() readable. They are
// blocked for the thread that made it and for the threads which that one starts then, so make it
// before any thread. A shell starts background jobs of scripts with SIGINT ignored; it counts all
// the same, because a server that a script started must end when the script asks it to.
#pragma once

#include <signal.h>

#include <optional>
#include <string_view>

#include "harness/net/file_descriptor.hpp"

namespace lossy {

class StopSignal {
 public:
  // Throws std::system_error when the operating system refuses.
  StopSignal();
  // Gives the two signals back the meaning they had. One that came and was not taken is dropped:
  // it asked for the end that is here.
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  // Takes the signal that has come, SIGINT or SIGTERM, or nothing when none has.
  std::optional<int> take();

  // For poll(2): readable from the signal until take().
  int fd() const { return fd_.number(); }

 private:
  sigset_t mask_before_{};
  FileDescriptor fd_;
};

// "SIGINT" or "SIGTERM".
std::string_view stop_signal_name(int signal);

}  // namespace lossy
