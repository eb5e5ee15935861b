// `lossy simulate`: greetings cross a simulated network.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <lossy/harness/cli/command_line.hpp>
#include <lossy/harness/cli/greeting_run.hpp>

namespace lossy {

// Adds the subcommand; once it is parsed, `command` runs it and gives the exit code.
void add_simulate_command(CLI::App& app, const CommandLine& command_line,
                          std::function<int()>& command);

// The network of `lossy simulate`: the same scenario gives the same run, to the byte. All three
// outlive it.
std::unique_ptr<GreetingNetwork> simulated_network(Greeter& client, Server& server,
                                                   const Scenario& scenario);

// Accepts the path of what may be a scenario: a file that can be read and is not too large.
CLI::Validator scenario_file();

// The scenario in a file, as `lossy simulate --config=FILE` would run it. Throws ScenarioError
// when it is not one.
Scenario read_scenario(const std::string& path);

}  // namespace lossy
