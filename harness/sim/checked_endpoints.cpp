#include <lossy/harness/sim/checked_endpoints.hpp>

#include <cstring>

#include <lossy/harness/sim/properties.hpp>
#include <lossy/harness/sim/reference_grammar.hpp>

namespace lossy {
namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

void CheckedClient::start(const ClientOptions& options) {
  client_.emplace(options);
  model_.start(options);
}

void CheckedClient::greet(std::string_view name) {
  model_.asked(name, client_->greet(name));
}

void CheckedClient::handle_datagram(Instant now, const Datagram& datagram) {
  client_->handle_datagram(now, datagram);
  model_.received(now, datagram);
}

void CheckedClient::handle_timeout(Instant now) {
  client_->handle_timeout(now);
  model_.timed_out(now);
}

std::optional<Transmit> CheckedClient::poll_transmit(Instant now, std::span<std::byte> buffer) {
  const auto transmit = client_->poll_transmit(now, buffer);
  if (transmit) model_.sent(now, transmit->destination, text_of(buffer.first(transmit->size)));
  return transmit;
}

std::optional<ClientEvent> CheckedClient::poll_event() {
  const auto event = client_->poll_event();
  if (event) model_.told(*event);
  return event;
}

void CheckedClient::all_must_have_ended() const {
  must(client_->pending() == 0 && model_.all_ended(), GreetingProperty::kAllEnd);
  must(!client_->poll_timeout(), GreetingProperty::kNothingLeft);
}

void CheckedServer::start() {
  server_.emplace();
  counters_ = {};
  answer_is_due_ = false;
}

void CheckedServer::handle_datagram(Instant now, const Datagram& datagram) {
  must(!answer_is_due_, GreetingProperty::kServerAnswers);
  server_->handle_datagram(now, datagram);
  ++counters_.received;
  const std::string_view name = text_of(datagram.payload);
  if (const auto reason = why_no_name(name)) {
    ++counters_.refused[static_cast<std::size_t>(*reason)];
    return;
  }
  ++counters_.answered;
  answer_is_due_ = true;
  from_ = datagram.source;
  name_bytes_ = name.size();
  std::memcpy(name_.data(), name.data(), name.size());
}

std::optional<Transmit> CheckedServer::poll_transmit(Instant now, std::span<std::byte> buffer) {
  const auto answer = server_->poll_transmit(now, buffer);
  must(answer_is_due_ || !answer, GreetingProperty::kServerSilent);
  must(!answer_is_due_ || answer, GreetingProperty::kServerAnswers);
  if (!answer) return std::nullopt;
  answer_is_due_ = false;
  must(answer->destination == from_, GreetingProperty::kServerReturns);
  std::string_view greeted;
  must(!why_no_greeting(text_of(buffer.first(answer->size)), greeted) &&
           greeted == std::string_view(name_.data(), name_bytes_),
       GreetingProperty::kServerGreets);
  return answer;
}

std::optional<Instant> CheckedServer::poll_timeout() const {
  must(!server_->poll_timeout(), GreetingProperty::kServerTimeless);
  return std::nullopt;
}

void CheckedServer::settled() const {
  must(!answer_is_due_, GreetingProperty::kServerAnswers);
  must(!server_->poll_timeout(), GreetingProperty::kServerTimeless);
  const ServerCounters& counters = server_->counters();
  must(counters.received == counters_.received && counters.answered == counters_.answered &&
           counters.refused == counters_.refused,
       GreetingProperty::kServerCounts);
}

}  // namespace lossy
