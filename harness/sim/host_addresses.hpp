// Where the hosts of a simulated network are: always the same addresses, so that recordings do not
// differ.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <lossy/core/protocol.hpp>

namespace lossy {

// Of a host, from 0, by the ranges for documentation (RFC 5737, RFC 3849): 192.0.2.1, or
// 2001:db8::1.
Address simulated_address(std::size_t host, std::uint16_t port, bool ipv6 = false);

// Gives the plan's hosts their addresses, each with its port.
void place_hosts(RunPlan& plan, const std::vector<HostRole>& hosts, bool ipv6 = false);

// What a network calls the hosts of a plan that has its addresses: see network_address().
std::vector<Address> network_addresses(const RunPlan& plan, const std::vector<HostRole>& hosts);

}  // namespace lossy
