#include <lossy/harness/net/proxy.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <lossy/core/check.hpp>
#include <lossy/harness/net/socket_address.hpp>

namespace lossy {
namespace {

// What one flow may send in a row, so that a crowd that is due at once keeps nobody waiting.
constexpr int kCopiesInARow = 1024;
// How many flows' sockets the kernel is asked about at a time while the proxy is at work.
constexpr std::size_t kFlowsAskedAbout = 64;

// A flow's slot and the lower half of its number, so that no later flow is taken for it.
constexpr unsigned kNumberBits = 32;
constexpr std::uint64_t kNumberMask = (std::uint64_t{1} << kNumberBits) - 1;
constexpr std::uint64_t kListening = ProxyOptions::kFlowsMax << kNumberBits;

bool is_loopback(const Address& host) {
  if (!host.is_v6()) return host.octets()[0] == 127;
  return host.octets() ==
         std::array<std::uint8_t, 16>{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
}

// Whether what this socket sends to its peer arrives where a socket listens.
bool arrives_at(const UdpSocket& connected, const ListenAddress& where) {
  const Address& peer = *connected.peer();
  const Address& listening = where.address;
  const bool hears_family = where.both_families || peer.is_v6() == listening.is_v6();
  if (!hears_family || peer.port() != listening.port()) return false;
  if (listening.octets() != std::array<std::uint8_t, 16>{}) return peer == listening;
  // It listens on all addresses of this host. To speak to one of them the kernel chooses that very
  // address as the source, or a loopback one, and for no other host it would.
  const Address local = with_port(connected.local_address(), peer.port());
  return local.octets() == peer.octets() || is_loopback(local);
}

// Counts what a counter modulo 2^32 has moved since the last time.
void count_drops(std::uint32_t drops, std::uint32_t& counted, std::uint64_t& sum) {
  sum += static_cast<std::uint32_t>(drops - counted);
  counted = drops;
}

// iperf3 opens a stream of datagrams with one of these numbers, in its machine's byte order.
bool opens_iperf3(std::span<const std::byte> payload) {
  if (payload.size() != 4) return false;
  std::uint32_t number = 0;
  std::memcpy(&number, payload.data(), sizeof number);
  const auto is = [number](std::uint32_t magic) {
    return number == magic || number == __builtin_bswap32(magic);
  };
  return is(0x36373839) || is(123'456'789);
}

// A descriptor, a port or memory, of which ending a flow gives some back.
bool is_want_of_room(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
         error == EAGAIN || error == EADDRNOTAVAIL;
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
  std::uint64_t in_flight_counted = 0;
  std::uint64_t from_client = 0;     // Datagrams.
  std::uint32_t kernel_dropped = 0;  // By this socket, as counted already.
  bool touched = false;
};

Proxy::Proxy(EventLoop& loop, const ProxyOptions& options, MakeLinks make_links)
    : loop_(loop),
      options_(options),
      make_links_(std::move(make_links)),
      socket_(UdpSocket::listen(options.listen)),
      address_(socket_.local_address()),
      memory_(options.memory_bytes_max),
      timers_(options.flows_max) {
  check(options.idle > Duration::zero() && options.flows_max > 0 &&
            options.flows_max <= ProxyOptions::kFlowsMax &&
            options.rebind_every.value_or(Duration(1)) > Duration::zero(),
        "ProxyOptions: outside its range");
  // Tells now what would be wrong with all of them.
  is_its_own_server_ = arrives_at(UdpSocket::connect(options.server), socket_.listening());
  for (std::size_t slot = options.flows_max; slot > 0; --slot) free_slots_.push_back(slot - 1);
  by_slot_.resize(options.flows_max);
  socket_.stamp_arrivals();
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
    if (flow != nullptr) offer(*flow, Direction::kUplink, arrival(received, now), received);
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
  if (received_.datagrams().empty()) {
    count(flow);  // It was an error.
    return;
  }
  flow.last_active = now;
  flows_.splice(flows_.end(), flows_, flow.place);
  for (const Received& received : received_.datagrams()) {
    offer(flow, Direction::kDownlink, arrival(received, now), received);
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
    if (flow == nullptr) return nullptr;
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
    ++counters_.flows_evicted;
    end(flows_.front());
  }
  std::optional<UdpSocket> socket = UdpSocket::try_connect(options_.server);
  if (!socket && !flows_.empty() && is_want_of_room(errno)) {
    // Somebody else on this machine has what we wanted to have for a flow; so there is room for
    // fewer.
    ++counters_.flows_evicted;
    end(flows_.front());
    socket = UdpSocket::try_connect(options_.server);
  }
  if (!socket) {
    // Without a way to the server this datagram ends as those of open flows do. There may be room,
    // or a way, later.
    if (is_want_of_room(errno)) {
      ++counters_.flows_refused;
    } else {
      ++counters_.servers.not_sent[static_cast<std::size_t>(SocketOutcome::kUnreachable)];
    }
    return nullptr;
  }
  socket->stamp_arrivals();
  const std::uint64_t number = ++counters_.flows;
  const auto place = flows_.emplace(flows_.end(), number, free_slots_.back(), client,
                                    *std::move(socket), make_links_(number, client));
  Flow& flow = *place;
  free_slots_.pop_back();
  flow.place = place;
  flow.links.uplink.take_memory_from(memory_);
  flow.links.downlink.take_memory_from(memory_);
  if (options_.rebind_every) flow.rebind_at = saturating_add(now, *options_.rebind_every);
  by_client_[client] = &flow;
  by_slot_[flow.slot] = &flow;
  loop_.watch(flow.socket.fd(), *this, flow.key());
  return &flow;
}

void Proxy::end(Flow& flow) {
  count(flow);
  count_kernel_drops(flow);
  counters_.in_flight -= flow.in_flight();
  counters_.discarded += flow.in_flight();
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
    ++counters_.flows_idle;
    end(flow);
  }
}

void Proxy::rebind(Flow& flow, Instant now) {
  flow.rebind_at = saturating_add(now, *options_.rebind_every);
  std::optional<UdpSocket> socket =
      UdpSocket::try_connect(options_.server);  // While the old one still holds its port.
  if (!socket) return;
  socket->stamp_arrivals();
  ++counters_.rebinds;
  count(flow);
  count_kernel_drops(flow);
  flow.kernel_dropped = 0;
  flow.socket = *std::move(socket);
  flow.port_address = flow.socket.local_address();
  loop_.watch(flow.socket.fd(), *this, flow.key());
}

void Proxy::offer(Flow& flow, Direction direction, Instant now, const Received& received) {
  const Address& receiver = direction == Direction::kUplink ? options_.server : flow.client;
  if (received.payload.size() > payload_bytes_max(receiver)) {
    ++counters_.too_long;
    return;
  }
  if (direction == Direction::kUplink) know(flow, received.payload);
  const Offer offer = flow.link(direction).handle_datagram(now, received.payload);
  if (observers_.empty()) return;
  Passage passage =
      direction == Direction::kUplink ? outside(flow, direction) : inside(flow, direction);
  passage.payload = received.payload;
  for (Observer* observer : observers_) observer->on_offered(now, passage, offer);
}

void Proxy::know(Flow& flow, std::span<const std::byte> payload) {
  if (++flow.from_client > 2) return;
  if (flow.from_client == 2) {
    --counters_.flows_of_one;
    return;
  }
  ++counters_.flows_of_one;
  if (opens_iperf3(payload)) ++counters_.flows_of_iperf;
}

Instant Proxy::arrival(const Received& received, Instant now) {
  return told_ = std::max(told_, now - received.waited);
}

void Proxy::settle(Flow& flow, Instant now) {
  told_ = now;
  deliver(flow, Direction::kUplink, now);
  flush(to_server_, flow.socket);
  deliver(flow, Direction::kDownlink, now);
  timers_.set(flow.slot, std::min({flow.links.uplink.poll_timeout().value_or(Instant::max()),
                                   flow.links.downlink.poll_timeout().value_or(Instant::max()),
                                   flow.rebind_at}));
  count(flow);
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
    if (delivery->truncated && delivery->payload.empty()) {
      ++counters_.emptied[static_cast<std::size_t>(direction)];
    }
    if (batch.full()) flush(batch, up ? flow.socket : socket_);
    if (up) {
      batch.add(*flow.socket.peer(), delivery->payload);
    } else {
      batch.add(flow.client, delivery->payload, flow.local);
    }
  }
}

void Proxy::tell_in_flight(Instant now) {
  for (Flow& flow : flows_) {
    for (const Direction direction : {Direction::kUplink, Direction::kDownlink}) {
      const Passage passage =
          direction == Direction::kUplink ? outside(flow, direction) : inside(flow, direction);
      for (const Link::Underway& datagram : flow.link(direction).datagrams_in_flight()) {
        for (Observer* observer : observers_) observer->on_in_flight(now, passage, datagram.number);
      }
    }
  }
}

void Proxy::flush(SendBatch& batch, UdpSocket& socket) {
  // What the system has no room for is lost here as in any queue that is full; to wait would make
  // everything else late.
  if (!batch.empty() && batch.flush(socket) == SocketOutcome::kWouldBlock) batch.drop(socket);
}

Passage Proxy::outside(const Flow& flow, Direction direction) const {
  const bool same_family = flow.client.is_v6() == address_.is_v6();
  const Address us = flow.local    ? with_port(*flow.local, address_.port())
                     : same_family ? address_
                                   : Address::v4({0, 0, 0, 0}, address_.port());
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

void Proxy::count(Flow& flow) {
  counters_.uplink += flow.links.uplink.take_counters();
  counters_.downlink += flow.links.downlink.take_counters();
  counters_.servers += flow.socket.take_counters();
  counters_.in_flight += flow.in_flight() - flow.in_flight_counted;
  flow.in_flight_counted = flow.in_flight();
}

void Proxy::count_kernel_drops(Flow& flow) {
  count_drops(flow.socket.kernel_drops(), flow.kernel_dropped, counters_.servers_kernel_dropped);
}

ProxyCounters Proxy::counters() {
  for (Flow& flow : flows_) count_kernel_drops(flow);
  return recent_counters();
}

ProxyCounters Proxy::recent_counters() {
  for (std::size_t i = 0; i < std::min(kFlowsAskedAbout, by_slot_.size()); ++i) {
    next_asked_ = (next_asked_ + 1) % by_slot_.size();
    if (by_slot_[next_asked_] != nullptr) count_kernel_drops(*by_slot_[next_asked_]);
  }
  count_drops(socket_.kernel_drops(), listening_dropped_, counters_.clients_kernel_dropped);
  counters_.clients += socket_.take_counters();
  counters_.flows_open = flows_.size();
  counters_.memory_bytes = memory_.bytes_used();
  counters_.memory_refused = memory_.refused();
  return counters_;
}

}  // namespace lossy
