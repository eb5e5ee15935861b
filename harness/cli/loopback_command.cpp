#include <lossy/harness/cli/loopback_command.hpp>

#include <fmt/format.h>

#include <csignal>
#include <optional>

#include <lossy/harness/cli/exit_code.hpp>
#include <lossy/harness/cli/output.hpp>
#include <lossy/harness/cli/run_report.hpp>
#include <lossy/harness/net/loopback.hpp>

namespace lossy {
namespace {

// Sockets of this machine, in real time.
class LoopbackNetwork final : public RunNetwork {
 public:
  LoopbackNetwork(ProtocolRun& run, const Scenario& scenario)
      : loopback_(loop_, {run.endpoint(0), scenario.plan().addresses.at(0)},
                  {run.endpoint(1), scenario.plan().addresses.at(1)},
                  scenario.path().make_link(Direction::kUplink),
                  scenario.path().make_link(Direction::kDownlink)) {}

  void observe(Observer& observer) override { loopback_.observe(observer); }

  End run(const std::function<bool()>& is_over, const std::function<void()>& tick) override {
    stop_.emplace();
    loop_.stop_on(*stop_);
    loop_.read_clock();
    loopback_.start();
    const EventLoop::End end = loop_.run([&] {
      flush_output();
      tick();
      return output_failed() || is_over() || loopback_.idle();
    });
    if (end == EventLoop::End::kDone && !output_failed()) {
      return is_over() ? End::kOver : End::kIdle;
    }
    stop_signal_ = stop_->take().value_or(SIGPIPE);
    stop_.reset();  // Another one ends everything at once.
    return End::kInterrupted;
  }

  void tell_in_flight() override { loopback_.tell_in_flight(loop_.now()); }
  int stop_signal() const override { return stop_signal_; }
  LinkCounters counters(Direction direction) const override {
    return loopback_.link(direction).counters();
  }
  Instant now() const override { return loop_.now(); }
  void add_to(RunReport& report) const override {
    report.lost_by_system = loopback_.lost_by_system();
    add_undelivered(report, loopback_.unroutable(), loopback_.refused());
  }

 private:
  std::optional<StopSignal> stop_;
  EventLoop loop_;
  Loopback loopback_;
  int stop_signal_ = 0;
};

std::unique_ptr<RunNetwork> make_network(ProtocolRun& run, const Scenario& scenario) {
  if (const std::size_t hosts = scenario.hosts().size(); hosts != 2) {
    throw CannotTry(fmt::format("loopback joins two hosts, and {} has {}; lossy simulate joins any",
                                scenario.protocol().name, hosts));
  }
  return std::make_unique<LoopbackNetwork>(run, scenario);
}

}  // namespace

void add_loopback_command(CLI::App& app, const CommandLine& command_line,
                          std::function<int()>& command) {
  add_protocol_run(
      app, command_line, command,
      {.command = "loopback",
       .description = "Run a protocol over real UDP sockets of this machine, in real time.",
       .footer =
           "The links, their seeds and all options are those of lossy simulate, and so is what is\n"
           "recorded, but for its times: the scenario of a golden and the golden itself are good\n"
           "for both, unless the order of events depends on how fast this machine is.\n"
           "Examples:\n"
           "  lossy loopback --drop=10% --trace\n"
           "  lossy loopback --delay=20ms --jitter=5ms --count=1000 --window=8 --json\n"
           "  lossy loopback --config=captures/drop.toml --golden=captures/drop.pcap",
       .real_time = true,
       .make_network = make_network});
}

}  // namespace lossy
