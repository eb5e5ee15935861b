// A fuzz target of any protocol: an input chooses what a run is set up with, what the application
// asks for, and then, two bytes an operation, what the network does: network_script.hpp. Behind its
// end the network is perfect, and the run must come to rest with every property of the protocol.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <lossy/core/protocol.hpp>
#include <lossy/fuzz/property.hpp>
#include <lossy/fuzz/trace.hpp>
#include <lossy/harness/sim/controlled_network.hpp>
#include <lossy/harness/sim/host_addresses.hpp>
#include <lossy/harness/sim/network_script.hpp>
#include <lossy/harness/sim/property_check.hpp>

namespace lossy::fuzz {

class ProtocolTarget {
 public:
  explicit ProtocolTarget(const Protocol& protocol) : protocol_(protocol) {}

  const Protocol& protocol() const { return protocol_; }

  void run(std::span<const std::byte> input) const {
    const NetworkScript script = decode_input(protocol_, input);
    RunPlan plan = plan_of(protocol_, script);
    const std::vector<HostRole> hosts = protocol_.hosts(plan);
    place_hosts(plan, hosts);
    const auto run = protocol_.make_run(plan, [](const RunEvent& event) {
      Trace::add(event.subject);
      Trace::add(event.predicate);
      Trace::add(static_cast<std::uint64_t>(event.elapsed.count()));
    });
    PropertyCheck check(protocol_.properties, *run);
    ControlledNetwork network(*run, network_addresses(plan, hosts));
    network.observe(check);
    network.over_when([&] { return !check.holds(network.now()); });
    network.start();
    for (const NetworkOperation& operation : script.operations) {
      perform(operation, network);
      Trace::add(std::uint64_t{network.letters().size()});
    }
    const bool settles = network.settle(ControlledNetwork::kSettlesWithin);
    if (settles) check.holds_at_rest(network.now());
    if (check.broken() != nullptr) must(false, check.broken()->sentence.c_str());
    must(settles, "on a perfect network all becomes quiet");
    Trace::add(static_cast<std::uint64_t>(network.now().time_since_epoch().count()));
    Trace::add(run->ended());
  }

 private:
  const Protocol& protocol_;
};

}  // namespace lossy::fuzz
