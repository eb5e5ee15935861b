// Hosts and links: who has which address, which way a datagram goes, and who can reach whom.
//
// 1. A link is one direction and may be shared by any number of flows, which then share its queue
//    and its rate. A route is the links that datagrams from one host to another pass, in order; the
//    way back is a route of its own. Hosts without a route between them cannot reach each other.
// 2. What is under way keeps the route on which it was sent.
// 3. A datagram arrives at the host that has its destination when it was sent, and is heard when
//    the host is up and still has it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <lossy/core/endpoint.hpp>
#include <lossy/harness/link/direction.hpp>
#include <lossy/harness/link/link.hpp>
#include <lossy/harness/sim/host.hpp>

namespace lossy {

// By the order in which they were added.
enum class HostId : std::uint32_t {};
enum class LinkId : std::uint32_t {};

constexpr std::size_t index_of(HostId host) {
  return static_cast<std::size_t>(host);
}
constexpr std::size_t index_of(LinkId link) {
  return static_cast<std::size_t>(link);
}

// The two links between two hosts.
struct Path {
  LinkId there{};
  LinkId back{};

  LinkId operator[](Direction direction) const {
    return direction == Direction::kUplink ? there : back;
  }
};

// Methods throw std::logic_error, which names the host or the address, when something is asked that
// cannot be meant: a host or a link that is not there, say, or an address that somebody has.
class Network {
 public:
  static constexpr std::uint32_t kNoFlow = UINT32_MAX;

  // All datagrams from one address to another. Never forgotten.
  struct Flow {
    HostId from{};
    HostId to{};
    Address source;
    Address destination;
    std::uint32_t route = 0;
    std::uint32_t reply = kNoFlow;     // The flow the other way, once there was one.
    std::uint64_t sent_in_epoch = 0;   // Of `from`.
    std::uint64_t heard_in_epoch = 0;  // Of `to`; 0 for none.
    bool has_own_source = false;       // The endpoint said which.
  };

  struct Host {
    Endpoint* endpoint = nullptr;  // None while it is down.
    HostOptions options;
    std::unordered_map<HostId, std::uint32_t> routes{};
    std::unordered_map<Address, std::vector<std::uint32_t>> flows{};  // By destination.
    // Most datagrams go where the last one went, or where the last one came from.
    std::uint32_t last_flow = kNoFlow;
    std::uint32_t last_heard = kNoFlow;
    std::uint64_t epoch = 1;  // Rises when an address or a route changes.
    std::uint32_t island = 0;
    std::size_t payload_bytes_max = 0;  // What it can send from any of its addresses.
  };

  // What becomes of a datagram that has passed its route.
  enum class Arrival : std::uint8_t {
    kHeard,
    kDown,     // The host is.
    kRefused,  // The host is there, and nobody has the port.
    kNobody,   // The host has the address no longer.
  };

  HostId add_host(Endpoint& endpoint, HostOptions options);
  // Both directions of a path have one number, which observers are told.
  LinkId add_link(Link link, std::size_t path, Direction direction);
  std::size_t next_path() const { return paths_; }
  void set_route(HostId from, HostId to, std::vector<LinkId> links);

  void change_address(HostId host, const Address& from, const Address& to);
  // A host and those on its own island reach each other; they and others do not.
  void move_to_island(HostId host, std::uint32_t island) { at(host).island = island; }
  std::uint32_t new_island() { return ++islands_; }
  void unite() {
    for (Host& host : hosts_) host.island = 0;
  }
  void set_cut(LinkId link, bool cut) { at(link).cut = cut; }

  // The flow of what this host sends, or kNoFlow when no route leads there.
  std::uint32_t flow_of(HostId from, const Transmit& transmit) {
    const Host& host = hosts_[index_of(from)];
    if (host.last_flow != kNoFlow && !transmit.source) {
      const Flow& last = flows_[host.last_flow];
      if (last.destination == transmit.destination && !last.has_own_source &&
          last.sent_in_epoch == host.epoch) {
        return host.last_flow;
      }
    }
    return find_flow(from, transmit);
  }
  // The flow's host has heard a datagram of it, and may answer.
  void hears(std::uint32_t flow) {
    Host& host = hosts_[index_of(flows_[flow].to)];
    host.last_heard = flow;
    if (flows_[flow].reply != kNoFlow) host.last_flow = flows_[flow].reply;
  }
  const Flow& flow(std::uint32_t flow) const { return flows_[flow]; }
  LinkId first_link(const Flow& flow) const { return routes_[flow.route].front(); }
  // The link behind this one on the flow's route, or none behind the last.
  std::optional<LinkId> link_behind(const Flow& flow, LinkId link) const;
  // Whether what the flow sends is lost at the link.
  bool is_cut(const Flow& flow, LinkId link) const {
    return links_[index_of(link)].cut ||
           hosts_[index_of(flow.from)].island != hosts_[index_of(flow.to)].island;
  }
  Arrival arrival(std::uint32_t flow) {
    const Flow& one = flows_[flow];
    const Host& host = hosts_[index_of(one.to)];
    if (host.endpoint != nullptr && one.heard_in_epoch == host.epoch) {
      return Arrival::kHeard;
    }
    return find_arrival(flow);
  }

  struct Way {
    Link link;
    std::size_t path = 0;
    Direction direction = Direction::kUplink;
    bool cut = false;
  };
  Way& at(LinkId link) {
    if (index_of(link) >= links_.size()) refuse(link);
    return links_[index_of(link)];
  }
  const Way& at(LinkId link) const {
    if (index_of(link) >= links_.size()) refuse(link);
    return links_[index_of(link)];
  }
  Host& at(HostId host) {
    if (index_of(host) >= hosts_.size()) refuse(host);
    return hosts_[index_of(host)];
  }
  const Host& at(HostId host) const {
    if (index_of(host) >= hosts_.size()) refuse(host);
    return hosts_[index_of(host)];
  }
  HostId host_at(const Address& address) const;
  std::string name_of(HostId host) const;

  std::size_t hosts() const { return hosts_.size(); }
  std::size_t links() const { return links_.size(); }

 private:
  void look_at_addresses(HostId host);
  static void forget_flows(Host& host);
  [[noreturn]] static void refuse(LinkId link);
  [[noreturn]] static void refuse(HostId host);
  void take_address(HostId host, const Address& address);
  std::uint32_t find_flow(HostId from, const Transmit& transmit);
  Address source_of(HostId from, const Transmit& transmit) const;
  // Who would be told of a refusal, too.
  std::optional<HostId> find_host(const Host& from, const Address& destination) const;
  Arrival find_arrival(std::uint32_t flow);

  std::vector<Host> hosts_;
  std::vector<Way> links_;
  std::vector<std::vector<LinkId>> routes_;
  std::vector<Flow> flows_;
  std::unordered_map<Address, HostId> by_address_;
  std::unordered_map<Address, std::vector<HostId>> by_ip_;  // With port 0.
  std::size_t paths_ = 0;
  std::uint32_t islands_ = 0;
};

}  // namespace lossy
