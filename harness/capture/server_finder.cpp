#include <lossy/harness/capture/server_finder.hpp>

#include <fmt/format.h>

#include <lossy/core/counted.hpp>

namespace lossy {
namespace {

constexpr std::uint16_t kPrivilegedPorts = 1024;
// Of two flows one that begins with an answer is as good as one that does not.
constexpr std::uint32_t kMany = 3;

}  // namespace

void ServerFinder::begin(const Address& source, const Address& destination) {
  ++ports_[destination.port()].to;
  if (source.port() != destination.port()) ++ports_[source.port()].from;
}

ServerFinder::Port ServerFinder::port_of(const Address& address) const {
  const auto found = ports_.find(address.port());
  return found != ports_.end() ? found->second : Port{};
}

std::uint32_t ServerFinder::many_at(const Address& address) const {
  const Port port = port_of(address);
  return port.flows() >= kMany && port.to > port.from ? port.flows() : 0;
}

ServerRole ServerFinder::role(const Address& source, const Address& destination) const {
  const bool from_port = source.port() == port_;
  const bool to_port = destination.port() == port_;
  if (from_port != to_port) return {to_port, ServerReason::kPortGiven};
  const std::uint32_t many_from = many_at(source);
  const std::uint32_t many_to = many_at(destination);
  if (many_from != many_to) return {many_to > many_from, ServerReason::kPortOfMany};
  const bool from_privileged = source.port() < kPrivilegedPorts;
  const bool to_privileged = destination.port() < kPrivilegedPorts;
  if (from_privileged != to_privileged) return {to_privileged, ServerReason::kPrivilegedPort};
  return {true, ServerReason::kAskedFirst};
}

std::string ServerFinder::explain(const Address& server, ServerReason reason) const {
  switch (reason) {
    case ServerReason::kRecording:
      return "the recording says so";
    case ServerReason::kPortGiven:
      return "--port";
    case ServerReason::kPortOfMany: {
      const Port port = port_of(server);
      return fmt::format("port {} is in {}, of which {} begin with a datagram to it", server.port(),
                         counted(port.flows(), "flow"), port.to);
    }
    case ServerReason::kPrivilegedPort:
      return fmt::format("port {} is below {}", server.port(), kPrivilegedPorts);
    case ServerReason::kAskedFirst:
      return "the first datagram went to it";
    case ServerReason::kElsewhere:
      return "it answers what another port or address was asked";
  }
  return "";
}

}  // namespace lossy
