// Signals that ask a run in virtual time to end, which looks whether one came now and then.
#pragma once

#include <csignal>

#include <array>

namespace lossy {

// While it lives, SIGINT, SIGTERM and SIGHUP ask the run to end, so that files are finished and the
// summary is printed. A second one ends the process at once. A SIGHUP that is ignored stays so, as
// nohup(1) wants it.
class StopSignalCatcher {
 public:
  StopSignalCatcher();
  ~StopSignalCatcher();
  StopSignalCatcher(const StopSignalCatcher&) = delete;
  StopSignalCatcher& operator=(const StopSignalCatcher&) = delete;

  // The signal that asked for the end, since the process began; or 0.
  static int caught();

 private:
  static constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP};

  std::array<struct sigaction, kSignals.size()> before_{};
};

}  // namespace lossy
