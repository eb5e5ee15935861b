#include "harness/net/stop_signal.hpp"

#include <sys/signalfd.h>

#include <cerrno>
#include <system_error>

namespace lossy {

StopSignal::StopSignal() {
  sigset_t stops;
  sigemptyset(&stops);
  sigaddset(&stops, SIGINT);
  sigaddset(&stops, SIGTERM);
  fd_ = FileDescriptor(::signalfd(-1, &stops, SFD_NONBLOCK | SFD_CLOEXEC));
  if (fd_.number() < 0) {
    throw std::system_error(errno, std::generic_category(), "cannot wait for signals");
  }
  if (const int error = pthread_sigmask(SIG_BLOCK, &stops, &mask_before_); error != 0) {
    throw std::system_error(error, std::generic_category(), "cannot block signals");
  }
}

StopSignal::~StopSignal() {
  while (take()) {
  }
  pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

std::optional<int> StopSignal::take() {
  signalfd_siginfo info{};
  if (::read(fd(), &info, sizeof info) != sizeof info) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

std::string_view stop_signal_name(int signal) {
  return signal == SIGINT ? "SIGINT" : "SIGTERM";
}

}  // namespace lossy
