// Sentences about what programs at either end of a proxy make of its paths, where that misleads.
#pragma once

#include <string>
#include <vector>

#include <lossy/harness/link/settings.hpp>
#include <lossy/harness/net/proxy.hpp>

namespace lossy {

struct ToolRun {
  const ProxyCounters& counters;
  const Timeline<LinkSettings>& uplink;
  const Timeline<LinkSettings>& downlink;
  std::string command{};  // What ran beside the proxy, if anything did.
};

std::vector<std::string> tool_notes(const ToolRun& run);

}  // namespace lossy
