#include <lossy/harness/cli/stop_signal_catcher.hpp>

#include <chrono>
#include <ctime>

#include <lossy/harness/capture/stoppable_write.hpp>
#include <lossy/harness/net/stop_signal.hpp>

namespace lossy {
namespace {

// The signal that asked the run to end, or 0, and when it came.
volatile std::sig_atomic_t caught_signal = 0;
timespec caught_at{};

// Whether that is so long ago that another one asks once more.
bool is_another_request() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::chrono::seconds(now.tv_sec - caught_at.tv_sec) +
             std::chrono::nanoseconds(now.tv_nsec - caught_at.tv_nsec) >=
         kOneRequest;
}

void catch_signal(int signal) {
  if (caught_signal == 0) {
    ::clock_gettime(CLOCK_MONOTONIC, &caught_at);
    caught_signal = signal;
    expect_end();
  } else if (is_another_request()) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);  // Which ends the process once the handler returns.
  }
}

}  // namespace

StopSignalCatcher::StopSignalCatcher() {
  struct sigaction action = {};
  for (const int signal : kSignals) sigaddset(&action.sa_mask, signal);  // One after the other.
  action.sa_handler = catch_signal;
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    sigaction(kSignals[i], &action, &before_[i]);
    if (kSignals[i] == SIGHUP && before_[i].sa_handler == SIG_IGN) {
      sigaction(SIGHUP, &before_[i], nullptr);
    }
  }
}

StopSignalCatcher::~StopSignalCatcher() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
}

int StopSignalCatcher::caught() {
  return caught_signal;
}

}  // namespace lossy
