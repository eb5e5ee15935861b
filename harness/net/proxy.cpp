#include "harness/net/proxy.hpp"

#include <algorithm>
#include <utility>

#include "core/check.hpp"

namespace lossy {
namespace {

// What one flow may send in a row, so that a crowd that is due at once keeps nobody waiting.
constexpr int kCopiesInARow = 1024;

// A flow's slot and the lower half of its number, so that no later flow is taken for it.
constexpr unsigned kNumberBits = 32;
constexpr std::uint64_t kNumberMask = (std::uint64_t{1} << kNumberBits) - 1;
constexpr std::uint64_t kListening = ProxyOptions::kFlowsMax << kNumberBits;

Address with_port(const Address& host, std::uint16_t port) {
  if (host.is_v6()) return Address::v6(host.octets(), port, host.scope_id());
  const auto& octets = host.octets();
  return Address::v4({octets[0], octets[1], octets[2], octets[3]}, port);
}

}  // namespace

struct Proxy::Flow {
  Flow(std::uint64_t its_number, std::size_t its_slot, const Address& its_client,
       UdpSocket its_socket, Links its_links)
      : number(its_number),
        slot(its_slot),
        client(its_client),
        socket(std::move(its_socket)),
        port_address(socket.local_address()),
        links(std::move(its_links)) {}

  Link& link(Direction direction) {
    return direction == Direction::kUplink ? links.uplink : links.downlink;
  }
  std::uint64_t in_flight() const { return links.uplink.in_flight() + links.downlink.in_flight(); }
  std::uint64_t key() const { return std::uint64_t{slot} << kNumberBits | (number & kNumberMask); }

