#include <lossy/harness/net/live_host.hpp>

#include <system_error>
#include <utility>

#include <lossy/core/check.hpp>
#include <lossy/harness/link/ecn_label.hpp>

namespace lossy {
namespace {

// So many events without asking the loop, where a signal may wait.
constexpr int kEventsInARow = 64;
// What ICMP says is heard at one time: behind it more comes up again.
constexpr int kRefusalsInARow = 64;

// Of so few sockets all are looked at at each event.
constexpr std::size_t kClosedAtOnce = 64;

}  // namespace

LiveHost::LiveHost(EventLoop& loop, Endpoint& endpoint, Setup setup)
    : loop_(loop),
      endpoint_(endpoint),
      every_port_(setup.every_port),
      outward_(setup.outward),
      out_(std::move(setup.out)),
      in_(std::move(setup.in)),
      buffer_(kPayloadBytesMax) {
  loop.add(*this);
  const Address address = setup.socket.local_address();
  asked_ = &open(std::move(setup.socket), address);
  asked_->is_asked = true;
}

LiveHost::Port& LiveHost::open(UdpSocket socket, const Address& name) {
  socket.hear_refusals();  // Where the kernel cannot, time tells.
  const Address address = socket.local_address();
  const std::uint64_t key = next_key_++;
  auto opened =
      std::make_unique<Port>(Port{.socket = std::move(socket), .name = name, .address = address});
  Port& port = *by_key_.emplace(key, std::move(opened)).first->second;
  by_name_.emplace(name, &port);
  loop_.watch(port.socket.fd(), *this, key);
  return port;
}

LiveHost::Port* LiveHost::port_of(const Address& local) {
  if (!every_port_ || local.port() == asked_->address.port()) return asked_;
  if (const auto found = by_name_.find(local); found != by_name_.end()) return found->second;
  try {
    return &open(UdpSocket::listen(with_port(local, 0)), local);
  } catch (const std::system_error& error) {
    why_no_socket_ = error.what();
    return nullptr;
  }
}

std::optional<LiveHost::Event> LiveHost::next() const {
  std::optional<Event> first;
  const auto consider = [&](const std::optional<Instant>& due, Next what) {
    if (due && (!first || *due < first->due)) first = Event{*due, what};
  };
  consider(out_.poll_timeout(), Next::kOut);
  consider(in_.poll_timeout(), Next::kIn);
  consider(endpoint_.poll_timeout(), Next::kTimeout);
  return first;
}

std::optional<Instant> LiveHost::poll_timeout() const {
  const std::optional<Event> event = next();
  return event ? std::optional(event->due) : std::nullopt;
}

void LiveHost::handle_timeout(Instant now) {
  for (int i = 0; i < kEventsInARow; ++i) {
    const std::optional<Event> event = next();
    if (!event || event->due > now) break;
    happen(event->what, now);
    now = loop_.read_clock();
  }
  close_unused();
}

void LiveHost::handle_ready(std::uint64_t key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return;  // It was closed meanwhile.
  Port& port = *found->second;
  const Instant now = loop_.read_clock();
  for (int i = 0; i < kRefusalsInARow; ++i) {
    const std::optional<Address> refused = port.socket.take_refusal();
    if (!refused) break;
    ++refusals_;
    endpoint_.handle_refusal(now, *refused);
    drain(now);
  }
  received_.receive(port.socket);
  for (const Received& received : received_.datagrams()) {
    // A socket of all addresses says which of them was asked.
    const Address local = received.local ? with_port(*received.local, port.name.port()) : port.name;
    offer(in_, opposite(outward_), now, {.port = &port, .local = local, .remote = received.source},
          received.payload, Ecn::kNotEct);
  }
  handle_timeout(loop_.read_clock());
}

void LiveHost::happen(Next what, Instant now) {
  if (what == Next::kOut) return go_out(now);
  if (what == Next::kIn) return come_in(now);
  endpoint_.handle_timeout(now);
  drain(now);
}

void LiveHost::go_out(Instant now) {
  const std::optional<Delivery> delivery = out_.poll_transmit(now);
  if (!delivery) return;
  const std::uint64_t slot = place_in(delivery->label);
  const Underway& underway = underway_[slot];
  UdpSocket& socket = underway.port->socket;
  const std::uint64_t sent_before = socket.counters().sent;
  // A socket of all addresses must be told which one to send from.
  const bool chooses = underway.port->is_asked &&
                       with_port(underway.local, 0) != with_port(underway.port->address, 0);
  to_send_.add(underway.remote, delivery->payload,
               chooses ? std::optional(with_port(underway.local, 0)) : std::nullopt);
  if (to_send_.flush(socket) == SocketOutcome::kWouldBlock) to_send_.drop(socket);
  const Passage told = passage(outward_, underway, delivery->payload);
  if (socket.counters().sent == sent_before) {
    ++not_sent_;
    for (Observer* observer : observers_) {
      observer->on_lost(now, told, delivery->number, "not sent");
    }
  } else {
    for (Observer* observer : observers_) observer->on_delivered(now, told, *delivery);
  }
  release(slot);
}

void LiveHost::come_in(Instant now) {
  const std::optional<Delivery> delivery = in_.poll_transmit(now);
  if (!delivery) return;
  const std::uint64_t slot = place_in(delivery->label);
  const Underway underway = underway_[slot];
  const Passage told = passage(opposite(outward_), underway, delivery->payload);
  for (Observer* observer : observers_) observer->on_delivered(now, told, *delivery);
  if (every_port_ && !endpoint_.listens_at(underway.local)) {
    ++refused_;
    for (Observer* observer : observers_) {
      observer->on_lost(now, told, delivery->number, "refused");
    }
  } else {
    endpoint_.handle_datagram(
        now, {underway.remote, delivery->payload, underway.local, ecn_in(delivery->label)});
    drain(now, &underway);
  }
  release(slot);
}

void LiveHost::drain(Instant now, const Underway* answered) {
  const auto buffer = std::span(buffer_).first(payload_bytes_max(asked_->address));
  while (const auto transmit = endpoint_.poll_transmit(now, buffer)) {
    check(transmit->size <= buffer.size(), "LiveHost: an endpoint sent more than its buffer holds");
    const bool answers = answered != nullptr && transmit->destination == answered->remote;
    const Address local = transmit->source.value_or(answers ? answered->local : asked_->address);
    Port* const port = port_of(local);
    if (port == nullptr) {
      ++without_socket_;
      continue;
    }
    offer(out_, outward_, now, {.port = port, .local = local, .remote = transmit->destination},
          buffer.first(transmit->size), transmit->ecn);
  }
}

void LiveHost::offer(Link& link, Direction direction, Instant now, const Underway& underway,
                     std::span<const std::byte> payload, Ecn ecn) {
  const std::uint64_t slot = keep(underway);
  const Offer offer = link.handle_datagram(now, payload, {.label = ecn_label(slot, ecn)});
  const Passage told = passage(direction, underway, payload);
  for (Observer* observer : observers_) observer->on_offered(now, told, offer);
  underway_[slot].copies += offer.copies_in_flight;
  release(slot);
}

std::uint64_t LiveHost::keep(const Underway& underway) {
  ++underway.port->underway;
  if (free_.empty()) {
    underway_.push_back(underway);
    return underway_.size() - 1;
  }
  const std::uint64_t slot = free_.back();
  free_.pop_back();
  underway_[slot] = underway;
  return slot;
}

void LiveHost::release(std::uint64_t slot) {
  if (--underway_[slot].copies > 0) return;
  --underway_[slot].port->underway;
  underway_[slot].port = nullptr;
  free_.push_back(slot);
}

void LiveHost::close_unused() {
  if (++since_closing_ < by_key_.size() / kClosedAtOnce) return;
  since_closing_ = 0;
  std::erase_if(by_key_, [this](const auto& entry) {
    const Port& port = *entry.second;
    if (port.is_asked || port.underway > 0 || endpoint_.listens_at(port.name)) return false;
    dropped_ += port.socket.kernel_drops();
    by_name_.erase(port.name);
    return true;
  });
}

void LiveHost::tell_in_flight(Instant now) {
  const auto tell = [&](const Link& link, Direction direction) {
    for (const Link::Underway& one : link.datagrams_in_flight()) {
      const Passage told = passage(direction, underway_[place_in(one.label)], {});
      for (Observer* observer : observers_) observer->on_in_flight(now, told, one.number);
    }
  };
  tell(out_, outward_);
  tell(in_, opposite(outward_));
}

std::uint64_t LiveHost::lost_by_system() const {
  std::uint64_t lost = not_sent_ + without_socket_ + dropped_;
  for (const auto& [key, port] : by_key_) lost += port->socket.kernel_drops();
  return lost;
}

Address LiveHost::seen(const Underway& underway) const {
  return with_port(underway.local, underway.port->address.port());
}

Passage LiveHost::passage(Direction direction, const Underway& underway,
                          std::span<const std::byte> payload) const {
  const bool is_out = direction == outward_;
  return {.path = 0,
          .direction = direction,
          .source = is_out ? seen(underway) : underway.remote,
          .destination = is_out ? underway.remote : seen(underway),
          .payload = payload};
}

}  // namespace lossy
