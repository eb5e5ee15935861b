#include <lossy/harness/capture/stoppable_write.hpp>

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>

namespace lossy {
namespace {

// How often to look for signals that are held back, and how often in vain once there is one. One
// that comes at the next look but one was sent again: timeout(1) sends its own twice at once.
constexpr int kLookMs = 50;
constexpr int kLooksMax = 20;
constexpr int kLooksOfOneRequest = 1;

std::atomic<bool> end_is_expected = false;

// The signals that ask for the end, where they are held back.
//
// Of the same signal a second one leaves no trace while the first one waits. So that one is taken,
// and sent again as it was in the end, to be found by whoever takes such signals. That happens in
// the main thread: in another one somebody could miss it meanwhile.
class RequestsToEnd {
 public:
  RequestsToEnd() {
    sigemptyset(&signals_);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals_, signal);
  }
  ~RequestsToEnd() {
    for (std::size_t i = 0; i < taken_count_; ++i) {
      ::syscall(SYS_rt_sigqueueinfo, ::getpid(), taken_[i].si_signo, &taken_[i]);
    }
  }
  RequestsToEnd(const RequestsToEnd&) = delete;
  RequestsToEnd& operator=(const RequestsToEnd&) = delete;

  // Whether one waits to be taken.
  bool come() {
    if (!is_main_thread_ || end_is_expected) return is_pending();
    const timespec at_once{};
    siginfo_t info{};
    bool any = false;
    while (::sigtimedwait(&signals_, &info, &at_once) > 0) {
      if (taken_count_ < taken_.size()) taken_[taken_count_++] = info;
      any = true;
    }
    return any;
  }

 private:
  bool is_pending() const {
    sigset_t pending;
    sigemptyset(&pending);
    ::sigpending(&pending);
    return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
           sigismember(&pending, SIGHUP) == 1;
  }

  sigset_t signals_{};
  const bool is_main_thread_ = ::gettid() == ::getpid();
  std::array<siginfo_t, 3> taken_{};
  std::size_t taken_count_ = 0;
};

// Until the descriptor takes something. Whether it does, or else nobody waits longer.
bool wait_for_room(int descriptor) {
  RequestsToEnd requests;
  bool asked = false;
  for (int looks = 0; looks < kLooksMax; looks += asked ? 1 : 0) {
    ::pollfd one{descriptor, POLLOUT, 0};
    const int ready = ::poll(&one, 1, kLookMs);
    if (ready > 0) return true;  // Also for an error, which writing will tell.
    if (ready < 0 && errno != EINTR) return false;
    const bool expected = end_is_expected;
    const bool come = requests.come();
    if (come && looks >= kLooksOfOneRequest) break;
    asked = asked || expected || come;
  }
  errno = ECANCELED;
  return false;
}

}  // namespace

::ssize_t stoppable_write(int descriptor, std::span<const std::byte> bytes) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || S_ISREG(status.st_mode)) {
    return ::write(descriptor, bytes.data(), bytes.size());
  }
  // A pipe that takes anything takes so much.
  const std::size_t size = std::min<std::size_t>(bytes.size(), PIPE_BUF);
  while (true) {
    if (!wait_for_room(descriptor)) return -1;
    const ::ssize_t written = ::write(descriptor, bytes.data(), size);
    if (written >= 0 || (errno != EAGAIN && errno != EINTR)) return written;
  }
}

void expect_end() {
  end_is_expected = true;
}

}  // namespace lossy
