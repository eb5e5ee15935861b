// Waits for sockets and for times, and tells whoever asked. There is one of it for everything that
// runs in real time.
//
// 1. This is the only place that reads a clock: CLOCK_MONOTONIC, in nanoseconds, counted from when
//    the loop was made, so that real time begins at Instant{} as virtual time does.
// 2. Nothing is told of a time before that time. Waiting is exact to what the kernel's timer does.
// 3. What has arrived is handled before a timeout that is due at the same time. Between two batches
//    from sockets timeouts have their turn, so that a flood keeps neither them nor a stop waiting.
// 4. The loop runs in the thread that calls run(); stop() alone may come from another.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include <lossy/core/clock.hpp>
#include <lossy/harness/net/file_descriptor.hpp>
#include <lossy/harness/net/rehearsal.hpp>
#include <lossy/harness/net/stop_signal.hpp>

namespace lossy {

class EventLoop {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    // A descriptor that was given to watch() can do what is waited for, or has an error to tell.
    // Handles one batch of it; what is left is told again.
    virtual void handle_ready(std::uint64_t key) = 0;
    // poll_timeout() has come.
    virtual void handle_timeout(Instant now) = 0;
    virtual std::optional<Instant> poll_timeout() const = 0;
  };

  enum class Wait : std::uint8_t { kReadable, kWritable };

  enum class End : std::uint8_t {
    kDone,     // done() said so.
    kStopped,  // A stop signal has come, which is the caller's to take, or stop() was called.
  };

  struct Options {
    const StopSignal* stop = nullptr;  // Without one no signal ends the loop.
    // Never sleeps: keeps a processor busy, and is on time to the microsecond. Shortly before
    // something is due it rehearses the sending of it, see Rehearsal.
    bool spin = false;
  };

  // Throws std::system_error when the operating system refuses.
  EventLoop() : EventLoop(Options{}) {}
  explicit EventLoop(const Options& options);

  // From now on this ends the runs, too. It must outlive them.
  void stop_on(const StopSignal& stop);

  // From now on the handler's timeouts are heard. It must outlive the loop, or at least its runs.
  void add(Handler& handler);

  // Tells a handler that was added of a descriptor, under a key below 2^48 of the handler's own; in
  // place of what was waited for before. Closing the descriptor ends it, but what was found in the
  // same moment may still be told: keys are not to be used again at once.
  void watch(int fd, Handler& handler, std::uint64_t key, Wait wait = Wait::kReadable);

  // Runs until done() or another end. done() is asked before each wait, when all input so far was
  // handled: also the place to flush what was printed. May be called again, whatever the end was.
  End run(const std::function<bool()>& done);

  // Ends the run, or the next one when there is none, with kStopped. From any thread.
  void stop();

  // The clock when it was last read, and now.
  Instant now() const { return now_; }
  Instant read_clock();

  // How often the sending was rehearsed.
  std::uint64_t rehearsals() const { return rehearsals_; }

 private:
  static constexpr std::size_t kEventsMax = 64;

  std::optional<Instant> earliest() const;
  // Whether a stop has come instead.
  bool wait_and_handle();
  void handle_timeouts();
  void arm(Instant until);
  void rehearse(Instant until);

  Options options_;
  FileDescriptor epoll_;
  FileDescriptor timer_;
  FileDescriptor stop_;
  std::vector<Handler*> handlers_;
  Duration epoch_;  // The clock when the loop was made.
  Instant now_{};
  std::optional<Instant> armed_;
  std::optional<Rehearsal> rehearsal_;
  Instant next_rehearsal_{};
  std::uint64_t rehearsals_ = 0;
};

}  // namespace lossy
