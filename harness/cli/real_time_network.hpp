// A network on an event loop, until its run is over or a signal comes.
#pragma once

#include <optional>

#include <lossy/harness/cli/protocol_run.hpp>
#include <lossy/harness/net/event_loop.hpp>
#include <lossy/harness/net/stop_signal.hpp>

namespace lossy {

class RealTimeNetwork : public RunNetwork {
 public:
  End run(const std::function<bool()>& is_over, const std::function<void()>& tick) override;
  int stop_signal() const override { return stop_signal_; }
  Instant now() const override { return loop_.now(); }

 protected:
  // Takes what the endpoints want sent before anything has happened to them.
  virtual void start() = 0;
  // Nothing is left that could happen.
  virtual bool is_at_rest() const = 0;

  EventLoop loop_;

 private:
  std::optional<StopSignal> stop_;  // While it runs.
  int stop_signal_ = 0;
};

}  // namespace lossy
