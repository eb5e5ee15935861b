#include <lossy/core/tftp/client.hpp>

#include <algorithm>
#include <utility>

#include <lossy/core/check.hpp>

namespace lossy::tftp {

std::uint64_t Client::get(std::string_view file) {
  return ask(false, file, {});
}

std::uint64_t Client::put(std::string_view file, std::vector<std::byte> content) {
  return ask(true, file, std::move(content));
}

std::uint64_t Client::ask(bool sends, std::string_view file, std::vector<std::byte> content) {
  check(!file.empty() && file.size() <= kFileNameBytesMax &&
            file.find('\0') == std::string_view::npos,
        "tftp::Client: not a file's name");
  waiting_.push_back({++last_number_, sends, std::string(file), std::move(content)});
  return last_number_;
}

void Client::start_next(Instant now) {
  if (active_ || waiting_.empty()) return;
  Waiting& next = waiting_.front();
  TransferSetup setup{.sends = next.sends,
                      .peer = options_.server,
                      .file = std::move(next.file),
                      .content = std::move(next.content),
                      .options = options_.options,
                      .file_bytes_max = options_.file_bytes_max,
                      .retry = options_.retry,
                      .answers_every_ack = options_.answers_every_ack};
  if (setup.options.file_bytes) setup.options.file_bytes = setup.content.size();
  if (options_.local) setup.local = with_port(*options_.local, ports_.next());
  active_.emplace(std::move(setup), now);
  active_number_ = next.number;
  active_since_ = now;
  waiting_.pop_front();
}

void Client::handle_datagram(Instant now, const Datagram& datagram) {
  const Parsed message = parse(datagram.payload);
  if (std::holds_alternative<Malformed>(message)) {
    ++malformed_;
    return;
  }
  Transfer* const transfer = find(datagram);
  if (transfer != nullptr && transfer->handle(now, datagram.source, message)) {
    settle(now);
    return;
  }
  // An error is never answered by another.
  if (std::holds_alternative<Error>(message)) return;
  const std::optional<Address> local =
      options_.local ? std::optional(datagram.destination) : std::nullopt;
  errands_.add(datagram.source, local, ErrorCode::kUnknownTransfer, "unknown transfer");
}

void Client::handle_refusal(Instant now, const Address& destination) {
  if (active_ && active_->peer() == destination) {
    active_->handle_refusal();
    settle(now);
  }
  for (Transfer& transfer : staying_) {
    if (transfer.peer() == destination) transfer.handle_refusal();
  }
}

void Client::handle_timeout(Instant now) {
  for (Transfer& transfer : staying_) transfer.handle_timeout(now);
  std::erase_if(staying_, [](const Transfer& transfer) { return transfer.is_over(); });
  if (!active_) return;
  active_->handle_timeout(now);
  settle(now);
}

void Client::settle(Instant now) {
  if (!active_ || !active_->end()) return;
  ClientEvent event{.transfer = active_number_,
                    .sends = active_->setup().sends,
                    .file = active_->setup().file,
                    .end = *active_->end(),
                    .reason = active_->reason(),
                    .bytes = active_->bytes(),
                    .counters = active_->counters(),
                    .ended = now,
                    .elapsed = saturating_between(active_since_, now)};
  if (active_->has_file()) event.content = active_->take_file();
  events_.push_back(std::move(event));
  if (!active_->is_over()) staying_.push_back(std::move(*active_));
  active_.reset();
}

std::optional<Transmit> Client::poll_transmit(Instant now, std::span<std::byte> buffer) {
  for (Transfer& transfer : staying_) {
    if (const auto transmit = transfer.poll_transmit(now, buffer)) return transmit;
  }
  start_next(now);
  if (active_) {
    if (const auto transmit = active_->poll_transmit(now, buffer)) return transmit;
  }
  return errands_.poll_transmit(buffer);
}

std::optional<ClientEvent> Client::poll_event() {
  if (events_.empty()) return std::nullopt;
  ClientEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

std::optional<Instant> Client::poll_timeout() const {
  std::optional<Instant> next = active_ ? active_->poll_timeout() : std::nullopt;
  for (const Transfer& transfer : staying_) {
    const auto one = transfer.poll_timeout();
    if (one && (!next || *one < *next)) next = one;
  }
  return next;
}

bool Client::listens_at(const Address& local) const {
  if (!options_.local) return true;
  const auto has = [&](const Transfer& transfer) { return *transfer.setup().local == local; };
  return (active_ && has(*active_)) || std::ranges::any_of(staying_, has);
}

Transfer* Client::find(const Datagram& datagram) {
  const auto is_at = [&](const Transfer& transfer) {
    return !options_.local || *transfer.setup().local == datagram.destination;
  };
  const auto staying = std::ranges::find_if(staying_, [&](const Transfer& transfer) {
    return is_at(transfer) && transfer.peer() == datagram.source;
  });
  if (staying != staying_.end()) return &*staying;
  return active_ && is_at(*active_) ? &*active_ : nullptr;
}

}  // namespace lossy::tftp
