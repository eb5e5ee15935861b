#include <lossy/harness/sim/network.hpp>

#include <algorithm>
#include <stdexcept>

namespace lossy {
namespace {

// The words are made up only when they are needed.
template <typename Why>
void must(bool holds, Why&& why) {
  if (!holds) throw std::logic_error(why());
}

bool has(const std::vector<Address>& addresses, const Address& address) {
  return std::ranges::find(addresses, address) != addresses.end();
}

}  // namespace

HostId Network::add_host(Endpoint& endpoint, HostOptions options) {
  must(!options.addresses.empty(), [] { return "a host without an address"; });
  const auto host = static_cast<HostId>(hosts_.size());
  for (const Address& address : options.addresses) take_address(host, address);
  hosts_.push_back({.endpoint = &endpoint, .options = std::move(options)});
  look_at_addresses(host);
  return host;
}

void Network::look_at_addresses(HostId host) {
  Host& one = at(host);
  one.payload_bytes_max = 0;
  for (const Address& address : one.options.addresses) {
    one.payload_bytes_max = std::max(one.payload_bytes_max, payload_bytes_max(address));
  }
}

void Network::take_address(HostId host, const Address& address) {
  const auto [taken, is_new] = by_address_.emplace(address, host);
  must(is_new, [&] { return address.to_string() + ": a host has this address already"; });
  std::vector<HostId>& hosts = by_ip_[with_port(address, 0)];
  // A host's addresses come one after the other; to have it twice would do no harm.
  if (hosts.empty() || hosts.back() != host) hosts.push_back(host);
}

LinkId Network::add_link(Link link, std::size_t path, Direction direction) {
  paths_ = std::max(paths_, path + 1);
  links_.push_back({.link = std::move(link), .path = path, .direction = direction});
  return static_cast<LinkId>(links_.size() - 1);
}

void Network::set_route(HostId from, HostId to, std::vector<LinkId> links) {
  const auto refused = [&](const char* why) {
    return [this, from, to, why] {
      return "a route from " + name_of(from) + " to " + name_of(to) + ": " + why;
    };
  };
  must(from != to, refused("they are the same host"));
  must(!links.empty(), refused("it has no link"));
  for (const LinkId link : links) {
    must(std::ranges::count(links, link) == 1, refused("it passes a link twice"));
    at(link);
  }
  Host& host = at(from);
  const auto route = static_cast<std::uint32_t>(routes_.size());
  routes_.push_back(std::move(links));
  const auto [known, is_new] = host.routes.emplace(to, route);
  if (is_new) return;
  // What is sent from now on takes the new one.
  known->second = route;
  forget_flows(host);
}

void Network::forget_flows(Host& host) {
  host.flows.clear();
  ++host.epoch;
}

void Network::change_address(HostId host, const Address& from, const Address& to) {
  std::vector<Address>& addresses = at(host).options.addresses;
  const auto old = std::ranges::find(addresses, from);
  must(old != addresses.end(),
       [&] { return name_of(host) + ": it has no address " + from.to_string(); });
  take_address(host, to);
  *old = to;
  by_address_.erase(from);
  const Address ip = with_port(from, 0);
  if (std::ranges::none_of(addresses,
                           [&](const Address& one) { return with_port(one, 0) == ip; })) {
    std::erase(by_ip_[ip], host);
  }
  look_at_addresses(host);
  for (Host& one : hosts_) forget_flows(one);
}

std::optional<LinkId> Network::link_behind(const Flow& flow, LinkId link) const {
  const std::vector<LinkId>& route = routes_[flow.route];
  const auto behind = std::ranges::find(route, link) + 1;
  if (behind == route.end()) return std::nullopt;
  return *behind;
}

std::uint32_t Network::find_flow(HostId from, const Transmit& transmit) {
  Host& host = at(from);
  std::vector<std::uint32_t>& there = host.flows[transmit.destination];
  const Address source = source_of(from, transmit);
  auto flow = std::ranges::find_if(there, [&](std::uint32_t one) {
    return flows_[one].source == source &&
           flows_[one].has_own_source == transmit.source.has_value();
  });
  if (flow != there.end()) return host.last_flow = *flow;
  const std::optional<HostId> to = find_host(host, transmit.destination);
  if (!to || source.is_v6() != transmit.destination.is_v6()) {
    // Not kept: whoever sends to ever new addresses would fill the memory.
    if (there.empty()) host.flows.erase(transmit.destination);
    return kNoFlow;
  }
  there.push_back(static_cast<std::uint32_t>(flows_.size()));
  flows_.push_back({.from = from,
                    .to = *to,
                    .source = source,
                    .destination = transmit.destination,
                    .route = host.routes.at(*to),
                    .sent_in_epoch = host.epoch,
                    .has_own_source = transmit.source.has_value()});
  if (host.last_heard != kNoFlow && !transmit.source &&
      flows_[host.last_heard].source == transmit.destination) {
    flows_[host.last_heard].reply = there.back();
  }
  return host.last_flow = there.back();
}

Address Network::source_of(HostId from, const Transmit& transmit) const {
  const std::vector<Address>& addresses = hosts_[index_of(from)].options.addresses;
  if (transmit.source) {
    must(has(addresses, *transmit.source) || has(addresses, with_port(*transmit.source, 0)), [&] {
      return name_of(from) + ": it sends from " + transmit.source->to_string() +
             ", which it has not";
    });
    return *transmit.source;
  }
  const auto first = std::ranges::find_if(
      addresses, [&](const Address& one) { return one.is_v6() == transmit.destination.is_v6(); });
  return first == addresses.end() ? addresses.front() : *first;
}

std::optional<HostId> Network::find_host(const Host& from, const Address& destination) const {
  for (const Address& address : {destination, with_port(destination, 0)}) {
    const auto exact = by_address_.find(address);
    if (exact == by_address_.end()) continue;
    if (!from.routes.contains(exact->second)) return std::nullopt;
    return exact->second;
  }
  const auto hosts = by_ip_.find(with_port(destination, 0));
  if (hosts == by_ip_.end()) return std::nullopt;
  const auto reached =
      std::ranges::find_if(hosts->second, [&](HostId host) { return from.routes.contains(host); });
  if (reached == hosts->second.end()) return std::nullopt;
  return *reached;
}

Network::Arrival Network::find_arrival(std::uint32_t at) {
  Flow& flow = flows_[at];
  const Host& host = hosts_[index_of(flow.to)];
  if (host.endpoint == nullptr) return Arrival::kDown;
  const std::vector<Address>& addresses = host.options.addresses;
  if (has(addresses, flow.destination)) {
    flow.heard_in_epoch = host.epoch;
    return Arrival::kHeard;
  }
  const Address ip = with_port(flow.destination, 0);
  if (has(addresses, ip)) {
    return host.endpoint->listens_at(flow.destination) ? Arrival::kHeard : Arrival::kRefused;
  }
  return std::ranges::any_of(addresses, [&](const Address& one) { return with_port(one, 0) == ip; })
             ? Arrival::kRefused
             : Arrival::kNobody;
}

void Network::refuse(LinkId link) {
  throw std::logic_error("there is no link " + std::to_string(index_of(link)));
}

void Network::refuse(HostId host) {
  throw std::logic_error("there is no host " + std::to_string(index_of(host)));
}

HostId Network::host_at(const Address& address) const {
  const auto host = by_address_.find(address);
  must(host != by_address_.end(),
       [&] { return address.to_string() + ": no host has this address"; });
  return host->second;
}

std::string Network::name_of(HostId host) const {
  const HostOptions& options = at(host).options;
  return options.name.empty() ? options.addresses.front().to_string() : options.name;
}

}  // namespace lossy
