// lossy replay --against: the clients of captures played again, to a real server.
#pragma once

#include <string>
#include <vector>

#include "harness/capture/payload_mask.hpp"
#include "harness/capture/recorded_flows.hpp"
#include "harness/capture/replay_client.hpp"
#include "harness/cli/command_line.hpp"

namespace lossy {

struct AgainstOptions {
  std::vector<std::string> files;
  RecordedFlowsOptions recorded{};
  ReplayClientOptions client{};  // The mask is set by replay_against().
  PayloadMask mask{};
  std::string junit{};
  std::string report{};
  bool json = false;
};

// Gives the exit code.
int replay_against(const AgainstOptions& options, const CommandLine& command_line);

}  // namespace lossy
