#include "harness/sim/simulation.hpp"

#include <algorithm>

#include "core/check.hpp"

namespace lossy {

Simulation::Simulation(const Options& options) : options_(options), buffer_(kPayloadBytesMax) {}

void Simulation::add(Endpoint& endpoint, const Address& address) {
  for (const Node& node : nodes_) check(node.address != address, "Simulation::add: address in use");
  nodes_.push_back({.endpoint = &endpoint, .address = address});
}

void Simulation::connect(const Address& client, const Address& server, Link uplink, Link downlink) {
  const std::size_t client_node = node_at(client);
  const std::size_t server_node = node_at(server);
  check(client_node != server_node && !nodes_[client_node].ways.contains(server),
        "Simulation::connect: the same endpoint, or joined already");
  add_way(client_node, server_node, Direction::kUplink, std::move(uplink));
  add_way(server_node, client_node, Direction::kDownlink, std::move(downlink));
}

const Link& Simulation::link(std::size_t path, Direction direction) const {
  return ways_.at(2 * path + (direction == Direction::kUplink ? 0 : 1)).link;
}

std::size_t Simulation::node_at(const Address& address) const {
  const auto node = std::find_if(nodes_.begin(), nodes_.end(),
                                 [&](const Node& one) { return one.address == address; });
  check(node != nodes_.end(), "Simulation: no endpoint has this address");
  return static_cast<std::size_t>(node - nodes_.begin());
}

void Simulation::add_way(std::size_t from, std::size_t to, Direction direction, Link link) {
  nodes_[from].ways[nodes_[to].address] = ways_.size();
  nodes_[from].last_way = ways_.size();
  ways_.push_back({.link = std::move(link), .direction = direction, .from = from, .to = to});
}

void Simulation::start() {
  overrun_ = false;
  sources_ = Earliest(ways_.size() + nodes_.size());
  for (std::size_t way = 0; way < ways_.size(); ++way) {
    sources_.set(way, ways_[way].link.poll_timeout().value_or(Instant::max()));
  }
  // Whatever was asked of an endpoint since the last run may have given it something to send.
  for (std::size_t node = 0; node < nodes_.size(); ++node) drain(node);
}

void Simulation::step() {
  now_ = std::max(now_, sources_.when());
  ++events_;
  if (sources_.source() < ways_.size()) {
    deliver(sources_.source());
    return;
  }
  const std::size_t node = sources_.source() - ways_.size();
  nodes_[node].endpoint->handle_timeout(now_);
  drain(node);
}

void Simulation::deliver(std::size_t at) {
  Way& way = ways_[at];
  const std::optional<Delivery> delivery = way.link.poll_transmit(now_);
  sources_.set(at, way.link.poll_timeout().value_or(Instant::max()));
  if (!delivery) return;
  if (!observers_.empty()) {
    const Passage told = passage(at, delivery->payload);
    for (Observer* observer : observers_) observer->on_delivered(now_, told, *delivery);
  }
  nodes_[way.to].endpoint->handle_datagram(now_, {nodes_[way.from].address, delivery->payload});
  drain(way.to);
}

void Simulation::drain(std::size_t at) {
  Node& node = nodes_[at];
  std::uint64_t sent = 0;
  while (const auto transmit = node.endpoint->poll_transmit(now_, buffer_of(node))) {
    if (++sent > options_.burst_max) {
      overrun_ = true;
      return;
    }
    offer(node, *transmit);
  }
  sources_.set(ways_.size() + at, node.endpoint->poll_timeout().value_or(Instant::max()));
}

std::span<std::byte> Simulation::buffer_of(const Node& node) {
  return std::span(buffer_).first(payload_bytes_max(node.address));
}

void Simulation::offer(Node& node, const Transmit& transmit) {
  check(transmit.size <= buffer_of(node).size(),
        "Simulation: an endpoint sent more than its buffer holds");
  const std::optional<std::size_t> at = find_way(node, transmit.destination);
  if (!at) {
    ++unroutable_;
    return;
  }
  Way& way = ways_[*at];
  const std::span<const std::byte> payload(buffer_.data(), transmit.size);
  const Offer offer = way.link.handle_datagram(now_, payload);
  sources_.set(*at, way.link.poll_timeout().value_or(Instant::max()));
  if (observers_.empty()) return;
  const Passage told = passage(*at, payload);
  for (Observer* observer : observers_) observer->on_offered(now_, told, offer);
}

Passage Simulation::passage(std::size_t at, std::span<const std::byte> payload) const {
  const Way& way = ways_[at];
  return {.path = at / 2,
          .direction = way.direction,
          .source = nodes_[way.from].address,
          .destination = nodes_[way.to].address,
          .payload = payload};
}

void Simulation::tell_in_flight() {
  for (std::size_t at = 0; at < ways_.size(); ++at) {
    const Passage told = passage(at, {});
    for (const std::uint64_t number : ways_[at].link.numbers_in_flight()) {
      for (Observer* observer : observers_) observer->on_in_flight(now_, told, number);
    }
  }
}

std::optional<std::size_t> Simulation::find_way(Node& node, const Address& destination) const {
  if (node.last_way && nodes_[ways_[*node.last_way].to].address == destination) {
    return node.last_way;
  }
  const auto way = node.ways.find(destination);
  if (way == node.ways.end()) return std::nullopt;
  return node.last_way = way->second;
}

}  // namespace lossy