  std::uint64_t number;
  std::size_t slot;
  Address client;
  std::optional<Address> local{};  // Which of our addresses the client asks.
  UdpSocket socket;
  Address port_address;  // The socket's own.
  Links links;
  Flows::iterator place{};
  Instant last_active{};
  Instant rebind_at = Instant::max();
  bool touched = false;
};

Proxy::Proxy(EventLoop& loop, const ProxyOptions& options, MakeLinks make_links)
    : loop_(loop),
      options_(options),
      make_links_(std::move(make_links)),
      socket_(UdpSocket::listen(options.listen)),
      address_(socket_.local_address()),
      timers_(options.flows_max) {
  check(options.idle > Duration::zero() && options.flows_max > 0 &&
            options.flows_max <= ProxyOptions::kFlowsMax &&
            options.rebind_every.value_or(Duration(1)) > Duration::zero(),
        "ProxyOptions: outside its range");
  UdpSocket::connect(options.server);  // To learn now what would be wrong with all of them.
  for (std::size_t slot = options.flows_max; slot > 0; --slot) free_slots_.push_back(slot - 1);
  by_slot_.resize(options.flows_max);
  loop.add(*this);
  loop.watch(socket_.fd(), *this, kListening);
}

Proxy::~Proxy() = default;

void Proxy::handle_ready(std::uint64_t key) {
  if (key == kListening) {
    receive_from_clients();
  } else {
    Flow* const flow = by_slot_[key >> kNumberBits];
    if (flow == nullptr || flow->key() != key) return;  // It has ended in this very moment.
    receive_from_server(*flow);
  }
  flush(to_clients_, socket_);
}

void Proxy::receive_from_clients() {
  received_.receive(socket_);
  const Instant now = loop_.read_clock();
  for (const Received& received : received_.datagrams()) {
    Flow* const flow = flow_of(received, now);
    if (flow != nullptr) offer(*flow, Direction::kUplink, now, received);
  }
  for (Flow* const flow : touched_) {
    flow->touched = false;
    settle(*flow, now);
  }
  touched_.clear();
}

void Proxy::receive_from_server(Flow& flow) {
  received_.receive(flow.socket);
  const Instant now = loop_.read_clock();
  if (received_.datagrams().empty()) return;
  flow.last_active = now;
  flows_.splice(flows_.end(), flows_, flow.place);
  for (const Received& received : received_.datagrams()) {
    offer(flow, Direction::kDownlink, now, received);
  }
  settle(flow, now);
}

void Proxy::handle_timeout(Instant now) {
  for (std::size_t left = flows_.size(); left > 0 && timers_.when() <= now; --left) {
    Flow& flow = *by_slot_[timers_.source()];
    if (flow.rebind_at <= now) rebind(flow, now);
    settle(flow, now);
  }
  flush(to_clients_, socket_);
  end_idle(now);
}

std::optional<Instant> Proxy::poll_timeout() const {
  if (flows_.empty()) return std::nullopt;
  return std::min(timers_.when(), saturating_add(flows_.front().last_active, options_.idle));
}

Proxy::Flow* Proxy::flow_of(const Received& received, Instant now) {
  Flow* flow = last_flow_;
  if (flow == nullptr || flow->client != received.source) {
    const auto found = by_client_.find(received.source);
    flow = found != by_client_.end() ? found->second : open(received.source, now);
    if (flow == nullptr) {
      ++ended_.flows_refused;
      return nullptr;
    }
    last_flow_ = flow;
  }
  if (!flow->touched) {
    flow->touched = true;
    touched_.push_back(flow);
    flow->last_active = now;
    flows_.splice(flows_.end(), flows_, flow->place);
  }
  flow->local = received.local;
  return flow;
}

Proxy::Flow* Proxy::open(const Address& client, Instant now) {
  if (flows_.size() == options_.flows_max) {
    ++ended_.flows_evicted;
    end(flows_.front());
  }
  std::optional<UdpSocket> socket = UdpSocket::try_connect(options_.server);
  if (!socket && !flows_.empty()) {
    // Somebody else on this machine has what we wanted to have for a flow; so there is room for
    // fewer.
    ++ended_.flows_evicted;
    end(flows_.front());
    socket = UdpSocket::try_connect(options_.server);
  }
  if (!socket) return nullptr;  // No descriptor, port or memory: there may be later.
  const std::uint64_t number = ++ended_.flows;
  const auto place = flows_.emplace(flows_.end(), number, free_slots_.back(), client,
                                    *std::move(socket), make_links_(number));
  Flow& flow = *place;
  free_slots_.pop_back();
  flow.place = place;
  if (options_.rebind_every) flow.rebind_at = saturating_add(now, *options_.rebind_every);
  by_client_[client] = &flow;
  by_slot_[flow.slot] = &flow;
  loop_.watch(flow.socket.fd(), *this, flow.key());
  return &flow;
}

void Proxy::end(Flow& flow) {
  ended_.uplink += flow.links.uplink.counters();
  ended_.downlink += flow.links.downlink.counters();
  ended_.servers += flow.socket.counters();
  ended_.servers_kernel_dropped += flow.socket.kernel_drops();
  ended_.discarded += flow.in_flight();
  timers_.set(flow.slot, Instant::max());
  by_slot_[flow.slot] = nullptr;
  free_slots_.push_back(flow.slot);
  by_client_.erase(flow.client);
  if (flow.touched) std::erase(touched_, &flow);
  if (last_flow_ == &flow) last_flow_ = nullptr;
  flows_.erase(flow.place);
}

void Proxy::end_idle(Instant now) {
  while (!flows_.empty() && saturating_add(flows_.front().last_active, options_.idle) <= now) {
    Flow& flow = flows_.front();
    if (flow.in_flight() > 0) {
      // Something of it has yet to arrive.
      flow.last_active = now;
      flows_.splice(flows_.end(), flows_, flow.place);
      continue;
    }
    ++ended_.flows_idle;
    end(flow);
  }
}

void Proxy::rebind(Flow& flow, Instant now) {
  flow.rebind_at = saturating_add(now, *options_.rebind_every);
  std::optional<UdpSocket> socket =
      UdpSocket::try_connect(options_.server);  // While the old one still holds its port.
  if (!socket) return;
  ++ended_.rebinds;
  ended_.servers += flow.socket.counters();
  ended_.servers_kernel_dropped += flow.socket.kernel_drops();
  flow.socket = *std::move(socket);
  flow.port_address = flow.socket.local_address();
  loop_.watch(flow.socket.fd(), *this, flow.key());
}

void Proxy::offer(Flow& flow, Direction direction, Instant now, const Received& received) {
  if (received.payload.size() > kPayloadBytesMax) {
    ++ended_.too_long;
    return;
  }
  const Offer offer = flow.link(direction).handle_datagram(now, received.payload);
  if (observers_.empty()) return;
  Passage passage =
      direction == Direction::kUplink ? outside(flow, direction) : inside(flow, direction);
  passage.payload = received.payload;
  for (Observer* observer : observers_) observer->on_offered(now, passage, offer);
}

void Proxy::settle(Flow& flow, Instant now) {
  deliver(flow, Direction::kUplink, now);
  flush(to_server_, flow.socket);
  deliver(flow, Direction::kDownlink, now);
  timers_.set(flow.slot, std::min({flow.links.uplink.poll_timeout().value_or(Instant::max()),
                                   flow.links.downlink.poll_timeout().value_or(Instant::max()),
                                   flow.rebind_at}));
}

void Proxy::deliver(Flow& flow, Direction direction, Instant now) {
  const bool up = direction == Direction::kUplink;
  SendBatch& batch = up ? to_server_ : to_clients_;
  for (int i = 0; i < kCopiesInARow; ++i) {
    const std::optional<Delivery> delivery = flow.link(direction).poll_transmit(now);
    if (!delivery) return;
    if (!observers_.empty()) {
      Passage passage = up ? inside(flow, direction) : outside(flow, direction);
      passage.payload = delivery->payload;
      for (Observer* observer : observers_) observer->on_delivered(now, passage, *delivery);
    }
    if (batch.full()) flush(batch, up ? flow.socket : socket_);
    if (up) {
      batch.add(*flow.socket.peer(), delivery->payload);
    } else {
      batch.add(flow.client, delivery->payload, flow.local);
    }
  }
}

void Proxy::flush(SendBatch& batch, UdpSocket& socket) {
  // What the system has no room for is lost here as in any queue that is full; to wait would make
  // everything else late.
  if (!batch.empty() && batch.flush(socket) == SocketOutcome::kWouldBlock) batch.drop(socket);
}

Passage Proxy::outside(const Flow& flow, Direction direction) const {
  const Address us = flow.local ? with_port(*flow.local, address_.port()) : address_;
  const bool up = direction == Direction::kUplink;
  return {.path = flow.number - 1,
          .direction = direction,
          .source = up ? flow.client : us,
          .destination = up ? us : flow.client,
          .payload = {}};
}

Passage Proxy::inside(const Flow& flow, Direction direction) const {
  const bool up = direction == Direction::kUplink;
  const Address& server = *flow.socket.peer();
  return {.path = flow.number - 1,
          .direction = direction,
          .source = up ? flow.port_address : server,
          .destination = up ? server : flow.port_address,
          .payload = {}};
}

ProxyCounters Proxy::counters() const {
  ProxyCounters counters = ended_;
  counters.flows_open = flows_.size();
  counters.clients = socket_.counters();
  counters.clients_kernel_dropped = socket_.kernel_drops();
  for (const Flow& flow : flows_) {
    counters.uplink += flow.links.uplink.counters();
    counters.downlink += flow.links.downlink.counters();
    counters.servers += flow.socket.counters();
    counters.servers_kernel_dropped += flow.socket.kernel_drops();
    counters.in_flight += flow.in_flight();
  }
  return counters;
}

}  // namespace lossy
