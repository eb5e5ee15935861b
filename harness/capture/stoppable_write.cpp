#include "harness/capture/stoppable_write.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>

namespace lossy {
namespace {

// How often to look for signals that are held back, and how often in vain once there is one.
constexpr int kLookMs = 100;
constexpr int kLooksMax = 10;

std::atomic<bool> end_is_expected = false;

// Whether one of the signals that ask for the end has come and is held back, or was taken.
bool end_is_asked_for() {
  sigset_t pending;
  sigemptyset(&pending);
  ::sigpending(&pending);
  return end_is_expected || sigismember(&pending, SIGINT) == 1 ||
         sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGHUP) == 1;
}

// Until the descriptor takes something. Whether it does, or else nobody waits longer.
bool wait_for_room(int descriptor) {
  for (int looks = 0; looks < kLooksMax; looks += end_is_asked_for() ? 1 : 0) {
    ::pollfd one{descriptor, POLLOUT, 0};
    const int ready = ::poll(&one, 1, kLookMs);
    if (ready > 0) return true;  // Also for an error, which writing will tell.
    if (ready < 0 && errno != EINTR) return false;
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
