#include <lossy/harness/sim/scripted_run.hpp>

#include <algorithm>
#include <cstring>

#include <lossy/harness/sim/host_addresses.hpp>
#include <lossy/harness/sim/properties.hpp>
#include <lossy/harness/sim/reference_grammar.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t kClientPort = 50'000;
constexpr std::uint16_t kServerPort = 9999;
constexpr std::uint16_t kOtherPort = 40'000;

// What a network decides only later is nothing yet.
const Fate kPlainFate;

}  // namespace

Address ScriptedRun::client_address(bool ipv6, std::size_t binding) {
  return simulated_address(0, static_cast<std::uint16_t>(kClientPort + binding), ipv6);
}

Address ScriptedRun::server_address(bool ipv6) {
  return simulated_address(1, kServerPort, ipv6);
}

void ScriptedRun::run(const Script& script) {
  start(script);
  try {
    for (const Operation& operation : script.operations) {
      operate(operation);
      settle();
    }
    finish();
  } catch (const PropertyViolation&) {
    stop();
    throw;
  }
  stop();
}

// Frees the client now, so that libFuzzer, which counts allocations a run, suspects no leak.
void ScriptedRun::stop() {
  client_counters_ = client_.counters();
  client_.stop();
}

void ScriptedRun::start(const Script& script) {
  ipv6_ = is_ipv6(script);
  client_address_ = client_address(ipv6_);
  server_address_ = server_address(ipv6_);
  clock_start_ = clock_start(script);
  now_ = clock_start_;
  text_bytes_ = 0;
  idle_operations_ = 0;
  client_.start(client_options(script, server_address_));
  server_.start();
  for (Wire& wire : wires_) wire.clear();
}

void ScriptedRun::settle() {
  drain_client();
  client_.settled();
  server_.settled();
  must(!server_.poll_transmit(now_, buffer_), GreetingProperty::kServerSilent);
}

void ScriptedRun::operate(const Operation& operation) {
  if (is_text(operation.kind)) return add_text(operation);
  switch (operation.kind) {
    case OperationKind::kGreet:
      greet(operation.name());
      break;
    case OperationKind::kTimeout:
      pass_until(client_.poll_timeout().value_or(now_));
      time_out();
      break;
    case OperationKind::kTimeoutEarly:
      pass_until(saturating_add(client_.poll_timeout().value_or(now_), -1ns));
      time_out();
      break;
    case OperationKind::kTimeoutLate:
      pass_until(client_.poll_timeout().value_or(now_) + time_of(operation));
      time_out();
      break;
    case OperationKind::kTick:
      now_ += time_of(operation);
      time_out();
      break;
    case OperationKind::kPass:
      now_ += time_of(operation);
      break;
    case OperationKind::kWait:
      wait_until(now_ + time_of(operation));
      break;
    case OperationKind::kDeliverAll:
      deliver_all();
      break;
    case OperationKind::kInject:
      inject(operation);
      break;
    case OperationKind::kRebind:
      client_address_ = client_address(ipv6_, operation.address());
      break;
    default:
      operate_on_one(operation);
      break;
  }
  text_bytes_ = 0;
}

// Something happens to a datagram that is on its way.
void ScriptedRun::operate_on_one(const Operation& operation) {
  const Direction direction = operation.direction();
  Wire& wire = this->wire(direction);
  if (wire.size() == 0) {
    ++idle_operations_;
    return;
  }
  const std::size_t place = operation.place() % wire.size();
  switch (operation.kind) {
    case OperationKind::kDeliver:
      return deliver(direction, place);
    case OperationKind::kDrop:
      return lose(direction, place, "dropped");
    case OperationKind::kDuplicate:
      return wire.duplicate(place);
    case OperationKind::kSwap:
      return wire.swap(place, operation.other_place() % wire.size());
    case OperationKind::kFlip:
      return wire.flip(place, operation.bit());
    case OperationKind::kCut:
      return wire.cut(place, operation.bytes_kept() % (wire.at(place).size + 1));
    default:
      return;
  }
}

