#include <lossy/harness/cli/simulate_command.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <limits>
#include <optional>
#include <utility>

#include <lossy/core/random.hpp>
#include <lossy/harness/capture/stoppable_write.hpp>
#include <lossy/harness/cli/files.hpp>
#include <lossy/harness/cli/output.hpp>
#include <lossy/harness/cli/scenario_format.hpp>
#include <lossy/harness/cli/script_run.hpp>
#include <lossy/harness/net/stop_signal.hpp>
#include <lossy/harness/sim/simulation.hpp>

namespace lossy {
namespace {

// The signal that asked the run to end, or 0, and when it came.
volatile std::sig_atomic_t caught_signal = 0;
timespec caught_at{};

// Whether that is so long ago that another one asks once more.
bool is_another_request() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::chrono::seconds(now.tv_sec - caught_at.tv_sec) +
             std::chrono::nanoseconds(now.tv_nsec - caught_at.tv_nsec) >=
         kOneRequest;
}

// While it lives, SIGINT, SIGTERM and SIGHUP ask the run to end, so that files are finished and the
// summary is printed. A second one ends the process at once. A SIGHUP that is ignored stays so, as
// nohup(1) wants it.
class StopSignalCatcher {
 public:
  StopSignalCatcher() {
    struct sigaction action = {};
    for (const int signal : kSignals) sigaddset(&action.sa_mask, signal);  // One after the other.
    action.sa_handler = [](int signal) {
      if (caught_signal == 0) {
        ::clock_gettime(CLOCK_MONOTONIC, &caught_at);
        caught_signal = signal;
        expect_end();
      } else if (is_another_request()) {
        std::signal(signal, SIG_DFL);
        std::raise(signal);  // Which ends the process once this returns.
      }
    };
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      sigaction(kSignals[i], &action, &before_[i]);
      if (kSignals[i] == SIGHUP && before_[i].sa_handler == SIG_IGN) restore(i);
    }
  }
  ~StopSignalCatcher() {
    for (std::size_t i = 0; i < kSignals.size(); ++i) restore(i);
  }
  StopSignalCatcher(const StopSignalCatcher&) = delete;
  StopSignalCatcher& operator=(const StopSignalCatcher&) = delete;

 private:
  static constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP};

  void restore(std::size_t i) { sigaction(kSignals[i], &before_[i], nullptr); }

  std::array<struct sigaction, kSignals.size()> before_{};
};

constexpr std::uintmax_t kScenarioBytesMax = 64 * 1024;

// Every attempt of every request could be delivered in as many copies as there can be, each way.
std::uint64_t events_max(const GreeterOptions& options, std::uint64_t requests) {
  const Uint128 events = Uint128{requests} *
                             static_cast<unsigned>(options.client.retry.attempts_max) *
                             (2 + Fate::kCopiesMax + Fate::kCopiesMax * Fate::kCopiesMax) +
                         1'000'000;
  const Uint128 most = std::numeric_limits<std::uint64_t>::max();
  return static_cast<std::uint64_t>(std::min(events, most));
}

// The simulator, in virtual time.
class SimulatedNetwork final : public GreetingNetwork {
 public:
  SimulatedNetwork(Greeter& client, Server& server, const Scenario& scenario)
      : simulation_({.events_max = events_max(scenario.greeter(), client.requests())}) {
    const PathOptions& path = scenario.path();
    const HostId asks = simulation_.add(client, scenario.client_address());
    const HostId answers = simulation_.add(server, scenario.server_address());
    path_ = simulation_.path(asks, answers, path.make_link(Direction::kUplink),
                             path.make_link(Direction::kDownlink));
  }

  void observe(Observer& observer) override { simulation_.observe(observer); }

  End run(const std::function<void()>& tick) override {
    catcher_.emplace();
    std::uint64_t events = 0;
    const RunEnd end = simulation_.run_until(
        [&] {
          if ((++events & 0xFFFF) == 0) tick();
          check_output();  // A ladder that nobody sees need not go on.
          return caught_signal != 0;
        },
        Instant::max());
    if (end == RunEnd::kEvents || end == RunEnd::kStuck) return End::kEvents;
    return end == RunEnd::kPredicate ? End::kInterrupted : End::kIdle;
  }

  void tell_in_flight() override { simulation_.tell_in_flight(); }
  int stop_signal() const override { return caught_signal; }
  const Link& link(Direction direction) const override {
    return simulation_.link(path_[direction]);
  }
  Instant now() const override { return simulation_.now(); }
  void add_to(RunReport& report) const override {
    report.virtual_time = simulation_.now() - Instant{};
  }

 private:
  std::optional<StopSignalCatcher> catcher_;
  Simulation simulation_;
  Path path_{};
};

}  // namespace

std::unique_ptr<GreetingNetwork> simulated_network(Greeter& client, Server& server,
                                                   const Scenario& scenario) {
  return std::make_unique<SimulatedNetwork>(client, server, scenario);
}

void add_simulate_command(CLI::App& app, const CommandLine& command_line,
                          std::function<int()>& command) {
  add_greeting_run(
      app, command_line, command,
      {.command = "simulate",
       .description = "Greet through a simulated network, in virtual time.",
       .footer =
           "With --config=FILE.toml the options come from the [simulate] section of a file, as in\n"
           "captures/drop.toml; an option on the command line replaces the file's.\n"
           "Examples:\n"
           "  lossy simulate --drop=10% --trace\n"
           "  lossy simulate --netem='delay 100ms 10ms 25% loss gemodel 1% 10%' --explain\n"
           "  lossy simulate --profile=wifi-crowded --count=100000 --interval=10us --json\n"
           "  lossy simulate --delay=20ms --timeline='5s: loss 100%; 6s: loss 0%' --outage=1s..2s\n"
           "  lossy simulate --faults='uplink.1:drop,downlink.2:duplicate+5ms' --record=run.pcap\n"
           "  lossy simulate --script=captures/rebind.script --trace",
       .real_time = false,
       .make_network = simulated_network,
       .run_script = simulate_script});
}

CLI::Validator scenario_file() {
  return {[](std::string& path) -> std::string {
            std::error_code error;
            const auto status = std::filesystem::status(path, error);
            if (!std::filesystem::exists(status)) return "there is no file '" + path + "'";
            if (!std::filesystem::is_regular_file(status)) return "'" + path + "' is not a file";
            // Far more than any scenario has, and little for what reads it.
            if (std::filesystem::file_size(path, error) > kScenarioBytesMax) {
              return "'" + path + "' is larger than 64 KiB, which no scenario is";
            }
            try {
              read_file(path);
            } catch (const std::system_error& refused) {
              return refused.what();
            }
            return {};
          },
          {}};
}

Scenario read_scenario(const std::string& path) {
  RunOptions options;
  CLI::App app;
  app.set_config("--config")->check(scenario_file());
  app.allow_config_extras(CLI::config_extras_mode::error);
  const auto format = std::make_shared<ScenarioFormat>(app);
  app.config_formatter(format);
  CLI::App* simulate = app.add_subcommand("simulate");
  simulate->fallthrough();
  add_run_options(*simulate, options);
  try {
    // In reverse, as CLI11 wants it.
    app.parse(std::vector<std::string>{"--config=" + path, "simulate"});
    options.scenario.resolve();
  } catch (const CLI::ParseError& error) {
    const std::string placed = format->placed(error.what());
    throw ScenarioError(placed == error.what() ? path + ": " + placed : placed);
  }
  return std::move(options.scenario);
}

}  // namespace lossy
