#include <lossy/harness/sim/controlled_network.hpp>

#include <algorithm>
#include <utility>

#include <lossy/core/check.hpp>

namespace lossy {
namespace {

// Datagrams that a host may send at one event, and timeouts that it may have at one instant.
constexpr std::size_t kBurstMax = 10'000;

}  // namespace

ControlledNetwork::ControlledNetwork(const Protocol& protocol, const RunPlan& plan,
                                     Protocol::Listener listener)
    : run_(protocol.make_run(plan, std::move(listener))),
      check_(protocol.properties, *run_),
      buffer_(kPayloadBytesMax) {
  for (const HostRole& role : protocol.hosts(plan)) {
    addresses_.push_back(network_address(role, plan.addresses.at(addresses_.size())));
  }
  for (std::size_t host = 0; host < addresses_.size(); ++host) drain(host);
  check_.holds(now_);
}

bool ControlledNetwork::deliver(std::size_t place) {
  if (letters_.empty()) return false;
  if (place_of(place) != 0) fault();
  const auto at = letters_.begin() + static_cast<std::ptrdiff_t>(place_of(place));
  Letter letter = std::move(*at);
  letters_.erase(at);
  arrive(std::move(letter));
  return true;
}

void ControlledNetwork::arrive(Letter letter) {
  now_ += kHop;
  Endpoint& endpoint = run_->endpoint(letter.to);
  if (addresses_[letter.to].port() == 0 && !endpoint.listens_at(letter.destination)) {
    run_->endpoint(letter.from).handle_refusal(now_, letter.destination);
    drain(letter.from);
  } else {
    endpoint.handle_datagram(now_, {letter.source, letter.payload, letter.destination});
    drain(letter.to);
  }
  check_.holds(now_);
}

bool ControlledNetwork::lose(std::size_t place) {
  if (letters_.empty()) return false;
  fault();
  letters_.erase(letters_.begin() + static_cast<std::ptrdiff_t>(place_of(place)));
  return true;
}

bool ControlledNetwork::duplicate(std::size_t place) {
  if (letters_.empty() || letters_.size() == kOnTheirWayMax) return false;
  fault();
  Letter copy = letters_[place_of(place)];
  letters_.push_back(std::move(copy));
  return true;
}

bool ControlledNetwork::swap(std::size_t place, std::size_t other) {
  if (letters_.empty() || place_of(place) == place_of(other)) return false;
  fault();
  std::swap(letters_[place_of(place)], letters_[place_of(other)]);
  return true;
}

bool ControlledNetwork::flip(std::size_t place, std::size_t bit) {
  if (letters_.empty()) return false;
  std::vector<std::byte>& payload = letters_[place_of(place)].payload;
  if (payload.empty()) return false;
  fault();
  bit %= payload.size() * 8;
  payload[bit / 8] ^= std::byte{1} << bit % 8;
  return true;
}

bool ControlledNetwork::cut(std::size_t place, std::size_t bytes_kept) {
  if (letters_.empty()) return false;
  std::vector<std::byte>& payload = letters_[place_of(place)].payload;
  if (payload.empty()) return false;
  fault();
  payload.resize(bytes_kept % payload.size());
  return true;
}

bool ControlledNetwork::time_out() {
  const auto next = next_timeout();
  if (!next) return false;
  if (!letters_.empty()) fault();  // They are late.
  time_out(*next);
  return true;
}

void ControlledNetwork::time_out(const Timeout& timeout) {
  now_ = std::max(now_, timeout.when);
  run_->endpoint(timeout.host).handle_timeout(now_);
  drain(timeout.host);
  check_.holds(now_);
}

bool ControlledNetwork::settle(std::size_t steps_max) {
  for (std::size_t step = 0; step < steps_max && broken() == nullptr; ++step) {
    const auto next = next_timeout();
    if (!letters_.empty() && (!next || now_ + kHop <= next->when)) {
      Letter letter = std::move(letters_.front());
      letters_.pop_front();
      arrive(std::move(letter));
    } else if (next) {
      time_out(*next);
    } else {
      return check_.holds_at_rest(now_);
    }
  }
  return false;
}

void ControlledNetwork::drain(std::size_t host) {
  Endpoint& endpoint = run_->endpoint(host);
  const auto room = std::span(buffer_).first(payload_bytes_max(addresses_[host]));
  for (std::size_t sent = 0;; ++sent) {
    check(sent < kBurstMax, "ControlledNetwork: a host does not stop sending");
    const auto transmit = endpoint.poll_transmit(now_, room);
    if (!transmit) return;
    check(transmit->size <= room.size(), "ControlledNetwork: more was sent than the buffer holds");
    const Address source = transmit->source.value_or(addresses_[host]);
    const auto to = host_at(transmit->destination);
    if (!to || host_at(source) != host) continue;  // Nobody gets it.
    if (letters_.size() == kOnTheirWayMax) {
      fault();
      continue;
    }
    letters_.push_back(
        {host,
         *to,
         source,
         transmit->destination,
         {room.begin(), room.begin() + static_cast<std::ptrdiff_t>(transmit->size)}});
  }
}

std::optional<std::size_t> ControlledNetwork::host_at(const Address& address) const {
  for (std::size_t host = 0; host < addresses_.size(); ++host) {
    const Address& own = addresses_[host];
    if (own == address || (own.port() == 0 && own == with_port(address, 0))) return host;
  }
  return std::nullopt;
}

std::optional<ControlledNetwork::Timeout> ControlledNetwork::next_timeout() const {
  std::optional<Timeout> next;
  for (std::size_t host = 0; host < addresses_.size(); ++host) {
    const auto when = run_->endpoint(host).poll_timeout();
    if (when && (!next || *when < next->when)) next = Timeout{*when, host};
  }
  return next;
}

}  // namespace lossy