void ScriptedRun::finish() {
  client_.network_turns_perfect();
  // Each request may wait once for the timeout of what was lost before, and is then greeted on what
  // it sends, or out of attempts.
  for (std::size_t rounds = 0; rounds <= 2 * client_.requests(); ++rounds) {
    deliver_all();
    client_.settled();
    const std::optional<Instant> timeout = client_.poll_timeout();
    if (!timeout) break;
    pass_until(*timeout);
    time_out();
    drain_client();
  }
  client_.all_must_have_ended();
  must(wire(Direction::kUplink).size() == 0 && wire(Direction::kDownlink).size() == 0,
       GreetingProperty::kNothingLeft);
  time_out();
  must(!client_.poll_transmit(now_, buffer_) && !client_.poll_event(),
       GreetingProperty::kNothingLeft);
  server_.settled();
  must(!server_.poll_transmit(now_, buffer_), GreetingProperty::kServerSilent);
}

void ScriptedRun::add_text(const Operation& operation) {
  const std::size_t size = std::min(text_bytes(operation.kind), text_.size() - text_bytes_);
  std::memcpy(text_.data() + text_bytes_, operation.arguments.data(), size);
  text_bytes_ += size;
}

std::string_view ScriptedRun::name_of(std::size_t name) const {
  return name == kScriptTextName ? text() : script_name(name);
}

void ScriptedRun::greet(std::size_t choice) {
  const std::string_view name = name_of(choice);
  if (client_.full() || (choice == kScriptTextName && why_no_name(name))) {
    ++idle_operations_;
    return;
  }
  client_.greet(name);
}

void ScriptedRun::inject(const Operation& operation) {
  const Direction direction = operation.direction();
  const std::span<const std::byte> payload = payload_of(operation);
  const Address destination = direction == Direction::kUplink ? server_address_ : client_address_;
  Wire::Flight* const flight =
      wire(direction).send(now_, source_of(operation), destination, payload);
  if (flight != nullptr) flight->injected = true;
}

std::span<const std::byte> ScriptedRun::payload_of(const Operation& operation) {
  const auto bytes_of = [](std::string_view bytes) {
    return std::as_bytes(std::span(bytes.data(), bytes.size()));
  };
  switch (static_cast<ScriptPayload>(operation.payload())) {
    case ScriptPayload::kName:
      return bytes_of(name_of(operation.choice()));
    case ScriptPayload::kGreeting: {
      // Not written by write_greeting(): the text may be no name at all.
      const std::string_view name = name_of(operation.choice()).substr(0, kNameBytesMax);
      const std::string_view prefix = kGreetingPrefix;
      std::memcpy(buffer_.data(), prefix.data(), prefix.size());
      if (!name.empty()) std::memcpy(buffer_.data() + prefix.size(), name.data(), name.size());
      buffer_[prefix.size() + name.size()] = std::byte{'!'};
      return std::span(buffer_).first(prefix.size() + name.size() + 1);
    }
    case ScriptPayload::kRubbish:
      return bytes_of(script_rubbish(operation.choice()));
    case ScriptPayload::kBytes:
      break;
  }
  return bytes_of(text());
}

Address ScriptedRun::source_of(const Operation& operation) const {
  const bool up = operation.direction() == Direction::kUplink;
  switch (static_cast<ScriptSource>(operation.source())) {
    case ScriptSource::kPeer:
      break;
    case ScriptSource::kOtherPort:
      return simulated_address(up ? 0 : 1, kOtherPort, ipv6_);
    case ScriptSource::kOtherHost:
      return simulated_address(2, (up ? client_address_ : server_address_).port(), ipv6_);
    case ScriptSource::kReflected:
      return up ? server_address_ : client_address_;
  }
  return up ? client_address_ : server_address_;
}

void ScriptedRun::time_out() {
  client_.handle_timeout(now_);
}

