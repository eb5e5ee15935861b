// A scenario: who greets whom, how, over which path. It comes from the options of `lossy simulate`,
// given on the command line or in a file (the [simulate] section of --config=FILE).
#pragma once

#include <optional>

#include "core/greeter.hpp"
#include "harness/cli/greeting_options.hpp"
#include "harness/cli/path_options.hpp"

namespace lossy {

class Scenario {
 public:
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

 private:
  PathOptions path_;
  GreetingOptions greetings_;
  std::optional<std::uint64_t> count_;
  std::optional<Duration> interval_;
  bool ipv6_ = false;
};

}  // namespace lossy
