#include <lossy/harness/net/flow_limit.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <fstream>

namespace lossy {
namespace {

// For files, standard streams and what else is open.
constexpr rlim_t kDescriptorsBeside = 32;
// Left to the other programs of this machine, as a part of all ports.
constexpr std::size_t kPortsLeftPart = 8;

std::size_t descriptors_for(std::size_t flows) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return flows;
  const rlim_t wanted = flows + kDescriptorsBeside;
  if (limit.rlim_cur < wanted) {
    rlimit raised = limit;
    raised.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max);
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return limit.rlim_cur > kDescriptorsBeside ? limit.rlim_cur - kDescriptorsBeside : 1;
}

// Ports that the system gives to sockets that ask for any.
std::size_t ports() {
  std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
  std::size_t first = 0;
  std::size_t last = 0;
  if (!(file >> first >> last) || last < first) return 28'232;  // Linux's own range.
  return last - first + 1;
}

}  // namespace

FlowLimit flow_limit(std::size_t wanted) {
  FlowLimit limit{.flows = wanted};
  const std::size_t all_ports = ports();
  if (const std::size_t some = std::max<std::size_t>(1, all_ports - all_ports / kPortsLeftPart);
      some < limit.flows) {
    limit = {.flows = some,
             .reason = "the system has " + std::to_string(all_ports) +
                       " ports to give; allow more with: sysctl -w "
                       "net.ipv4.ip_local_port_range=\"1024 65535\""};
  }
  if (const std::size_t some = descriptors_for(limit.flows); some < limit.flows) {
    limit = {.flows = some,
             .reason =
                 "more would take more descriptors than this process may have; allow more "
                 "with: ulimit -n " +
                 std::to_string(wanted + kDescriptorsBeside)};
  }
  return limit;
}

}  // namespace lossy
