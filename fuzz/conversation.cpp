#include "fuzz/conversation.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>

#include "fuzz/property.hpp"
#include "fuzz/reference.hpp"

namespace lossy::fuzz {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kOperationsMax = 128;

const Address kServerAddress = Address::v4({127, 0, 0, 1}, 9999);
const Address kClientAddress = Address::v4({127, 0, 0, 1}, 50'000);
// Where injected datagrams come from; the first is right for the one end, the second for the other.
const std::array<Address, 4> kSources = {kServerAddress, kClientAddress,
                                         Address::v4({127, 0, 0, 2}, 9999),
                                         Address::v6({127, 0, 0, 1}, 9999)};

// Names of all sorts: short ones, some that look like greetings, some that differ by one bit.
const std::array<std::string, 12> kNames = {"A",   "B",         "C",   "Bob",
                                            "Zoë", "Hello, A!", "!",   "\xF0\x9F\x99\x82",
                                            "AA",  "\x7F",      "A\n", "Hello, "};

// The longest name. It is slow, and so less often chosen.
const std::string kLongestName(kNameBytesMax, 'x');

// What is no name, and what is no greeting.
const std::array<std::string, 6> kRubbish = {
    "", "\xFF", "Hello, !", "Hello, A", "Hello, \xC0\x80!", std::string(kMessageBytesMax + 1, '!')};

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// 1 ns to 2^45 ns, some ten hours, by an argument of 0 to 15.
Duration time_of(std::size_t argument) {
  return Duration(Duration::rep{1} << (3 * argument));
}

}  // namespace

std::uint8_t Script::next() {
  if (bytes_.empty()) return 0;
  const std::uint8_t byte = bytes_.front();
  bytes_ = bytes_.subspan(1);
  return byte;
}

std::string_view Script::text(std::size_t size) {
  const auto taken = bytes_.first(std::min(size, bytes_.size()));
  bytes_ = bytes_.subspan(taken.size());
  return text_of(std::as_bytes(taken));
}

Wire::Wire() {
  std::iota(order_.begin(), order_.end(), std::uint8_t{0});
}

void Wire::send(const Address& source, std::span<const std::byte> payload) {
  if (full() || payload.size() > kBytesMax) return;
  Flight& flight = at(size_++);
  flight.source = source;
  flight.size = payload.size();
  if (!payload.empty()) std::memcpy(flight.bytes.data(), payload.data(), payload.size());
}

void Wire::duplicate(std::size_t i) {
  send(at(i).source, at(i).datagram().payload);
}

Wire::Flight& Wire::take(std::size_t i) {
  std::rotate(order_.begin() + i, order_.begin() + i + 1, order_.begin() + size_);
  return at(--size_);
}

void Wire::swap(std::size_t i, std::size_t j) {
  std::swap(order_[i], order_[j]);
}

void Conversation::run(std::span<const std::uint8_t> bytes) {
  Script script(bytes);
  start(script);
  for (std::size_t i = 0; i < kOperationsMax && !script.done(); ++i) {
    operate(script);
    drain_client();
    server_must_be_silent();
    model_.must_be_settled(*client_);
  }
  finish();
}

void Conversation::start(Script& script) {
  constexpr std::array<std::size_t, 4> kWindows = {1, 2, 3, 8};
  constexpr std::array<Duration, 4> kInitialRtos = {1s, 100ms, 1ns, 3s};
  constexpr std::array<Duration, 4> kMinRtos = {200ms, 1s, 1ns, 20ms};
  constexpr std::array<Duration, 4> kMaxRtos = {60s, 3s, 24h, 5s};
  constexpr std::array<Instant, 4> kStarts = {Instant(0s), Instant(1s), Instant(-1s),
                                              Instant::min()};
  const std::uint8_t shape = script.next();
  const std::uint8_t times = script.next();
  const ClientOptions options{.server = kServerAddress,
                              .retry = {.initial_rto = kInitialRtos[times % 4],
                                        .min_rto = kMinRtos[times / 4 % 4],
                                        .max_rto = kMaxRtos[times / 16 % 4],
                                        .attempts_max = 1 + shape / 4 % 8},
                              .window = kWindows[shape % 4]};
  now_ = kStarts[times / 64];
  client_.emplace(options);
  server_.emplace();
  server_counters_ = {};
  model_.start(options);
  uplink_.clear();
  downlink_.clear();
}

void Conversation::operate(Script& script) {
  enum Kind : std::uint8_t {
    kGreet,
    kTimeOut,       // At the very time.
    kTimeOutEarly,  // A nanosecond before it.
    kTick,
    kPassTime,  // And nobody calls handle_timeout().
    kDeliverUplink,
    kDeliverDownlink,
    kDeliverAll,
    kDropUplink,
    kDropDownlink,
    kDuplicate,
    kSwap,
    kFlipUplink,
    kFlipDownlink,
    kInjectToClient,
    kInjectToServer,
  };
  const std::uint8_t byte = script.next();
  const std::size_t argument = byte / 16;
  const std::size_t up = uplink_.size() == 0 ? 0 : argument % uplink_.size();
  const std::size_t down = downlink_.size() == 0 ? 0 : argument % downlink_.size();
  switch (static_cast<Kind>(byte % 16)) {
    case kGreet:
      return greet(script, argument);
    case kTimeOut:
      now_ = std::max(now_, client_->poll_timeout().value_or(now_));
      return time_out();
    case kTimeOutEarly:
      now_ = std::max(now_, saturating_add(client_->poll_timeout().value_or(now_), -1ns));
      return time_out();
    case kTick:
      pass(time_of(argument));
      return time_out();
    case kPassTime:
      return pass(time_of(argument));
    case kDeliverUplink:
      if (uplink_.size() > 0) deliver_to_server(up);
      return;
    case kDeliverDownlink:
      if (downlink_.size() > 0) deliver_to_client(down);
      return;
    case kDeliverAll:
      return deliver_all();
    case kDropUplink:
      if (uplink_.size() > 0) uplink_.take(up);
      return;
    case kDropDownlink:
      if (downlink_.size() > 0) downlink_.take(down);
      return;
    case kDuplicate:
      if (uplink_.size() > 0 && argument % 2 == 0) uplink_.duplicate(up);
      if (downlink_.size() > 0 && argument % 2 == 1) downlink_.duplicate(down);
      return;
    case kSwap:
      if (uplink_.size() > 0) uplink_.swap(up, uplink_.size() - 1);
      if (downlink_.size() > 0) downlink_.swap(down, downlink_.size() - 1);
      return;
    case kFlipUplink:
      if (uplink_.size() > 0) flip_bit(script, uplink_, up);
      return;
    case kFlipDownlink:
      if (downlink_.size() > 0) flip_bit(script, downlink_, down);
      return;
    case kInjectToClient:
      return inject_to_client(script, argument);
    case kInjectToServer:
      return inject_to_server(script, argument);
  }
}

void Conversation::finish() {
  model_.network_turns_perfect();
  // Each request may wait once for the timeout of what was lost before, and is then greeted on what
  // it sends, or out of attempts.
  for (std::size_t rounds = 0; rounds <= 2 * model_.count(); ++rounds) {
    deliver_all();
    model_.must_be_settled(*client_);
    const std::optional<Instant> timeout = client_->poll_timeout();
    if (!timeout) break;
    now_ = std::max(now_, *timeout);
    time_out();
    drain_client();
  }
  must(client_->pending() == 0 && model_.all_ended(), "on a perfect network every request ends");
  must(!client_->poll_timeout(), "no timer is left when all is done");
  must(uplink_.size() == 0 && downlink_.size() == 0, "no datagram is left when all is done");
  time_out();
  must(!client_->poll_transmit(now_, buffer_), "nothing is sent when all is done");
  must(!client_->poll_event(), "nothing is told when all is done");
  server_must_be_silent();
  client_.reset();  // Now, so that libFuzzer, which counts allocations a run, suspects no leak.
}

void Conversation::greet(Script& script, std::size_t choice) {
  if (model_.full()) return;
  std::string_view name;
  if (choice < kNames.size()) {
    name = kNames[choice];
  } else {
    const std::size_t size = script.next() % 16;
    name = size == 15 ? kLongestName : script.text(size);
    if (why_no_name(name)) return;
  }
  model_.asked(name, client_->greet(name));
}

void Conversation::inject_to_client(Script& script, std::size_t choice) {
  const std::uint8_t what = script.next();
  const Address& source = kSources[choice % 4];
  if (choice < 12) {  // A greeting, as somebody else might forge it.
    const std::size_t size = write_greeting(kNames[what % kNames.size()], buffer_);
    downlink_.send(source, std::span(buffer_).first(size));
  } else if (what < 128) {
    downlink_.send(source, bytes_of(kRubbish[what % kRubbish.size()]));
  } else {
    downlink_.send(source, bytes_of(script.text(what % 32)));
  }
}

void Conversation::inject_to_server(Script& script, std::size_t choice) {
  const std::uint8_t what = script.next();
  const Address& source = kSources[(choice + 1) % 4];
  if (choice < 12) {
    uplink_.send(source, bytes_of(kNames[what % kNames.size()]));
  } else if (what < 128) {
    uplink_.send(source, bytes_of(kRubbish[what % kRubbish.size()]));
  } else {
    uplink_.send(source, bytes_of(script.text(what % 32)));
  }
}

void Conversation::flip_bit(Script& script, Wire& wire, std::size_t i) {
  Wire::Flight& flight = wire.at(i);
  const std::uint8_t where = script.next();
  if (flight.size == 0) return;
  flight.bytes[where / 8 % flight.size] ^= std::byte{1} << (where % 8);
}

void Conversation::time_out() {
  client_->handle_timeout(now_);
  model_.timed_out(now_);
}

void Conversation::deliver_to_server(std::size_t i) {
  const Wire::Flight& flight = uplink_.take(i);
  const Datagram datagram = flight.datagram();
  server_->handle_datagram(now_, datagram);
  ++server_counters_.received;
  const std::string_view name = text_of(datagram.payload);
  if (const auto reason = why_no_name(name)) {
    ++server_counters_.refused[static_cast<std::size_t>(*reason)];
    return;
  }
  const auto answer = server_->poll_transmit(now_, buffer_);
  must(answer.has_value(), "the server answers each name");
  must(answer->destination == datagram.source, "the server answers to where the name came from");
  ++server_counters_.answered;
  const std::string_view text = text_of(std::span(buffer_).first(answer->size));
  std::string_view greeted;
  must(!why_no_greeting(text, greeted) && greeted == name,
       "the server's answer is a greeting of the name");
  // What was sent to others is theirs.
  if (answer->destination == kClientAddress) downlink_.send(kServerAddress, bytes_of(text));
}

void Conversation::deliver_to_client(std::size_t i) {
  const Wire::Flight& flight = downlink_.take(i);
  client_->handle_datagram(now_, flight.datagram());
  model_.received(now_, flight.datagram());
  drain_client();
}

void Conversation::deliver_all() {
  drain_client();
  // Every delivery takes one out, and puts in one answer, or what the client can send at once.
  while (uplink_.size() + downlink_.size() > 0) {
    if (uplink_.size() > 0) deliver_to_server(0);
    server_must_be_silent();
    if (downlink_.size() > 0) deliver_to_client(0);
  }
}

void Conversation::drain_client() {
  while (const auto transmit = client_->poll_transmit(now_, buffer_)) {
    const auto payload = std::span(buffer_).first(transmit->size);
    model_.sent(now_, transmit->destination, text_of(payload));
    uplink_.send(kClientAddress, payload);
  }
  while (const auto event = client_->poll_event()) model_.told(*event);
}

void Conversation::server_must_be_silent() {
  must(!server_->poll_transmit(now_, buffer_), "the server does not speak unasked");
  must(!server_->poll_timeout(), "the server has no timer");
  const ServerCounters& counters = server_->counters();
  must(counters.received == server_counters_.received &&
           counters.answered == server_counters_.answered &&
           counters.refused == server_counters_.refused,
       "the server counts every datagram for what it was");
}

}  // namespace lossy::fuzz
