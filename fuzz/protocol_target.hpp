// A fuzz target of any protocol: an input chooses what a run is set up with, what the application
// asks for, and then, two bytes an operation, what the network does. Behind its end the network is
// perfect, and the run must come to rest with every property of the protocol.
#pragma once

#include <cstddef>
#include <cstdint>

#include <lossy/core/protocol.hpp>
#include <lossy/fuzz/input.hpp>
#include <lossy/fuzz/property.hpp>
#include <lossy/fuzz/trace.hpp>
#include <lossy/harness/sim/controlled_network.hpp>

namespace lossy::fuzz {

class ProtocolTarget {
 public:
  // Of a perfect network, until all is quiet.
  explicit ProtocolTarget(const Protocol& protocol, std::size_t steps_max = 200'000)
      : protocol_(protocol), steps_max_(steps_max) {}

  void run(Input input) const {
    RunPlan plan = plan_of(input);
    ControlledNetwork network(protocol_, plan, [](const RunEvent& event) {
      Trace::add(event.subject);
      Trace::add(event.predicate);
      Trace::add(static_cast<std::uint64_t>(event.elapsed.count()));
    });
    while (!input.done() && network.broken() == nullptr) {
      const std::uint8_t kind = input.byte();
      operate(network, kind, input.byte());
    }
    const bool settles = network.settle(steps_max_);
    if (network.broken() != nullptr) must(false, network.broken()->sentence.c_str());
    must(settles, "on a perfect network all becomes quiet");
    Trace::add(static_cast<std::uint64_t>(network.now().time_since_epoch().count()));
    Trace::add(network.run().ended());
  }

 private:
  RunPlan plan_of(Input& input) const {
    RunPlan plan;
    for (const Setting& setting : protocol_.settings) {
      if (setting.initial) plan.settings[setting.name] = *setting.initial;
      if (setting.tried.empty()) continue;
      const std::size_t choice = input.below(setting.tried.size() + 1);
      if (choice > 0) plan.settings[setting.name] = setting.tried[choice - 1];
    }
    if (!protocol_.call_kinds.empty()) {
      for (std::size_t calls = input.below(4); calls > 0; --calls) {
        const std::size_t kind = input.below(protocol_.call_kinds.size());
        const auto& tried = protocol_.call_kinds[kind].tried;
        if (!tried.empty()) plan.calls.push_back({kind, input.of(tried)});
      }
    }
    std::uint8_t host = 0;
    for (const HostRole& role : protocol_.hosts(plan)) {
      plan.addresses.push_back(Address::v4({192, 0, 2, ++host}, role.port));
    }
    return plan;
  }

  void operate(ControlledNetwork& network, std::uint8_t kind, std::uint8_t argument) const {
    const std::size_t other = argument / 16;
    switch (kind % 9) {
      case 0:
        network.deliver(argument);
        break;
      case 1:  // So many in order.
        for (std::size_t i = 0; i <= argument && network.deliver(0); ++i) {
        }
        break;
      case 2:
        network.lose(argument);
        break;
      case 3:
        network.duplicate(argument);
        break;
      case 4:
        network.swap(argument % 16, other);
        break;
      case 5:  // So many timeouts, whatever is on its way.
        for (std::size_t i = 0; i <= argument % 16 && network.time_out(); ++i) {
        }
        break;
      case 6:  // All that is on its way is lost.
        while (network.lose(0)) {
        }
        break;
      case 7:
        isolate(network, other, 4 * (argument % 16U + 1));
        break;
      default:
        if (protocol_.survives_damage && argument % 2 == 0) network.flip(0, argument / 2U);
        if (protocol_.survives_damage && argument % 2 == 1) network.cut(0, argument / 2U);
        break;
    }
    Trace::add(std::uint64_t{network.letters().size()});
  }

  // For so many timeouts a host cannot be reached, and reaches nobody; the others can.
  static void isolate(ControlledNetwork& network, std::size_t host, std::size_t timeouts) {
    host %= network.hosts();
    while (timeouts > 0 && network.broken() == nullptr) {
      const auto& letters = network.letters();
      if (letters.empty()) {
        if (!network.time_out()) return;
        --timeouts;
      } else if (letters.front().from == host || letters.front().to == host) {
        network.lose(0);
      } else {
        network.deliver(0);
      }
    }
  }

  const Protocol& protocol_;
  std::size_t steps_max_;
};

}  // namespace lossy::fuzz