void ScriptedRun::wait_until(Instant until) {
  // Each round ends a request or sends one again, both of which are bounded; a timer that is not
  // armed anew is found by settle().
  while (const auto timeout = client_.poll_timeout()) {
    if (*timeout > until) break;
    pass_until(*timeout);
    time_out();
    settle();
  }
  pass_until(until);
}

void ScriptedRun::deliver(Direction direction, std::size_t place) {
  Wire& wire = this->wire(direction);
  const Address at = direction == Direction::kUplink ? server_address_ : client_address_;
  if (wire.at(place).destination != at) return lose(direction, place, "nobody has its address");
  const Wire::Arrival arrival = wire.arrive(place);
  const Wire::Flight& flight = *arrival.flight;
  tell(direction, flight.source, flight.destination, flight.payload(),
       [&](Observer& observer, const Passage& passage) {
         observer.on_delivered(observed(now_), passage,
                               {.number = flight.number,
                                .offered = observed(flight.sent),
                                .due = observed(now_),
                                .copy = flight.copy,
                                .first_arrival = arrival.first,
                                .reordered = arrival.reordered,
                                .corrupted = flight.corrupted,
                                .truncated = flight.truncated,
                                .payload = flight.payload()});
       });
  const Datagram datagram{flight.source, flight.payload()};
  if (direction == Direction::kUplink) {
    deliver_to_server(datagram);
  } else {
    deliver_to_client(datagram);
  }
}

void ScriptedRun::deliver_to_server(const Datagram& datagram) {
  server_.handle_datagram(now_, datagram);
  if (const auto answer = server_.poll_transmit(now_, buffer_)) {
    send(Direction::kDownlink, server_address_, answer->destination,
         std::span(buffer_).first(answer->size));
  }
}

void ScriptedRun::deliver_to_client(const Datagram& datagram) {
  client_.handle_datagram(now_, datagram);
  drain_client();
}

void ScriptedRun::deliver_all() {
  drain_client();
  // Every delivery takes one out, and puts in one answer, or what the client can send at once.
  Wire& uplink = wire(Direction::kUplink);
  Wire& downlink = wire(Direction::kDownlink);
  while (uplink.size() + downlink.size() > 0) {
    if (uplink.size() > 0) deliver(Direction::kUplink, 0);
    if (downlink.size() > 0) deliver(Direction::kDownlink, 0);
  }
}

void ScriptedRun::lose(Direction direction, std::size_t place, std::string_view why) {
  const Wire::Flight& flight = wire(direction).lose(place);
  tell(direction, flight.source, flight.destination, flight.payload(),
       [&](Observer& observer, const Passage& passage) {
         observer.on_lost(observed(now_), passage, flight.number, why);
       });
}

void ScriptedRun::send(Direction direction, const Address& source, const Address& destination,
                       std::span<const std::byte> payload) {
  Wire& wire = this->wire(direction);
  const Wire::Flight* const flight = wire.send(now_, source, destination, payload);
  tell(direction, source, destination, payload, [&](Observer& observer, const Passage& passage) {
    observer.on_offered(observed(now_), passage,
                        {.number = wire.last_number(),
                         .fate = &kPlainFate,
                         .copies_in_flight = flight == nullptr ? std::size_t{0} : 1,
                         .loss = LossReason::kInFlight});
  });
}

void ScriptedRun::drain_client() {
  while (const auto transmit = client_.poll_transmit(now_, buffer_)) {
    send(Direction::kUplink, client_address_, transmit->destination,
         std::span(buffer_).first(transmit->size));
  }
  while (auto event = client_.poll_event()) {
    if (!on_event_) continue;
    event->ended = observed(event->ended);
    on_event_(*event);
  }
}

template <typename Tell>
void ScriptedRun::tell(Direction direction, const Address& source, const Address& destination,
                       std::span<const std::byte> payload, Tell&& tell) {
  if (observers_.empty()) return;
  const Passage passage{.path = 0,
                        .direction = direction,
                        .source = source,
                        .destination = destination,
                        .payload = payload};
  for (Observer* observer : observers_) tell(*observer, passage);
}

}  // namespace lossy
