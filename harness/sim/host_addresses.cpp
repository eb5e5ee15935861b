#include <lossy/harness/sim/host_addresses.hpp>

namespace lossy {

Address simulated_address(std::size_t host, std::uint16_t port, bool ipv6) {
  const auto number = static_cast<std::uint8_t>(host + 1);
  if (!ipv6) return Address::v4({192, 0, 2, number}, port);
  return Address::v6({0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, number}, port);
}

void place_hosts(RunPlan& plan, const std::vector<HostRole>& hosts, bool ipv6) {
  for (const HostRole& host : hosts) {
    plan.addresses.push_back(simulated_address(plan.addresses.size(), host.port, ipv6));
  }
}

std::vector<Address> network_addresses(const RunPlan& plan, const std::vector<HostRole>& hosts) {
  std::vector<Address> addresses;
  for (const HostRole& host : hosts) {
    addresses.push_back(network_address(host, plan.addresses.at(addresses.size())));
  }
  return addresses;
}

}  // namespace lossy
