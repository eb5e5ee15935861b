#include <lossy/harness/cli/loopback_command.hpp>

#include <fmt/format.h>

#include <lossy/harness/cli/exit_code.hpp>
#include <lossy/harness/cli/real_time_network.hpp>
#include <lossy/harness/cli/run_report.hpp>
#include <lossy/harness/net/loopback.hpp>

namespace lossy {
namespace {

// Sockets of this machine, in real time.
class LoopbackNetwork final : public RealTimeNetwork {
 public:
  LoopbackNetwork(ProtocolRun& run, const Scenario& scenario)
      : loopback_(loop_, host(run, scenario, 0), host(run, scenario, 1),
                  scenario.path().make_link(Direction::kUplink),
                  scenario.path().make_link(Direction::kDownlink)) {}

  void observe(Observer& observer) override { loopback_.observe(observer); }
  void tell_in_flight() override { loopback_.tell_in_flight(loop_.now()); }
  LinkCounters counters(Direction direction) const override {
    return loopback_.link(direction).counters();
  }
  void add_to(RunReport& report) const override {
    report.lost_by_system = loopback_.lost_by_system();
    add_undelivered(report, loopback_.unroutable(), loopback_.refused());
  }

 private:
  static Loopback::Host host(ProtocolRun& run, const Scenario& scenario, std::size_t number) {
    return {run.endpoint(number),
            network_address(scenario.hosts()[number], scenario.plan().addresses.at(number))};
  }

  void start() override { loopback_.start(); }
  bool is_at_rest() const override { return loopback_.idle(); }

  Loopback loopback_;
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
