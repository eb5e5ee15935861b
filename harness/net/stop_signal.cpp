#include <lossy/harness/net/stop_signal.hpp>

#include <sys/signalfd.h>

#include <atomic>
#include <cerrno>
#include <system_error>
#include <thread>

namespace lossy {
namespace {

std::atomic<void (*)()> tell_of_stop = nullptr;

// nohup(1) asks that nothing ends because a terminal goes away.
bool outlives_terminal() {
  struct sigaction action {};
  return ::sigaction(SIGHUP, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

CaughtSignals::CaughtSignals(std::initializer_list<int> signals) {
  sigset_t caught;
  sigemptyset(&caught);
  for (const int signal : signals) {
    if (signal != SIGHUP || !outlives_terminal()) sigaddset(&caught, signal);
  }
  fd_ = FileDescriptor(::signalfd(-1, &caught, SFD_NONBLOCK | SFD_CLOEXEC));
  if (fd_.number() < 0) {
    throw std::system_error(errno, std::generic_category(), "cannot wait for signals");
  }
  if (const int error = pthread_sigmask(SIG_BLOCK, &caught, &mask_before_); error != 0) {
    throw std::system_error(error, std::generic_category(), "cannot block signals");
  }
}

CaughtSignals::~CaughtSignals() {
  if (stop_taken_) std::this_thread::sleep_until(*stop_taken_ + kOneRequest);
  while (take()) {
  }
  pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

std::optional<CaughtSignals::Caught> CaughtSignals::take_caught() {
  signalfd_siginfo info{};
  if (::read(fd(), &info, sizeof info) != sizeof info) return std::nullopt;
  const int number = static_cast<int>(info.ssi_signo);
  const bool is_stop = number == SIGINT || number == SIGTERM || number == SIGHUP;
  if (is_stop) stop_taken_ = std::chrono::steady_clock::now();
  if (const auto tell = tell_of_stop.load(); is_stop && tell != nullptr) tell();
  return Caught{number, info.ssi_code == SI_KERNEL, info.ssi_pid};
}

std::optional<int> CaughtSignals::take() {
  const std::optional<Caught> caught = take_caught();
  return caught ? std::optional(caught->number) : std::nullopt;
}

void when_stop_is_taken(void (*tell)()) {
  tell_of_stop = tell;
}

StopSignal& stop_signal() {
  static auto& stop = *new StopSignal;
  return stop;
}

std::string_view stop_signal_name(int signal) {
  switch (signal) {
    case SIGINT:
      return "SIGINT";
    case SIGHUP:
      return "SIGHUP";
    default:
      return "SIGTERM";
  }
}

}  // namespace lossy
