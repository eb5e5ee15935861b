// What a command hears in its event loop beside its sockets.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include <lossy/harness/net/event_loop.hpp>
#include <lossy/harness/net/stop_signal.hpp>

namespace lossy {

// Calls a function once a period.
class Ticker final : public EventLoop::Handler {
 public:
  Ticker(EventLoop& loop, Duration period, std::function<void()> tick)
      : period_(period), next_(saturating_add(loop.now(), period)), tick_(std::move(tick)) {
    loop.add(*this);
  }
  void handle_ready(std::uint64_t) override {}
  void handle_timeout(Instant now) override {
    // Of periods that were missed none is made up for.
    next_ = saturating_add(next_, period_ * ((now - next_) / period_ + 1));
    tick_();
  }
  std::optional<Instant> poll_timeout() const override { return next_; }

 private:
  Duration period_;
  Instant next_;
  std::function<void()> tick_;
};

// Calls a function for each signal.
class SignalHandler final : public EventLoop::Handler {
 public:
  SignalHandler(EventLoop& loop, CaughtSignals& signals,
                std::function<void(const CaughtSignals::Caught&)> heard)
      : signals_(signals), heard_(std::move(heard)) {
    loop.add(*this);
    loop.watch(signals.fd(), *this, 0);
  }
  void handle_ready(std::uint64_t) override {
    while (const auto caught = signals_.take_caught()) heard_(*caught);
  }
  void handle_timeout(Instant) override {}
  std::optional<Instant> poll_timeout() const override { return std::nullopt; }

 private:
  CaughtSignals& signals_;
  std::function<void(const CaughtSignals::Caught&)> heard_;
};

}  // namespace lossy
