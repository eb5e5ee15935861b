#include <lossy/harness/sim/controlled_network.hpp>

#include <algorithm>

#include <lossy/core/check.hpp>

namespace lossy {
namespace {

// Datagrams that a host may send at one event, and timeouts that there may be at the start.
constexpr std::size_t kBurstMax = 10'000;

// What this network decides only later is nothing yet.
const Fate kPlainFate;

std::uint64_t& lost_by(LinkCounters& counters, LossReason reason) {
  return counters.lost_by[static_cast<std::size_t>(reason)];
}

}  // namespace

ControlledNetwork::ControlledNetwork(ProtocolRun& run, std::vector<Address> addresses)
    : run_(run),
      addresses_(std::move(addresses)),
      ways_(addresses_.size() * addresses_.size()),
      timeouts_(addresses_.size()),
      buffer_(kPayloadBytesMax) {}

void ControlledNetwork::start() {
  for (std::size_t host = 0; host < hosts(); ++host) drain(host);
  look_whether_over();
  std::size_t timeouts = 0;
  for (auto next = next_timeout(); !over_ && next && next->when <= now_; next = next_timeout()) {
    check(++timeouts < kBurstMax, "ControlledNetwork: a timeout at the start does not end");
    time_out(*next);
  }
}

ControlledNetwork::Letter* ControlledNetwork::at(std::size_t place) {
  return over_ || letters_.empty() ? nullptr : &letters_[place % letters_.size()];
}

ControlledNetwork::Letter* ControlledNetwork::with_bytes_at(std::size_t place) {
  Letter* const letter = at(place);
  if (letter == nullptr || letter->payload.empty()) return nullptr;
  fault();
  return letter;
}

ControlledNetwork::Letter ControlledNetwork::take(std::size_t place) {
  const auto at = letters_.begin() + static_cast<std::ptrdiff_t>(place % letters_.size());
  Letter letter = std::move(*at);
  letters_.erase(at);
  return letter;
}

bool ControlledNetwork::deliver(std::size_t place) {
  Letter* const letter = at(place);
  if (letter == nullptr) return false;
  if (letter != &letters_.front()) fault();
  arrive(take(place));
  return true;
}

void ControlledNetwork::arrive(Letter letter) {
  now_ += kHop;
  const bool is_first = !letter.arrived;
  const bool is_reordered = is_first && letter.number < way(letter).highest_arrived;
  way(letter).highest_arrived = std::max(way(letter).highest_arrived, letter.number);
  if (is_first) {
    ++counters_of(letter).delivered;
    for (Letter& other : letters_) other.arrived = other.arrived || is_same(other, letter);
  }
  if (is_reordered) ++counters_of(letter).reordered;
  tell(letter, [&](Observer& observer, const Passage& passage) {
    observer.on_delivered(now_, passage,
                          {.number = letter.number,
                           .offered = letter.sent,
                           .due = now_,
                           .copy = letter.copy,
                           .first_arrival = is_first,
                           .reordered = is_reordered,
                           .corrupted = letter.corrupted,
                           .truncated = letter.truncated,
                           .payload = letter.payload});
  });
  Endpoint& endpoint = run_.endpoint(letter.to);
  if (addresses_[letter.to].port() == 0 && !endpoint.listens_at(letter.destination)) {
    ++refused_;
    tell(letter, [&](Observer& observer, const Passage& passage) {
      observer.on_lost(now_, passage, letter.number, "refused");
    });
    run_.endpoint(letter.from).handle_refusal(now_, letter.destination);
    drain(letter.from);
  } else {
    endpoint.handle_datagram(now_, {letter.source, letter.payload, letter.destination});
    drain(letter.to);
  }
  look_whether_over();
}

bool ControlledNetwork::lose(std::size_t place) {
  if (at(place) == nullptr) return false;
  const Letter letter = take(place);
  const bool is_last =
      std::ranges::none_of(letters_, [&](const Letter& other) { return is_same(other, letter); });
  if (is_last && !letter.arrived) {
    ++lost_by(counters_of(letter), LossReason::kDrop);
  } else {
    ++counters_of(letter).copies_dropped;
  }
  tell(letter, [&](Observer& observer, const Passage& passage) {
    observer.on_lost(now_, passage, letter.number, "dropped");
  });
  return true;
}

bool ControlledNetwork::duplicate(std::size_t place) {
  const Letter* const letter = at(place);
  if (letter == nullptr || letters_.size() == kOnTheirWayMax) return false;
  fault();
  Letter copy = *letter;
  for (const Letter& other : letters_) {
    if (is_same(other, copy)) copy.copy = std::max(copy.copy, other.copy);
  }
  ++copy.copy;
  ++counters_of(copy).duplicated;
  letters_.push_back(std::move(copy));
  return true;
}

bool ControlledNetwork::swap(std::size_t place, std::size_t other) {
  Letter* const one = at(place);
  if (one == nullptr || one == at(other)) return false;
  fault();
  std::swap(*one, *at(other));
  return true;
}

bool ControlledNetwork::flip(std::size_t place, std::size_t bit) {
  Letter* const letter = with_bytes_at(place);
  if (letter == nullptr) return false;
  if (!letter->corrupted) ++counters_of(*letter).corrupted;
  letter->corrupted = true;
  bit %= letter->payload.size() * 8;
  letter->payload[bit / 8] ^= std::byte{1} << bit % 8;
  return true;
}

bool ControlledNetwork::cut(std::size_t place, std::size_t bytes_kept) {
  Letter* const letter = with_bytes_at(place);
  if (letter == nullptr) return false;
  if (!letter->truncated) ++counters_of(*letter).truncated;
  letter->truncated = true;
  letter->payload.resize(bytes_kept % letter->payload.size());
  return true;
}

bool ControlledNetwork::time_out() {
  const auto next = next_timeout();
  if (over_ || !next) return false;
  if (!letters_.empty()) fault();  // They are late.
  time_out(*next);
  return true;
}

void ControlledNetwork::time_out(const Timeout& timeout) {
  now_ = std::max(now_, timeout.when);
  ++timeouts_[timeout.host];
  run_.endpoint(timeout.host).handle_timeout(now_);
  drain(timeout.host);
  look_whether_over();
}

bool ControlledNetwork::step() {
  const auto next = next_timeout();
  if (over_) return false;
  if (!letters_.empty() && (!next || now_ + kHop <= next->when)) {
    arrive(take(0));
  } else if (next) {
    time_out(*next);
  } else {
    return false;
  }
  return true;
}

bool ControlledNetwork::settle(std::uint64_t steps_max) {
  for (std::uint64_t steps = 0; steps <= steps_max; ++steps) {
    if (!step()) return !over_;
  }
  return false;
}

void ControlledNetwork::drain(std::size_t host) {
  Endpoint& endpoint = run_.endpoint(host);
  const auto room = std::span(buffer_).first(payload_bytes_max(addresses_[host]));
  for (std::size_t sent = 0;; ++sent) {
    check(sent < kBurstMax, "ControlledNetwork: a host does not stop sending");
    const auto transmit = endpoint.poll_transmit(now_, room);
    if (!transmit) return;
    check(transmit->size <= room.size(), "ControlledNetwork: more was sent than the buffer holds");
    send(host, *transmit, room.first(transmit->size));
  }
}

void ControlledNetwork::send(std::size_t host, const Transmit& transmit,
                             std::span<const std::byte> payload) {
  const Address source = transmit.source.value_or(addresses_[host]);
  const auto to = host_at(transmit.destination);
  if (!to || to == host || host_at(source) != host) {
    ++unroutable_;
    return;
  }
  Letter letter{.from = host,
                .to = *to,
                .source = source,
                .destination = transmit.destination,
                .sent = now_,
                .payload = {payload.begin(), payload.end()}};
  letter.number = ++way(letter).last_number;
  letter.order = ++sent_;
  ++counters_of(letter).offered;
  const bool is_full = letters_.size() == kOnTheirWayMax;
  if (is_full) ++lost_by(counters_of(letter), LossReason::kInFlight);
  tell(letter, [&](Observer& observer, const Passage& passage) {
    observer.on_offered(now_, passage,
                        {.number = letter.number,
                         .fate = &kPlainFate,
                         .copies_in_flight = is_full ? std::size_t{0} : 1,
                         .loss = LossReason::kInFlight});
  });
  if (!is_full) letters_.push_back(std::move(letter));
}

void ControlledNetwork::tell_in_flight() {
  for (std::size_t i = 0; i < letters_.size(); ++i) {
    const Letter& letter = letters_[i];
    const auto is_told = [&](const Letter& other) { return is_same(other, letter); };
    if (letter.arrived ||
        std::any_of(letters_.begin(), letters_.begin() + static_cast<std::ptrdiff_t>(i), is_told)) {
      continue;
    }
    tell(letter, [&](Observer& observer, const Passage& passage) {
      observer.on_in_flight(now_, passage, letter.number);
    });
  }
}

std::optional<std::size_t> ControlledNetwork::host_at(const Address& address) const {
  for (std::size_t host = 0; host < hosts(); ++host) {
    const Address& own = addresses_[host];
    if (own == address || (own.port() == 0 && own == with_port(address, 0))) return host;
  }
  return std::nullopt;
}

std::size_t ControlledNetwork::path_of(const Letter& letter) {
  const std::size_t first = std::min(letter.from, letter.to);
  const std::size_t second = std::max(letter.from, letter.to);
  return second * (second - 1) / 2 + first;
}

std::optional<Instant> ControlledNetwork::earliest_timeout() const {
  const auto next = next_timeout();
  return next ? std::optional(next->when) : std::nullopt;
}

std::optional<ControlledNetwork::Timeout> ControlledNetwork::next_timeout() const {
  std::optional<Timeout> next;
  for (std::size_t host = 0; host < hosts(); ++host) {
    const auto when = run_.endpoint(host).poll_timeout();
    if (when && (!next || *when < next->when)) next = Timeout{*when, host};
  }
  return next;
}

void ControlledNetwork::fault() {
  for (Observer* const observer : observers_) observer->on_fault(now_);
}

template <typename Tell>
void ControlledNetwork::tell(const Letter& letter, Tell&& tell) {
  if (observers_.empty()) return;
  const Passage passage{.path = path_of(letter),
                        .direction = direction_of(letter),
                        .source = letter.source,
                        .destination = letter.destination,
                        .payload = letter.payload};
  for (Observer* const observer : observers_) tell(*observer, passage);
}

}  // namespace lossy
