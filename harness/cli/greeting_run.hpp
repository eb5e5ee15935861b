// A run of greetings from beginning to end: its options, who watches it, what is kept of it and
// what is said of it. `lossy simulate` and `lossy loopback` are this with another network each.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <lossy/core/greeter.hpp>
#include <lossy/core/server.hpp>
#include <lossy/harness/capture/golden.hpp>
#include <lossy/harness/cli/command_line.hpp>
#include <lossy/harness/cli/json_output.hpp>
#include <lossy/harness/cli/record_option.hpp>
#include <lossy/harness/cli/scenario.hpp>
#include <lossy/harness/link/link.hpp>
#include <lossy/harness/link/observer.hpp>
#include <lossy/harness/report/summary.hpp>

namespace lossy {

struct RunOptions {
  Scenario scenario;
  RecordOption record;
  std::string golden;
  std::string save_faults;
  std::string report;
  bool trace = false;
  JsonOption json;
  bool explain = false;
};

// What carries the datagrams of a run between its client and its server.
class GreetingNetwork {
 public:
  enum class End : std::uint8_t {
    kIdle,  // Nothing is in flight, and nobody waits for anything.
    // By the signal that stop_signal() tells: SIGPIPE when nobody takes what is printed.
    kInterrupted,
    kEvents,  // More happened than any run needs.
  };

  virtual ~GreetingNetwork() = default;
  // Before the run. Observers must outlive the network.
  virtual void observe(Observer& observer) = 0;
  // Calls `tick` now and then, for what is shown meanwhile.
  virtual End run(const std::function<void()>& tick) = 0;
  // Tells the observers what is in flight, once a run was interrupted.
  virtual void tell_in_flight() = 0;
  virtual int stop_signal() const = 0;
  virtual const Link& link(Direction direction) const = 0;
  // How far the run has come.
  virtual Instant now() const = 0;
  // What it alone can tell.
  virtual void add_to(RunReport& report) const = 0;
};

// Throws CannotTry when a run neither came to its end nor was interrupted. `reproduce` is the
// command that runs it.
void check_end(GreetingNetwork::End end, const Greeter& greeter, const std::string& reproduce);

// One of the commands that run greetings.
struct GreetingRunKind {
  std::string command;      // "simulate".
  std::string description;  // In one sentence.
  std::string footer;
  // Its times are a real clock's. No run has them again, so a recording is marked as such, and a
  // golden is compared in content and order alone.
  bool real_time = false;
  // The endpoints and the scenario outlive the network.
  std::unique_ptr<GreetingNetwork> (*make_network)(Greeter& client, Server& server,
                                                   const Scenario& scenario) = nullptr;
  // Runs a script instead, or nothing where no script can be run.
  int (*run_script)(const RunOptions& options, const CommandLine& command_line) = nullptr;
};

// Adds the options to a subcommand.
void add_run_options(CLI::App& app, RunOptions& options);

// Adds the subcommand; once it is parsed, `command` runs it and gives the exit code.
void add_greeting_run(CLI::App& app, const CommandLine& command_line, std::function<int()>& command,
                      const GreetingRunKind& kind);

}  // namespace lossy
