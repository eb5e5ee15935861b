// A run of a protocol from beginning to end: its options, who watches it, what is kept of it and
// what is said of it. `lossy simulate` and `lossy loopback` are this with another network each.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <lossy/core/protocol.hpp>
#include <lossy/harness/capture/golden.hpp>
#include <lossy/harness/cli/command_line.hpp>
#include <lossy/harness/cli/json_output.hpp>
#include <lossy/harness/cli/record_option.hpp>
#include <lossy/harness/cli/scenario.hpp>
#include <lossy/harness/link/link.hpp>
#include <lossy/harness/link/observer.hpp>
#include <lossy/harness/report/recording_observer.hpp>
#include <lossy/harness/report/summary.hpp>
#include <lossy/harness/sim/property_check.hpp>

namespace lossy {

struct RunOptions {
  std::string protocol;
  Scenario scenario;
  RecordOption record;
  std::string golden;
  std::string save_faults;
  std::string report;
  bool trace = false;
  JsonOption json;
  bool explain = false;
};

// What is known of a run before it is recorded, because it has run before: frames say how it ended,
// and what became of them.
struct Foreseen {
  bool breaks_a_property = false;
  RecordingObserver::LostOnTheWay lost{};
};

// What carries the datagrams of a run between its hosts.
class RunNetwork {
 public:
  enum class End : std::uint8_t {
    kIdle,  // Nothing is in flight, and nobody waits for anything.
    kOver,  // It was to end.
    // By the signal that stop_signal() tells: SIGPIPE when nobody takes what is printed.
    kInterrupted,
    kEndless,  // However much happens: see trouble().
  };

  virtual ~RunNetwork() = default;
  // Before the run. Observers must outlive the network.
  virtual void observe(Observer& observer) = 0;
  // Asks `is_over` after each event whether it is to end, and calls `tick` now and then, for what
  // is shown meanwhile.
  virtual End run(const std::function<bool()>& is_over, const std::function<void()>& tick) = 0;
  // Tells the observers what is in flight, once a run was interrupted.
  virtual void tell_in_flight() = 0;
  virtual int stop_signal() const = 0;
  virtual std::string trouble() const { return "the run does not end, however much happens"; }
  // Of all links of a direction together.
  virtual LinkCounters counters(Direction direction) const = 0;
  // How far the run has come.
  virtual Instant now() const = 0;
  // Why nothing of the run says anything, once it is over; empty when it does.
  virtual std::string could_not_try() const { return {}; }
  // What it alone can tell.
  virtual void add_to(RunReport& report) const = 0;
};

// The run of a scenario's protocol, for its network.
std::unique_ptr<ProtocolRun> protocol_run(const Scenario& scenario,
                                          Protocol::Listener listener = {});

// Runs until the end, a signal or a property that does not hold, which `check` then has. Throws
// CannotTry when the run comes to none of these. `reproduce` is the command that runs it.
RunNetwork::End run_checked(RunNetwork& network, const Scenario& scenario, ProtocolRun& run,
                            PropertyCheck& check, const std::string& reproduce,
                            const std::function<void()>& tick);

// The property that does not hold, in a sentence.
std::string words_of(const Property& broken);

// One of the commands that run a protocol.
struct RunKind {
  std::string command;      // "simulate".
  std::string description;  // In one sentence.
  std::string footer;
  // Its times are a real clock's. No run has them again, so a recording is marked as such, and a
  // golden is compared in content and order alone.
  bool real_time = false;
  // The endpoints and the scenario outlive the network.
  std::function<std::unique_ptr<RunNetwork>(ProtocolRun& run, const Scenario& scenario)>
      make_network{};
  // Runs a script of greetings instead, or nothing where no script of any protocol can be run.
  int (*run_script)(const RunOptions& options, const CommandLine& command_line) = nullptr;
  // Where one host alone is run: what puts it there, and options of that. Its calls are told one by
  // one, and one that ends in another way than was asked for makes the exit code 1.
  Scenario::PutAlone put_alone{};
  std::function<void(CLI::App& app)> add_own_options{};
};

// Adds the options to a subcommand, those of a protocol among them.
void add_run_options(CLI::App& app, RunOptions& options, const Protocol& protocol,
                     bool is_alone = false);

// Adds the subcommand; once it is parsed, `command` runs it and gives the exit code.
void add_protocol_run(CLI::App& app, const CommandLine& command_line, std::function<int()>& command,
                      const RunKind& kind);

}  // namespace lossy
