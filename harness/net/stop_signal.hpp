// Turns signals into something that a loop can wait for.
//
// While one of these lives, its signals do not end the process: they make fd() readable. They are
// blocked for the thread that made it and for the threads which that one starts then, so make it
// before any thread. A shell starts background jobs of scripts with SIGINT ignored; it counts all
// the same, because a server that a script started must end when the script asks it to. SIGHUP that
// is ignored stays so, because nohup(1) is there to ask for just that.
#pragma once

#include <signal.h>

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

#include <lossy/core/clock.hpp>
#include <lossy/harness/net/file_descriptor.hpp>

namespace lossy {

// timeout(1) sends its signal to the process and then to the whole group: what comes so soon after
// another is no second request.
inline constexpr Duration kOneRequest = std::chrono::milliseconds(50);

class CaughtSignals {
 public:
  // Throws std::system_error when the operating system refuses.
  explicit CaughtSignals(std::initializer_list<int> signals);
  // Gives the signals back the meaning they had. One that came and was not taken is dropped: it
  // asked for the end that is here. So is what still comes within kOneRequest of one that asked for
  // the end.
  ~CaughtSignals();
  CaughtSignals(const CaughtSignals&) = delete;
  CaughtSignals& operator=(const CaughtSignals&) = delete;

  struct Caught {
    int number = 0;
    bool from_terminal = false;  // By a key: then the whole group of processes has it.
    std::uint32_t sender = 0;    // The process that sent it, if one did.
  };
  // The next signal that has come, or nothing when none has.
  std::optional<Caught> take_caught();
  // Its number alone.
  std::optional<int> take();

  // For poll(2): readable from the signal until it is taken.
  int fd() const { return fd_.number(); }

  // The signals that were blocked before.
  const sigset_t& mask_before() const { return mask_before_; }

 private:
  sigset_t mask_before_{};
  std::optional<std::chrono::steady_clock::time_point> stop_taken_;  // When the last one was.
  FileDescriptor fd_;
};

// SIGINT, SIGTERM and SIGHUP, which ask for the end.
class StopSignal : public CaughtSignals {
 public:
  StopSignal() : CaughtSignals({SIGINT, SIGTERM, SIGHUP}) {}
};

// From now on `tell` is called whenever one of those three is taken: whoever waits for something
// else may have to be told, too.
void when_stop_is_taken(void (*tell)());

// One for the whole process, made when it is first asked for and never destroyed: a second signal,
// such as the one that timeout(1) sends to the whole group, must not turn a clean end into a death
// by signal.
StopSignal& stop_signal();

// "SIGINT", "SIGTERM" or "SIGHUP".
std::string_view stop_signal_name(int signal);

}  // namespace lossy
