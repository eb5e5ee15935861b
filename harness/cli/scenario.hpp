// A scenario: who greets whom, how, over which path. It comes from the options of `lossy simulate`,
// given on the command line or in a file (the [simulate] section of --config=FILE).
#pragma once

#include <optional>
#include <string>

#include <lossy/core/greeter.hpp>
#include <lossy/harness/cli/greeting_options.hpp>
#include <lossy/harness/cli/path_options.hpp>
#include <lossy/harness/sim/script.hpp>

namespace lossy {

class Scenario {
 public:
  // The application must stay where it is until resolve().
  void add_to(CLI::App& app);
  // Checks the options and works them out; throws as PathOptions::resolve().
  void resolve();

  // All of the following after resolve().
  const PathOptions& path() const { return path_; }
  GreeterOptions greeter() const;
  Names names() const;
  // Fixed, from the ranges for documentation (RFC 5737, RFC 3849), so that recordings do not
  // differ.
  Address client_address() const;
  Address server_address() const;
  // Instead of all these, what a script says; its addresses are the same. Nothing when there is
  // none.
  const std::optional<Script>& script() const { return script_; }
  const std::string& script_path() const { return script_path_; }

 private:
  void resolve_script();

  PathOptions path_;
  GreetingOptions greetings_;
  std::optional<std::uint64_t> count_;
  std::optional<Duration> interval_;
  bool ipv6_ = false;
  std::string script_path_;
  std::optional<Script> script_;
  const CLI::App* app_ = nullptr;  // Until resolve().
};

}  // namespace lossy
