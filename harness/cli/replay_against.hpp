// lossy replay --against: the clients of captures played again, to a real server.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <lossy/harness/capture/payload_mask.hpp>
#include <lossy/harness/capture/recorded_flows.hpp>
#include <lossy/harness/capture/replay_client.hpp>
#include <lossy/harness/cli/command_line.hpp>
#include <lossy/harness/cli/json_output.hpp>

namespace lossy {

// The largest --speed, and --pace in requests a second.
inline constexpr std::uint64_t kSpeedMax = 1'000'000;
inline constexpr std::uint64_t kPaceMax = 1'000'000'000;

struct AgainstOptions {
  std::vector<std::string> files;
  RecordedFlowsOptions recorded{};
  ReplayClientOptions client{};    // The mask is set by replay_against().
  std::optional<Address> other{};  // Whose answers are compared with those of the first server.
  PayloadMask mask{};
  std::string junit{};
  std::string report{};
  JsonOption json{};
};

// Gives the exit code.
int replay_against(const AgainstOptions& options, const CommandLine& command_line);

}  // namespace lossy
