#include <lossy/harness/cli/simulate_command.hpp>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <optional>
#include <utility>

#include <lossy/core/random.hpp>
#include <lossy/harness/cli/files.hpp>
#include <lossy/harness/cli/output.hpp>
#include <lossy/harness/cli/protocols.hpp>
#include <lossy/harness/cli/run_report.hpp>
#include <lossy/harness/cli/scenario_format.hpp>
#include <lossy/harness/cli/script_run.hpp>
#include <lossy/harness/cli/stop_signal_catcher.hpp>
#include <lossy/harness/sim/controlled_network.hpp>
#include <lossy/harness/sim/host_addresses.hpp>
#include <lossy/harness/sim/simulation.hpp>

namespace lossy {
namespace {

// In virtual time, which nobody waits for.
class VirtualTimeNetwork : public RunNetwork {
 public:
  int stop_signal() const override { return StopSignalCatcher::caught(); }

 protected:
  // From the beginning of a run on.
  void begin() { catcher_.emplace(); }
  // Whether to go on, after each event.
  bool goes_on(const std::function<bool()>& is_over, const std::function<void()>& tick) {
    if ((++events_ & 0xFFFF) == 0) tick();
    check_output();  // A ladder that nobody sees need not go on.
    return StopSignalCatcher::caught() == 0 && !is_over();
  }
  static End end_of_what_was_over() {
    return StopSignalCatcher::caught() != 0 ? End::kInterrupted : End::kOver;
  }

 private:
  std::optional<StopSignalCatcher> catcher_;
  std::uint64_t events_ = 0;
};

// The network does what a script says, and is perfect behind its end.
class ScriptedNetwork final : public VirtualTimeNetwork {
 public:
  ScriptedNetwork(ProtocolRun& run, const Scenario& scenario)
      : script_(*scenario.network_script()),
        steps_max_(run.events_max()),
        network_(run, network_addresses(scenario.plan(), scenario.hosts())) {}

  void observe(Observer& observer) override { network_.observe(observer); }

  End run(const std::function<bool()>& is_over, const std::function<void()>& tick) override {
    begin();
    network_.over_when([&] { return !goes_on(is_over, tick); });
    network_.start();
    for (const NetworkOperation& operation : script_.operations) {
      if (network_.is_over()) break;
      if (!perform(operation, network_)) ++idle_operations_;
    }
    const bool settles = network_.settle(steps_max_);
    if (network_.is_over()) return end_of_what_was_over();
    return settles ? End::kIdle : End::kEndless;
  }

  void tell_in_flight() override { network_.tell_in_flight(); }
  LinkCounters counters(Direction direction) const override { return network_.counters(direction); }
  Instant now() const override { return network_.now(); }
  void add_to(RunReport& report) const override {
    report.virtual_time = network_.now() - Instant{};
    add_undelivered(report, network_.unroutable(), network_.refused());
    if (idle_operations_ > 0) {
      report.notes.push_back(idle_note(idle_operations_, script_.operations.size()));
    }
  }

 private:
  const NetworkScript& script_;
  const std::uint64_t steps_max_;
  ControlledNetwork network_;
  std::size_t idle_operations_ = 0;
};

// The simulator.
class SimulatedNetwork final : public VirtualTimeNetwork {
 public:
  SimulatedNetwork(ProtocolRun& run, const Scenario& scenario)
      : simulation_({.events_max = run.events_max()}) {
    const PathOptions& path = scenario.path();
    const RunPlan plan = scenario.plan();
    std::vector<HostId> hosts;
    for (std::size_t host = 0; host < plan.addresses.size(); ++host) {
      const HostRole& role = scenario.hosts()[host];
      hosts.push_back(simulation_.add(
          run.endpoint(host),
          {.addresses = {network_address(role, plan.addresses[host])}, .name = role.name}));
    }
    // Each two are joined by a path of their own, from the first host of both to the second.
    for (std::size_t to = 1; to < hosts.size(); ++to) {
      for (std::size_t from = 0; from < to; ++from) {
        const std::uint64_t flow = paths_.size() + 1;
        paths_.push_back(simulation_.path(
            hosts[from], hosts[to], path.make_link(Direction::kUplink, flow, scenario.ipv6()),
            path.make_link(Direction::kDownlink, flow, scenario.ipv6())));
      }
    }
  }

  void observe(Observer& observer) override { simulation_.observe(observer); }

  End run(const std::function<bool()>& is_over, const std::function<void()>& tick) override {
    begin();
    const RunEnd end =
        simulation_.run_until([&] { return !goes_on(is_over, tick); }, Instant::max());
    if (end == RunEnd::kEvents || end == RunEnd::kStuck) return End::kEndless;
    if (end == RunEnd::kIdle) return End::kIdle;
    return end_of_what_was_over();
  }

  void tell_in_flight() override { simulation_.tell_in_flight(); }
  std::string trouble() const override {
    const std::string trouble = simulation_.trouble();
    return trouble.empty() ? RunNetwork::trouble() : trouble;
  }
  LinkCounters counters(Direction direction) const override {
    LinkCounters sum;
    for (const Path& path : paths_) sum += simulation_.link(path[direction]).counters();
    return sum;
  }
  Instant now() const override { return simulation_.now(); }
  void add_to(RunReport& report) const override {
    report.virtual_time = simulation_.now() - Instant{};
    add_undelivered(report, simulation_.unroutable(), simulation_.refused());
  }

 private:
  Simulation simulation_;
  std::vector<Path> paths_;
};

}  // namespace

std::unique_ptr<RunNetwork> simulated_network(ProtocolRun& run, const Scenario& scenario) {
  if (scenario.network_script()) return std::make_unique<ScriptedNetwork>(run, scenario);
  return std::make_unique<SimulatedNetwork>(run, scenario);
}

void add_simulate_command(CLI::App& app, const CommandLine& command_line,
                          std::function<int()>& command) {
  add_protocol_run(
      app, command_line, command,
      {.command = "simulate",
       .description = "Run a protocol over a simulated network, in virtual time.",
       .footer =
           "With --config=FILE.toml the options come from the [simulate] section of a file, as in\n"
           "captures/drop.toml; an option on the command line replaces the file's.\n"
           "Examples:\n"
           "  lossy simulate --drop=10% --trace\n"
           "  lossy simulate --netem='delay 100ms 10ms 25% loss gemodel 1% 10%' --explain\n"
           "  lossy simulate --profile=wifi-crowded --count=100000 --interval=10us --json\n"
           "  lossy simulate --delay=20ms --timeline='5s: loss 100%; 6s: loss 0%' --outage=1s..2s\n"
           "  lossy simulate --faults='uplink.1:drop,downlink.2:duplicate+5ms' --record=run.pcap\n"
           "  lossy simulate --script=captures/rebind.script --trace\n"
           "  lossy simulate --protocol=tftp --get=readme --put=notes --drop=10% --trace",
       .real_time = false,
       .make_network = simulated_network,
       .run_script = simulate_script});
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
  add_run_options(*simulate, options, protocol_of_scenario(path));
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
