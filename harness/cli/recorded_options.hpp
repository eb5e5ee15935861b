// The options of the commands that play a part of a capture again.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <lossy/core/escape.hpp>
#include <lossy/harness/capture/payload_mask.hpp>
#include <lossy/harness/capture/recorded_flows.hpp>
#include <lossy/harness/cli/option.hpp>

namespace lossy {

// --mask, --mask-regex. Gives the options, for whoever must say when they have no use.
std::vector<CLI::Option*> add_mask_options(CLI::App& app, PayloadMask& mask);

// --filter, --flow.
std::vector<CLI::Option*> add_recorded_options(CLI::App& app, RecordedFlowsOptions& options);

// "x.pcap: --flow=7: it has 2 flows".
std::string no_such_flow(const std::string& path, std::uint64_t flow, std::uint64_t flows_seen);

// Why --port chooses nothing: no flow's server has it. Empty when one has, or nothing was chosen.
template <typename Flows>
std::string no_such_port(const std::string& path, std::optional<std::uint16_t> port,
                         const Flows& flows) {
  const bool is_there =
      std::ranges::any_of(flows, [&](const auto& flow) { return flow.server.port() == port; });
  if (!port || flows.empty() || is_there) return {};
  return escape_controls(path) + ": --port=" + std::to_string(*port) +
         ": no flow in it has that port";
}

// Why nothing is left of a capture, as one line that names the option that left nothing; `what` is
// what is not in it, as in "no request is answered in it".
std::string why_nothing(const std::string& path, const std::string& what,
                        const RecordedFlows& recorded, const RecordedFlowsOptions& options);

// --port: where the server listens, in captures that do not say it themselves. Without it
// `unasked`.
CLI::Option* add_port(CLI::App& app, std::optional<std::uint16_t>& port,
                      const std::string& unasked = "told from all flows; inspect --why says why");

// Says that roles were told too late, and that the capture cannot be read a second time.
void say_mistaken(const std::string& path);

// Reads a capture; a filter that is none is thrown as CannotTry.
RecordedFlows read_flows(const std::string& path, const RecordedFlowsOptions& options);

// Throws CannotTry when expressions of the mask cannot look at a datagram of the capture.
void check_mask(const std::string& path, const RecordedFlows& recorded, const PayloadMask& mask,
                bool requests);

// How many requests or answers have bytes, none of which counts: then any other is as good.
std::uint64_t masked_whole(const RecordedFlows& recorded, const PayloadMask& mask, bool requests);

}  // namespace lossy
