// `lossy simulate`: a protocol over a simulated network.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <lossy/harness/cli/command_line.hpp>
#include <lossy/harness/cli/protocol_run.hpp>

namespace lossy {

// Adds the subcommand; once it is parsed, `command` runs it and gives the exit code.
void add_simulate_command(CLI::App& app, const CommandLine& command_line,
                          std::function<int()>& command);

// The network of `lossy simulate`: the same scenario gives the same run, to the byte. Both outlive
// it.
std::unique_ptr<RunNetwork> simulated_network(ProtocolRun& run, const Scenario& scenario);

// The scenario in a file, as `lossy simulate --config=FILE` would run it. Throws ScenarioError
// when it is not one.
Scenario read_scenario(const std::string& path);

}  // namespace lossy
