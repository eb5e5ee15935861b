#include <lossy/harness/net/event_loop.hpp>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <span>
#include <system_error>

#include <lossy/core/check.hpp>

namespace lossy {
namespace {

// An event's data: which handler, and that handler's key.
constexpr unsigned kKeyBits = 48;
constexpr std::uint64_t kKeyMask = (std::uint64_t{1} << kKeyBits) - 1;
// In place of a handler.
constexpr std::uint64_t kTimer = 0xFFFF;
constexpr std::uint64_t kStop = 0xFFFE;
constexpr std::size_t kHandlersMax = kStop;

// When the sending is rehearsed: often enough that nothing is forgotten in between, and not so
// late that it would keep from sending.
constexpr Duration kRehearsalsBegin = std::chrono::microseconds(500);
constexpr Duration kRehearsalsEnd = std::chrono::microseconds(15);
constexpr Duration kRehearsalGap = std::chrono::microseconds(20);

Duration monotonic() {
  return std::chrono::steady_clock::now().time_since_epoch();
}

FileDescriptor opened(int fd, const char* what) {
  if (fd < 0) throw std::system_error(errno, std::generic_category(), what);
  return FileDescriptor(fd);
}

void control(int epoll, int operation, int fd, std::uint32_t events, std::uint64_t data) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = data;
  if (::epoll_ctl(epoll, operation, fd, &event) == 0) return;
  if (operation == EPOLL_CTL_MOD && errno == ENOENT) {
    control(epoll, EPOLL_CTL_ADD, fd, events, data);
    return;
  }
  throw std::system_error(errno, std::generic_category(), "cannot wait for a descriptor");
}

}  // namespace

EventLoop::EventLoop(const Options& options)
    : options_(options),
      epoll_(opened(::epoll_create1(EPOLL_CLOEXEC), "cannot wait for sockets")),
      timer_(opened(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC),
                    "cannot make a timer")),
      stop_(opened(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "cannot make an event")),
      epoch_(monotonic()) {
  // Told once an expiry, so that nobody need read it.
  control(epoll_.number(), EPOLL_CTL_ADD, timer_.number(), EPOLLIN | EPOLLET, kTimer << kKeyBits);
  control(epoll_.number(), EPOLL_CTL_ADD, stop_.number(), EPOLLIN, kStop << kKeyBits);
  if (options.stop != nullptr) stop_on(*options.stop);
  if (options.spin) rehearsal_.emplace();
}

void EventLoop::stop_on(const StopSignal& stop) {
  control(epoll_.number(), EPOLL_CTL_ADD, stop.fd(), EPOLLIN, kStop << kKeyBits);
}

void EventLoop::add(Handler& handler) {
  check(handlers_.size() < kHandlersMax, "EventLoop: too many handlers");
  handlers_.push_back(&handler);
}

void EventLoop::watch(int fd, Handler& handler, std::uint64_t key, Wait wait) {
  const auto found = std::ranges::find(handlers_, &handler);
  check(found != handlers_.end() && key <= kKeyMask, "EventLoop::watch: unknown handler, or key");
  const auto index = static_cast<std::uint64_t>(found - handlers_.begin());
  control(epoll_.number(), EPOLL_CTL_MOD, fd, wait == Wait::kReadable ? EPOLLIN : EPOLLOUT,
          index << kKeyBits | key);
}

EventLoop::End EventLoop::run(const std::function<bool()>& done) {
  read_clock();
  while (!done()) {
    if (wait_and_handle()) return End::kStopped;
  }
  return End::kDone;
}

void EventLoop::stop() {
  const std::uint64_t one = 1;
  // It can only fail when it was called 2^64 times.
  [[maybe_unused]] const ssize_t written = ::write(stop_.number(), &one, sizeof one);
}

Instant EventLoop::read_clock() {
  return now_ = std::max(now_, Instant(monotonic() - epoch_));
}

std::optional<Instant> EventLoop::earliest() const {
  std::optional<Instant> earliest;
  for (const Handler* handler : handlers_) {
    const auto timeout = handler->poll_timeout();
    if (timeout && (!earliest || *timeout < *earliest)) earliest = timeout;
  }
  return earliest;
}

bool EventLoop::wait_and_handle() {
  const std::optional<Instant> until = earliest();
  const bool at_once = options_.spin || (until && *until <= now_);
  if (until && !at_once) arm(*until);
  if (until && rehearsal_ && rehearsal_->possible()) rehearse(*until);
  std::array<epoll_event, kEventsMax> events;
  const int found = ::epoll_wait(epoll_.number(), events.data(), kEventsMax, at_once ? 0 : -1);
  if (found < 0 && errno != EINTR) {
    throw std::system_error(errno, std::generic_category(), "cannot wait for sockets");
  }
  const auto ready = std::span(events).first(static_cast<std::size_t>(std::max(found, 0)));
  for (const epoll_event& event : ready) {
    if (event.data.u64 >> kKeyBits != kStop) continue;
    std::uint64_t stops = 0;
    [[maybe_unused]] const ssize_t taken = ::read(stop_.number(), &stops, sizeof stops);
    return true;
  }
  read_clock();
  bool told = false;
  for (const epoll_event& event : ready) {
    const std::uint64_t index = event.data.u64 >> kKeyBits;
    if (index == kTimer) continue;
    handlers_[index]->handle_ready(event.data.u64 & kKeyMask);
    handle_timeouts();
    told = true;
  }
  if (!told) handle_timeouts();
  return false;
}

void EventLoop::handle_timeouts() {
  for (Handler* handler : handlers_) {
    const auto timeout = handler->poll_timeout();
    if (timeout && *timeout <= now_) handler->handle_timeout(now_);
  }
}

void EventLoop::arm(Instant until) {
  // An earlier alarm will find nothing to do, which costs less than setting it anew each time.
  if (armed_ && *armed_ <= until && *armed_ > now_) return;
  armed_ = until;
  const Instant since_boot = saturating_add(until, epoch_);
  const Duration time = std::max(since_boot.time_since_epoch(), Duration(1));  // 0 would disarm it.
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  itimerspec alarm{};
  alarm.it_value.tv_sec = seconds.count();
  alarm.it_value.tv_nsec = (time - seconds).count();
  if (::timerfd_settime(timer_.number(), TFD_TIMER_ABSTIME, &alarm, nullptr) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot set a timer");
  }
}

void EventLoop::rehearse(Instant until) {
  const Duration left = until - now_;
  if (left > kRehearsalsBegin || left < kRehearsalsEnd || now_ < next_rehearsal_) return;
  rehearsal_->run();
  ++rehearsals_;
  next_rehearsal_ = now_ + kRehearsalGap;
}

}  // namespace lossy
