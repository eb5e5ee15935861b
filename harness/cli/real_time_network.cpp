#include <lossy/harness/cli/real_time_network.hpp>

#include <csignal>

#include <lossy/harness/cli/output.hpp>

namespace lossy {

RunNetwork::End RealTimeNetwork::run(const std::function<bool()>& is_over,
                                     const std::function<void()>& tick) {
  stop_.emplace();
  loop_.stop_on(*stop_);
  loop_.read_clock();
  start();
  const EventLoop::End end = loop_.run([&] {
    flush_output();
    tick();
    return output_failed() || is_over() || is_at_rest();
  });
  if (end == EventLoop::End::kDone && !output_failed()) {
    return is_over() ? End::kOver : End::kIdle;
  }
  stop_signal_ = stop_->take().value_or(SIGPIPE);
  stop_.reset();  // Another one ends everything at once.
  return End::kInterrupted;
}

}  // namespace lossy
