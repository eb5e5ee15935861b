// `lossy simulate` in a page: the same options, read by the same code, and the same run.
#pragma once

#include <string>
#include <vector>

#include <lossy/harness/cli/command_line.hpp>
#include <lossy/harness/cli/option.hpp>
#include <lossy/harness/cli/scenario.hpp>
#include <lossy/harness/link/observer.hpp>
#include <lossy/harness/report/summary.hpp>

namespace lossy {

using Arguments = std::vector<std::string>;

// As somebody would have typed them, behind "lossy simulate".
CommandLine simulate_command_line(const Arguments& arguments);

class SimulatedRun {
 public:
  // The arguments are those behind "lossy simulate". Throws CLI::ParseError, TextError or
  // std::system_error for what that command would refuse.
  explicit SimulatedRun(Arguments arguments);

  // Throws std::runtime_error when it would keep a page busy for too long.
  RunReport run(Observer& observer, Protocol::Listener listener) const;

  const Scenario& scenario() const { return scenario_; }
  // What was given, each option as "--name=value".
  Arguments arguments() const;
  // The same with listed faults in the place of all that is left to chance. An empty list is none.
  Arguments with_faults(const std::string& faults) const;

 private:
  Arguments with_names(Arguments options) const;
  std::string reproduce() const;

  Arguments given_;
  CLI::App app_{"", "lossy simulate"};
  Scenario scenario_;
};

}  // namespace lossy
