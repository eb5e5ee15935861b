#include <lossy/harness/sim/simulation.hpp>

#include <algorithm>
#include <stdexcept>

#include <lossy/core/check.hpp>
#include <lossy/harness/link/ecn_label.hpp>

namespace lossy {
namespace {

constexpr std::uint32_t flow_in(std::uint64_t label) {
  return static_cast<std::uint32_t>(place_in(label));
}

}  // namespace

Simulation::Simulation(const Options& options) : options_(options), buffer_(kPayloadBytesMax) {}

Simulation::Running::Running(Simulation& simulation) : simulation_(simulation) {
  check(!simulation.is_running_, "Simulation::run_until: called from within a run");
  simulation.is_running_ = true;
}

HostId Simulation::add(Endpoint& endpoint, HostOptions options) {
  const HostId host = network_.add_host(endpoint, std::move(options));
  hosts_.grow(network_.hosts());
  poll(host);
  return host;
}

Path Simulation::path(HostId a, HostId b, Link there, Link back) {
  if (a == b || network_.at(a).routes.contains(b) || network_.at(b).routes.contains(a)) {
    throw std::logic_error("a path from " + network_.name_of(a) + " to " + network_.name_of(b) +
                           ": they are the same, or joined already");
  }
  const std::size_t number = network_.next_path();
  const Path path{network_.add_link(std::move(there), number, Direction::kUplink),
                  network_.add_link(std::move(back), number, Direction::kDownlink)};
  links_.grow(network_.links());
  network_.set_route(a, b, {path.there});
  network_.set_route(b, a, {path.back});
  return path;
}

LinkId Simulation::add_link(Link link) {
  const LinkId added = network_.add_link(std::move(link), network_.next_path(), Direction::kUplink);
  links_.grow(network_.links());
  return added;
}

void Simulation::at(Instant when, HostId host, std::function<void()> what) {
  network_.at(host);
  push({.when = when, .host = host, .what = std::move(what)});
}

void Simulation::at(Instant when, std::function<void()> what) {
  push({.when = when, .what = std::move(what)});
}

void Simulation::push(Ask ask) {
  check(ask.when >= now_, "Simulation::at: the time has passed");
  ask.number = ++last_ask_;
  asks_.push_back(std::move(ask));
  std::ranges::push_heap(asks_, is_later);
}

void Simulation::poll(HostId host) {
  if (network_.at(host).endpoint != nullptr) hosts_.set(index_of(host), now_);
}

void Simulation::down(HostId host) {
  network_.at(host).endpoint = nullptr;
  hosts_.set(index_of(host), Instant::max());
}

void Simulation::up(HostId host, Endpoint& endpoint) {
  network_.at(host).endpoint = &endpoint;
  poll(host);
}

void Simulation::partition(const std::vector<HostId>& island) {
  // Those of one island that were apart stay so.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> moved;
  for (const HostId host : island) {
    const std::uint32_t before = network_.at(host).island;
    auto to = std::ranges::find(moved, before, &std::pair<std::uint32_t, std::uint32_t>::first);
    if (to == moved.end()) to = moved.insert(to, {before, network_.new_island()});
    network_.move_to_island(host, to->second);
  }
}

void Simulation::start() {
  stuck_ = nullptr;
  busy_.reset();
  // Whatever was asked of an endpoint since the last run may have given it something to send.
  poll_all();
}

void Simulation::step(Instant next) {
  now_ = std::max(now_, next);
  ++events_;
  if (!asks_.empty() && asks_.front().when <= next) {
    call_next();
  } else if (links_.when() <= next) {
    deliver(static_cast<LinkId>(links_.source()));
  } else {
    time_out(static_cast<HostId>(hosts_.source()));
  }
}

void Simulation::call_next() {
  std::ranges::pop_heap(asks_, is_later);
  const Ask ask = std::move(asks_.back());
  asks_.pop_back();
  ask.what();
  if (!ask.host) {
    poll_all();
  } else {
    drain(*ask.host);
  }
}

void Simulation::time_out(HostId host) {
  if (busy_ != host || timed_out_at_ != now_) timeouts_at_once_ = 0;
  busy_ = host;
  timed_out_at_ = now_;
  if (++timeouts_at_once_ > options_.timeouts_at_once_max) {
    stuck_ = "its timeout stays in the past, however often it is called";
    return;
  }
  Network::Host& at = network_.at(host);
  at.endpoint->handle_timeout(at.options.clock.local(now_));
  drain(host);
}

void Simulation::deliver(LinkId at) {
  Network::Way& way = network_.at(at);
  const std::optional<Delivery> delivery = way.link.poll_transmit(now_);
  links_.set(index_of(at), way.link.poll_timeout().value_or(Instant::max()));
  if (!delivery) return;
  const std::uint32_t flow = flow_in(delivery->label);
  const std::optional<LinkId> behind = network_.link_behind(network_.flow(flow), at);
  if (!observers_.empty()) {
    const Network::Flow& one = network_.flow(flow);
    const Passage told = passage(at, one.source, one.destination, delivery->payload);
    for (Observer* observer : observers_) observer->on_delivered(now_, told, *delivery);
  }
  if (behind) {
    offer(*behind, delivery->label, delivery->payload);
  } else {
    arrive(at, flow, *delivery);
  }
}

void Simulation::arrive(LinkId link, std::uint32_t at, const Delivery& delivery) {
  const Network::Arrival arrival = network_.arrival(at);
  const Network::Flow& flow = network_.flow(at);
  if (arrival == Network::Arrival::kHeard) {
    const HostId host = flow.to;
    network_.hears(at);
    const Network::Host& there = network_.at(host);
    there.endpoint->handle_datagram(
        there.options.clock.local(now_),
        {flow.source, delivery.payload, flow.destination, ecn_in(delivery.label)});
    drain(host);
    return;
  }
  const bool is_refused = arrival == Network::Arrival::kRefused;
  ++(is_refused ? refused_ : unheard_);
  const Passage told = passage(link, flow.source, flow.destination, delivery.payload);
  const char* const why = is_refused                           ? "refused"
                          : arrival == Network::Arrival::kDown ? "host_down"
                                                               : "address_gone";
  for (Observer* observer : observers_) {
    observer->on_lost(now_, told, delivery.number, why);
  }
  if (is_refused) refuse(at, delivery);
}

void Simulation::refuse(std::uint32_t at, const Delivery& delivery) {
  const Network::Flow& flow = network_.flow(at);
  // It takes as long as the datagram's last link took.
  const Instant when = saturating_add(now_, saturating_between(delivery.offered, delivery.due));
  push({.when = when, .host = flow.from, .what = [this, at] {
          const Network::Flow& refused = network_.flow(at);
          const Network::Host& sender = network_.at(refused.from);
          if (sender.endpoint == nullptr) return;
          sender.endpoint->handle_refusal(sender.options.clock.local(now_), refused.destination);
        }});
}

void Simulation::poll_all() {
  for (std::size_t host = 0; host < network_.hosts(); ++host) drain(static_cast<HostId>(host));
}

void Simulation::drain(HostId host) {
  std::uint64_t sent = 0;
  // Whatever is called may add hosts, or take this one down.
  while (Endpoint* const endpoint = network_.at(host).endpoint) {
    const Network::Host& at = network_.at(host);
    const std::size_t room = at.payload_bytes_max;
    const auto transmit =
        endpoint->poll_transmit(at.options.clock.local(now_), std::span(buffer_).first(room));
    if (!transmit) {
      const Network::Host& then = network_.at(host);
      if (then.endpoint == nullptr) return;
      const std::optional<Instant> timeout = then.endpoint->poll_timeout();
      hosts_.set(index_of(host),
                 timeout ? then.options.clock.when_it_says(*timeout) : Instant::max());
      return;
    }
    check(transmit->size <= room, "Simulation: an endpoint sent more than its buffer holds");
    if (++sent > options_.burst_max) {
      busy_ = host;
      stuck_ = "it does not stop sending";
      return;
    }
    send(host, *transmit);
  }
}

void Simulation::send(HostId host, const Transmit& transmit) {
  const std::uint32_t flow = network_.flow_of(host, transmit);
  if (flow == Network::kNoFlow) {
    ++unroutable_;
    return;
  }
  offer(network_.first_link(network_.flow(flow)), ecn_label(flow, transmit.ecn),
        std::span(buffer_).first(transmit.size));
}

void Simulation::offer(LinkId at, std::uint64_t label, std::span<const std::byte> payload) {
  Network::Way& way = network_.at(at);
  const Network::Flow& flow = network_.flow(flow_in(label));
  const Offer offer =
      way.link.handle_datagram(now_, payload, {.label = label, .cut = network_.is_cut(flow, at)});
  links_.set(index_of(at), way.link.poll_timeout().value_or(Instant::max()));
  if (observers_.empty()) return;
  const Passage told = passage(at, flow.source, flow.destination, payload);
  for (Observer* observer : observers_) observer->on_offered(now_, told, offer);
}

Passage Simulation::passage(LinkId at, const Address& source, const Address& destination,
                            std::span<const std::byte> payload) const {
  const Network::Way& way = network_.at(at);
  return {.path = way.path,
          .direction = way.direction,
          .source = source,
          .destination = destination,
          .payload = payload};
}

void Simulation::tell_in_flight() {
  for (std::size_t i = 0; i < network_.links(); ++i) {
    const auto at = static_cast<LinkId>(i);
    for (const Link::Underway& datagram : network_.at(at).link.datagrams_in_flight()) {
      const Network::Flow& flow = network_.flow(flow_in(datagram.label));
      const Passage told = passage(at, flow.source, flow.destination, {});
      for (Observer* observer : observers_) observer->on_in_flight(now_, told, datagram.number);
    }
  }
}

std::string Simulation::trouble() const {
  return stuck_ == nullptr ? "" : network_.name_of(*busy_) + ": " + stuck_;
}

}  // namespace lossy
