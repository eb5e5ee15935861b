#include <lossy/core/greeting/client.hpp>

#include <algorithm>
#include <utility>

#include <lossy/core/check.hpp>

namespace lossy {

Client::Client(const ClientOptions& options) : options_(options), estimator_(options.retry) {
  const RetryOptions& retry = options.retry;
  check(options.window >= 1 && options.window <= ClientOptions::kWindowMax,
        "ClientOptions: window outside 1 to kWindowMax");
  check(retry.attempts_max >= 1, "RetryOptions: attempts_max below 1");
  check(retry.initial_rto > Duration::zero() && retry.min_rto > Duration::zero() &&
            retry.min_rto <= retry.max_rto && retry.initial_rto <= retry.max_rto &&
            retry.max_rto <= kDurationMax,
        "RetryOptions: a timeout is outside its range");
}

std::optional<std::uint64_t> Client::greet(std::string_view name) {
  check(std::holds_alternative<std::string_view>(
            parse_request(std::as_bytes(std::span(name.data(), name.size())))),
        "Client::greet: not a name");
  if (pending_ == kRequestsMax) return std::nullopt;
  const std::uint32_t index = allocate();
  Request& request = requests_[index];
  request.name.assign(name);
  request.hash = hash_name(name);
  request.number = ++last_number_;
  request.attempts = 0;
  append(waiting_, index);
  ++pending_;
  return request.number;
}

std::size_t Client::window_left() const {
  const std::size_t taken = outstanding() + released_.size + waiting_.size;
  return taken < options_.window ? options_.window - taken : 0;
}

void Client::handle_datagram(Instant now, const Datagram& datagram) {
  ++counters_.received;
  if (datagram.source != options_.server) {
    ++counters_.wrong_source;
    return;
  }
  const ParsedName parsed = parse_greeting(datagram.payload);
  if (const auto* reason = std::get_if<Malformed>(&parsed)) {
    ++counters_.refused[static_cast<std::size_t>(*reason)];
    return;
  }
  const auto name = std::get<std::string_view>(parsed);
  const std::uint32_t index = find_outstanding(hash_name(name), name);
  if (index == kNone) {
    ++counters_.unexpected;
    return;
  }
  const Request& request = requests_[index];
  // Karn's rule: which of several transmissions was answered cannot be known, so nothing is learnt.
  if (request.attempts == 1) {
    estimator_.sample(request.first_sent, now);
  }
  end(now, index, ClientEvent::Kind::kGreeted);
}

void Client::handle_timeout(Instant now) {
  timeouts_until_ = std::max(timeouts_until_, now);
  give_up_exhausted();
}

std::optional<Transmit> Client::poll_transmit(Instant now, std::span<std::byte> buffer) {
  give_up_exhausted();
  if (!timers_.empty() && timers_.front().deadline <= timeouts_until_) {
    const std::uint32_t index = timers_.front().request;
    timer_remove(index);
    back_off(requests_[index]);
    return Transmit{options_.server, transmit(now, index, buffer)};
  }
  if (const std::uint32_t index = take_startable(); index != kNone) {
    requests_[index].first_sent = now;
    requests_[index].rto = estimator_.rto();
    outstanding_names_.insert(requests_[index].hash, index);
    return Transmit{options_.server, transmit(now, index, buffer)};
  }
  return std::nullopt;
}

std::optional<ClientEvent> Client::poll_event() {
  if (told_ != kNone) free_.push_back(std::exchange(told_, kNone));
  if (ended_.size == 0) return std::nullopt;
  told_ = take_first(ended_);
  const Request& request = requests_[told_];
  return ClientEvent{.kind = request.end,
                     .attempts = request.attempts,
                     .request = request.number,
                     .name = request.name,
                     .ended = request.ended_at,
                     .elapsed = saturating_between(request.first_sent, request.ended_at)};
}

std::uint32_t Client::allocate() {
  if (free_.empty()) {
    requests_.emplace_back();
    free_.reserve(requests_.capacity());  // Giving one back never allocates.
    return static_cast<std::uint32_t>(requests_.size() - 1);
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  return index;
}

void Client::append(List& list, std::uint32_t index) {
  requests_[index].next = kNone;
  if (list.size == 0) {
    list.head = index;
  } else {
    requests_[list.tail].next = index;
  }
  list.tail = index;
  ++list.size;
}

std::uint32_t Client::take_first(List& list) {
  const std::uint32_t index = list.head;
  list.head = requests_[index].next;
  --list.size;
  return index;
}

std::uint32_t Client::find_outstanding(std::uint64_t hash, std::string_view name) const {
  return outstanding_names_.find(
      hash, [&](std::uint32_t index) { return requests_[index].name == name; });
}

std::uint32_t Client::take_startable() {
  if (outstanding() == options_.window) return kNone;
  if (released_.size > 0) return take_first(released_);
  while (waiting_.size > 0) {
    const std::uint32_t index = take_first(waiting_);
    const std::uint32_t same = find_outstanding(requests_[index].hash, requests_[index].name);
    if (same == kNone) return index;
    append(requests_[same].waiters, index);
  }
  return kNone;
}

std::size_t Client::transmit(Instant now, std::uint32_t index, std::span<std::byte> buffer) {
  Request& request = requests_[index];
  ++request.attempts;
  request.last_sent = now;
  timer_insert({saturating_add(now, request.rto), index});
  ++counters_.sent;
  return write_request(request.name, buffer);
}

void Client::back_off(Request& request) {
  request.rto = estimator_.expired(request.last_sent, request.rto);
}

void Client::end(Instant now, std::uint32_t index, ClientEvent::Kind kind) {
  Request& request = requests_[index];
  request.end = kind;
  request.ended_at = now;
  timer_remove(index);
  outstanding_names_.erase(request.hash, index);
  --pending_;
  if (request.waiters.size > 0) {
    // The first that waited for this name may be sent now, and the others wait for that one.
    const std::uint32_t first = take_first(request.waiters);
    requests_[first].waiters = std::exchange(request.waiters, List{});
    append(released_, first);
  }
  append(ended_, index);
}

void Client::give_up_exhausted() {
  while (!timers_.empty()) {
    const Timer& first = timers_.front();
    Request& request = requests_[first.request];
    if (first.deadline > timeouts_until_ || request.attempts < options_.retry.attempts_max) return;
    back_off(request);
    end(timeouts_until_, first.request, ClientEvent::Kind::kGaveUp);
  }
}

bool Client::earlier(const Timer& a, const Timer& b) const {
  if (a.deadline != b.deadline) return a.deadline < b.deadline;
  return requests_[a.request].number < requests_[b.request].number;
}

void Client::timer_set(std::size_t place, const Timer& timer) {
  timers_[place] = timer;
  requests_[timer.request].timer = static_cast<std::uint32_t>(place);
}

void Client::timer_insert(const Timer& timer) {
  timers_.push_back(timer);
  timer_settle(timers_.size() - 1, timer);
}

void Client::timer_remove(std::uint32_t index) {
  const std::size_t place = requests_[index].timer;
  const Timer last = timers_.back();
  timers_.pop_back();
  if (place < timers_.size()) timer_settle(place, last);
}

void Client::timer_settle(std::size_t place, const Timer& timer) {
  // A hole moves up, or else down, to where the timer belongs.
  while (place > 0 && earlier(timer, timers_[(place - 1) / 2])) {
    timer_set(place, timers_[(place - 1) / 2]);
    place = (place - 1) / 2;
  }
  for (std::size_t child = 2 * place + 1; child < timers_.size(); child = 2 * place + 1) {
    if (child + 1 < timers_.size() && earlier(timers_[child + 1], timers_[child])) ++child;
    if (!earlier(timers_[child], timer)) break;
    timer_set(place, timers_[child]);
    place = child;
  }
  timer_set(place, timer);
}

}  // namespace lossy
