// Who serves, in a capture that does not say it itself: told from all of its flows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include <lossy/core/address.hpp>

namespace lossy {

enum class ServerReason : std::uint8_t {
  kRecording,       // A recording of ours says it.
  kPortGiven,       // It has the port that was asked for.
  kPortOfMany,      // More flows have its port, and most of those begin with a request to it.
  kPrivilegedPort,  // Its port is below 1024, and the other's is not.
  kAskedFirst,      // The flow's first datagram went to it.
  kElsewhere,       // It answers what another port or address was asked.
};

struct ServerRole {
  bool first_is_request = true;  // The flow's first datagram is its client's.
  ServerReason reason = ServerReason::kAskedFirst;

  friend bool operator==(const ServerRole&, const ServerRole&) = default;
};

// The reasons hold in their order.
class ServerFinder {
 public:
  explicit ServerFinder(std::optional<std::uint16_t> port = {}) : port_(port) {}

  // Call it for the first datagram of each flow.
  void begin(const Address& source, const Address& destination);

  // Of a flow that began with that datagram, by all that began until now.
  ServerRole role(const Address& source, const Address& destination) const;

  // "port 9999, in 5 flows of which 4 begin with a request to it": why that one serves.
  std::string explain(const Address& server, ServerReason reason) const;

 private:
  // Of how many flows the first datagram went to a port, or came from it.
  struct Port {
    std::uint32_t to = 0;
    std::uint32_t from = 0;

    std::uint32_t flows() const { return to + from; }
  };

  Port port_of(const Address& address) const;
  // How many flows have the port, if it is one that many ask; else 0.
  std::uint32_t many_at(const Address& address) const;

  std::optional<std::uint16_t> port_;
  std::unordered_map<std::uint16_t, Port> ports_;
};

}  // namespace lossy
