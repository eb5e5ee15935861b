#include <lossy/harness/sim/client_model.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

#include <lossy/core/check.hpp>
#include <lossy/harness/sim/properties.hpp>
#include <lossy/harness/sim/reference_grammar.hpp>

namespace lossy {

ClientModel::ClientModel(std::size_t requests_max) : requests_(requests_max) {
  check(requests_max >= 1, "ClientModel: no room for requests");
}

void ClientModel::start(const ClientOptions& options) {
  options_ = options;
  rto_ = ReferenceRto(options.retry);
  counters_ = {};
  timed_out_ = Instant::min();
  perfect_ = false;
  count_ = 0;
}

std::string_view ClientModel::name_of(std::size_t request) const {
  return {requests_[request].name.data(), requests_[request].name_bytes};
}

void ClientModel::asked(std::string_view name, std::optional<std::uint64_t> number) {
  must(number == count_ + 1, GreetingProperty::kNumbered);
  Request& request = requests_[count_++];
  std::memcpy(request.name.data(), name.data(), name.size());
  request.name_bytes = static_cast<std::uint16_t>(name.size());
  request.state = State::kWaiting;
  request.sent_when_perfect = false;
  request.attempts = 0;
  request.backed_off_to = Duration::zero();
  request.measured = false;
}

void ClientModel::received(Instant now, const Datagram& datagram) {
  ++counters_.received;
  if (datagram.source != options_.server) {
    ++counters_.wrong_source;
    return;
  }
  const std::string_view text(reinterpret_cast<const char*>(datagram.payload.data()),
                              datagram.payload.size());
  std::string_view name;
  if (const auto reason = why_no_greeting(text, name)) {
    ++counters_.refused[static_cast<std::size_t>(*reason)];
    return;
  }
  const std::size_t found = find(State::kOutstanding, name);
  if (found == count_) {
    ++counters_.unexpected;
    return;
  }
  Request& request = requests_[found];
  if (request.attempts == 1) measured(now, request);
  request.state = State::kGreeted;
  request.ended = now;
}

void ClientModel::timed_out(Instant now) {
  timed_out_ = now;
  for (std::size_t i = 0; i < count_; ++i) {
    Request& request = requests_[i];
    if (request.state == State::kOutstanding && request.deadline <= now &&
        request.attempts == options_.retry.attempts_max) {
      must(!request.sent_when_perfect, GreetingProperty::kGreetedWhenPerfect);
      backed_off(request);
      request.state = State::kGaveUp;
      request.ended = now;
    }
  }
}

void ClientModel::sent(Instant now, const Address& destination, std::string_view payload) {
  must(destination == options_.server, GreetingProperty::kToTheServer);
  ++counters_.sent;
  const std::size_t outstanding = find(State::kOutstanding, payload);
  if (outstanding < count_) {
    sent_again(now, outstanding);
  } else {
    const std::size_t waiting = find(State::kWaiting, payload);
    must(waiting < count_ || find(State::kGaveUp, payload) == count_, GreetingProperty::kAttempts);
    must(waiting < count_, GreetingProperty::kAskedFor);
    sent_first(now, waiting);
  }
}

void ClientModel::sent_first(Instant now, std::size_t index) {
  must(count_of(State::kOutstanding) < options_.window, GreetingProperty::kWindow);
  for (std::size_t older = 0; older < index; ++older) {
    must(requests_[older].state != State::kWaiting || has_older_namesake(older),
         GreetingProperty::kOrder);
  }
  Request& request = requests_[index];
  request.state = State::kOutstanding;
  request.sent_when_perfect = perfect_;
  request.attempts = 1;
  request.first_sent = now;
  request.last_sent = now;
  request.rto = first_rto();
  request.deadline = saturating_add(now, request.rto);
}

void ClientModel::sent_again(Instant now, std::size_t index) {
  Request& request = requests_[index];
  must(request.attempts < options_.retry.attempts_max, GreetingProperty::kAttempts);
  must(request.deadline <= timed_out_, GreetingProperty::kNotEarly);
  for (std::size_t other = 0; other < count_; ++other) {
    const bool waits =
        requests_[other].state == State::kOutstanding && requests_[other].deadline <= timed_out_;
    must(
        !waits || std::pair(request.deadline, index) <= std::pair(requests_[other].deadline, other),
        GreetingProperty::kEarliestFirst);
  }
  request.sent_when_perfect = perfect_;
  ++request.attempts;
  backed_off(request);
  request.last_sent = now;
  request.deadline = saturating_add(now, request.rto);
}

// What any request came to before is forgotten.
void ClientModel::measured(Instant now, Request& request) {
  rto_.measured(now - request.first_sent);
  request.measured = true;
  for (std::size_t i = 0; i < count_; ++i) requests_[i].backed_off_to = Duration::zero();
}

// New requests are to wait as long, unless one that was sent later is known to have been answered
// in time.
void ClientModel::backed_off(Request& request) {
  request.rto = std::min(request.rto * 2, options_.retry.max_rto);
  for (std::size_t i = 0; i < count_; ++i) {
    if (requests_[i].measured && requests_[i].first_sent > request.last_sent) return;
  }
  request.backed_off_to = request.rto;
}

Duration ClientModel::first_rto() const {
  Duration rto = rto_.value();
  for (std::size_t i = 0; i < count_; ++i) rto = std::max(rto, requests_[i].backed_off_to);
  return rto;
}

void ClientModel::told(const ClientEvent& event) {
  must(event.request >= 1 && event.request <= count_, GreetingProperty::kAboutARequest);
  const auto index = static_cast<std::size_t>(event.request - 1);
  Request& request = requests_[index];
  must(request.state != State::kTold, GreetingProperty::kEndsOnce);
  must(request.state == State::kGreeted || request.state == State::kGaveUp,
       GreetingProperty::kEndsForAReason);
  must((event.kind == ClientEvent::Kind::kGreeted) == (request.state == State::kGreeted),
       GreetingProperty::kGreetedWhenAnswered);
  must(event.name == name_of(index), GreetingProperty::kEventName);
  must(event.attempts == request.attempts, GreetingProperty::kEventAttempts);
  must(event.ended == request.ended && event.elapsed == request.ended - request.first_sent,
       GreetingProperty::kEventTimes);
  request.state = State::kTold;
}

void ClientModel::settled(const Client& client) const {
  std::size_t pending = 0;
  std::size_t outstanding = 0;
  std::optional<Instant> earliest;
  for (std::size_t i = 0; i < count_; ++i) {
    const Request& request = requests_[i];
    must(request.state != State::kGreeted && request.state != State::kGaveUp,
         GreetingProperty::kTold);
    if (request.state == State::kTold) continue;
    ++pending;
    if (request.state != State::kOutstanding) continue;
    ++outstanding;
    must(request.deadline > timed_out_, GreetingProperty::kSentAgain);
    earliest = earliest ? std::min(*earliest, request.deadline) : request.deadline;
  }
  must(client.pending() == pending, GreetingProperty::kPending);
  must(client.outstanding() == outstanding, GreetingProperty::kOutstanding);
  must(client.poll_timeout() == earliest, GreetingProperty::kTimer);
  for (std::size_t i = 0; outstanding < options_.window && i < count_; ++i) {
    must(requests_[i].state != State::kWaiting || is_outstanding(name_of(i)),
         GreetingProperty::kNotIdle);
  }
  const ClientCounters& counters = client.counters();
  must(counters.sent == counters_.sent, GreetingProperty::kCountsSent);
  must(counters.received == counters_.received && counters.wrong_source == counters_.wrong_source &&
           counters.unexpected == counters_.unexpected && counters.refused == counters_.refused,
       GreetingProperty::kCountsReceived);
}

std::size_t ClientModel::count_of(State state) const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < count_; ++i) count += requests_[i].state == state ? 1 : 0;
  return count;
}

std::size_t ClientModel::find(State state, std::string_view name) const {
  for (std::size_t i = 0; i < count_; ++i) {
    if (requests_[i].state == state && name_of(i) == name) return i;
  }
  return count_;
}

bool ClientModel::has_older_namesake(std::size_t request) const {
  for (std::size_t older = 0; older < request; ++older) {
    if (name_of(older) == name_of(request)) return true;
  }
  return false;
}

}  // namespace lossy
