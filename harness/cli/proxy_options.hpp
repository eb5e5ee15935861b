// What `lossy proxy` was asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <lossy/core/address.hpp>
#include <lossy/harness/cli/json_output.hpp>
#include <lossy/harness/cli/path_options.hpp>
#include <lossy/harness/cli/record_option.hpp>
#include <lossy/harness/net/proxy.hpp>

namespace lossy {

struct ProxyCommandOptions {
  std::optional<ListenAddress> listen{};
  std::optional<Address> to{};
  PathOptions path;
  Duration idle = ProxyOptions{}.idle;
  std::uint64_t flows = ProxyOptions{}.flows_max;
  std::uint64_t memory_bytes = ProxyOptions{}.memory_bytes_max;
  std::optional<Duration> rebind_every{};
  bool spin = false;
  RecordOption record;
  std::string secrets;
  std::string save_faults;
  std::string report;
  bool trace = false;
  std::string protocol;
  bool explain = false;
  JsonOption json;
  std::optional<Duration> stats{};
  std::vector<std::string> command;  // What runs beside the proxy; nothing when it is empty.
};

}  // namespace lossy
