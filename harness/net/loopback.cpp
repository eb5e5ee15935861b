#include <lossy/harness/net/loopback.hpp>

#include <algorithm>
#include <functional>
#include <utility>

#include <lossy/core/check.hpp>

namespace lossy {
namespace {

// So many events without asking the loop, where a signal may wait.
constexpr int kEventsInARow = 64;

// Whether a host of this name has the address.
bool has(const Address& name, const Address& address) {
  return address == name || (name.port() == 0 && with_port(address, 0) == name);
}

Address any_port(bool v6) {
  return *Address::parse(v6 ? "[::1]:0" : "127.0.0.1:0");
}

}  // namespace

Loopback::Loopback(EventLoop& loop, Host client, Host server, Link uplink, Link downlink)
    : loop_(loop),
      server_socket_(UdpSocket::listen(any_port(server.name.is_v6()))),
      client_socket_(UdpSocket::connect(server_socket_.local_address())),
      ways_{Way{std::move(uplink), Direction::kUplink, server.endpoint, client.endpoint,
                client.name, server.name, client_socket_, server_socket_},
            Way{std::move(downlink), Direction::kDownlink, client.endpoint, server.endpoint,
                server.name, client.name, server_socket_, client_socket_}},
      buffer_(kPayloadBytesMax) {
  server_socket_.restrict_to(client_socket_.local_address());
  loop.add(*this);
  for (const Way& way : ways_) loop.watch(way.to.fd(), *this, index(way.direction));
}

void Loopback::start() {
  for (Way& way : ways_) drain(way, loop_.now());
}

std::optional<Loopback::Event> Loopback::next() const {
  std::optional<Event> first;
  if (!refusals_.empty()) {
    first = {refusals_.front().due, Event::Kind::kRefusal, refusals_.front().direction};
  }
  const auto consider = [&](const std::optional<Instant>& due, Event::Kind kind, const Way& way) {
    if (due && (!first || *due < first->due)) first = Event{*due, kind, way.direction};
  };
  for (const Way& way : ways_) consider(way.link.poll_timeout(), Event::Kind::kDelivery, way);
  for (const Way& way : ways_) consider(way.sender.poll_timeout(), Event::Kind::kTimeout, way);
  return first;
}

std::optional<Instant> Loopback::poll_timeout() const {
  if (crossing_) return saturating_add(crossing_->sent, kCrossingMax);
  const std::optional<Event> event = next();
  return event ? std::optional(event->due) : std::nullopt;
}

void Loopback::handle_timeout(Instant now) {
  if (crossing_) {
    if (now < saturating_add(crossing_->sent, kCrossingMax)) return;
    ++lost_by_system_;
    crossing_.reset();
  }
  for (int i = 0; i < kEventsInARow; ++i) {
    const std::optional<Event> event = next();
    if (!event || event->due > now) return;
    happen(*event, now);
    // Most often it is there already.
    if (crossing_) receive(ways_[index(crossing_->direction)]);
    if (crossing_) return;
    now = loop_.read_clock();
  }
}

void Loopback::handle_ready(std::uint64_t key) {
  receive(ways_[key]);
}

void Loopback::happen(const Event& event, Instant now) {
  Way& way = ways_[index(event.direction)];
  if (event.kind == Event::Kind::kDelivery) return send(way, now);
  if (event.kind == Event::Kind::kTimeout) {
    way.sender.handle_timeout(now);
  } else {
    const Pair& refused = pairs_[refusals_.front().pair];
    refusals_.pop_front();
    way.sender.handle_refusal(now, refused.destination);
  }
  drain(way, now);
}

void Loopback::send(Way& way, Instant now) {
  const std::optional<Delivery> delivery = way.link.poll_transmit(now);
  if (!delivery) return;
  const std::uint64_t sent_before = way.from.counters().sent;
  to_send_.add(*way.from.peer(), delivery->payload);
  if (to_send_.flush(way.from) == SocketOutcome::kWouldBlock) to_send_.drop(way.from);
  if (way.from.counters().sent == sent_before) {
    ++lost_by_system_;
    return;
  }
  crossing_ = Crossing{*delivery, way.direction, now};
}

void Loopback::receive(Way& way) {
  received_.receive(way.to);
  const Instant now = loop_.read_clock();
  for (const Received& received : received_.datagrams()) {
    // Anything else was given up on before, or lay there from before the sockets knew each other.
    if (!crossing_ || crossing_->direction != way.direction || received.source != *way.to.peer() ||
        !std::ranges::equal(received.payload, crossing_->delivery.payload)) {
      continue;
    }
    const Delivery delivery = crossing_->delivery;
    crossing_.reset();
    arrive(way, now, delivery, received.payload);
  }
}

void Loopback::arrive(Way& way, Instant now, const Delivery& delivery,
                      std::span<const std::byte> payload) {
  const Passage told = passage(way, delivery.label, payload);
  for (Observer* observer : observers_) observer->on_delivered(now, told, delivery);
  if (way.receiver_name.port() == 0 && !way.receiver.listens_at(told.destination)) {
    return refuse(way, now, delivery, payload);
  }
  way.receiver.handle_datagram(now,
                               {told.source, payload, told.destination, ecn_in(delivery.label)});
  drain(ways_[1 - index(way.direction)], now);
}

void Loopback::refuse(Way& way, Instant now, const Delivery& delivery,
                      std::span<const std::byte> payload) {
  ++refused_;
  const Passage told = passage(way, delivery.label, payload);
  for (Observer* observer : observers_) observer->on_lost(now, told, delivery.number, "refused");
  const Instant due = saturating_add(now, saturating_between(delivery.offered, delivery.due));
  const auto behind = std::ranges::upper_bound(refusals_, due, {}, &Refusal::due);
  refusals_.insert(behind, {due, way.direction, place_in(delivery.label)});
}

std::optional<std::uint64_t> Loopback::pair_of(const Way& way, const Transmit& transmit) {
  const Pair pair{transmit.source.value_or(way.sender_name), transmit.destination};
  if (pair.source.port() == 0 || pair.destination.port() == 0) return std::nullopt;
  if (!has(way.sender_name, pair.source) || !has(way.receiver_name, pair.destination)) {
    return std::nullopt;
  }
  if (const auto found = pair_numbers_.find(pair); found != pair_numbers_.end()) {
    return found->second;
  }
  if (pairs_.size() == kPairsMax) return std::nullopt;
  pairs_.push_back(pair);
  return pair_numbers_.emplace(pair, pairs_.size() - 1).first->second;
}

void Loopback::drain(Way& way, Instant now) {
  const auto buffer = std::span(buffer_).first(payload_bytes_max(way.sender_name));
  while (const auto transmit = way.sender.poll_transmit(now, buffer)) {
    check(transmit->size <= buffer.size(), "Loopback: an endpoint sent more than its buffer holds");
    const std::optional<std::uint64_t> pair = pair_of(way, *transmit);
    if (!pair) {
      ++unroutable_;
      continue;
    }
    const std::uint64_t label = ecn_label(*pair, transmit->ecn);
    const auto payload = std::span<const std::byte>(buffer).first(transmit->size);
    const Offer offer = way.link.handle_datagram(now, payload, {.label = label});
    const Passage told = passage(way, label, payload);
    for (Observer* observer : observers_) observer->on_offered(now, told, offer);
  }
}

void Loopback::tell_in_flight(Instant now) {
  for (const Way& way : ways_) {
    std::vector<Link::Underway> underway = way.link.datagrams_in_flight();
    if (crossing_ && crossing_->direction == way.direction && crossing_->delivery.first_arrival) {
      underway.push_back({crossing_->delivery.number, crossing_->delivery.label});
    }
    for (const Link::Underway& one : underway) {
      for (Observer* observer : observers_) {
        observer->on_in_flight(now, passage(way, one.label, {}), one.number);
      }
    }
  }
}

Passage Loopback::passage(const Way& way, std::uint64_t label,
                          std::span<const std::byte> payload) const {
  return {.path = 0,
          .direction = way.direction,
          .source = pair_in(label).source,
          .destination = pair_in(label).destination,
          .payload = payload};
}

}  // namespace lossy
