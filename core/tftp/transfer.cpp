#include <lossy/core/tftp/transfer.hpp>

#include <algorithm>
#include <array>
#include <utility>

#include <lossy/core/check.hpp>

namespace lossy::tftp {

std::string_view to_string(End end) {
  constexpr std::array<std::string_view, 4> kWords{"done", "gave_up", "refused", "broken"};
  return kWords[static_cast<std::size_t>(end)];
}

Transfer::Transfer(TransferSetup setup, Instant now)
    : setup_(std::move(setup)), estimator_(setup_.retry), knows_peer_(!setup_.is_client) {
  if (setup_.is_client) {
    due(Turn::kRequest);
    return;
  }
  apply(setup_.options);
  if (!setup_.options.empty()) {
    due(Turn::kOptionAck);
  } else if (setup_.sends) {
    send_next_block();
  } else {
    due(Turn::kAck);
  }
  if (!wants_answer()) deadline_ = saturating_add(now, patience());
}

void Transfer::apply(const TransferOptions& options) {
  block_bytes_ = options.block_bytes.value_or(kBlockBytes);
  if (options.timeout_seconds) {
    setup_.retry.initial_rto = std::chrono::seconds(*options.timeout_seconds);
    estimator_ = RttEstimator(setup_.retry);
  }
  blocks_ = setup_.content.size() / block_bytes_ + 1;  // The last is short, and may be empty.
}

bool Transfer::is_expected(const Parsed& message) const {
  if (std::holds_alternative<Data>(message)) return !setup_.sends;
  if (std::holds_alternative<Ack>(message)) return setup_.sends || turn_ == Turn::kOptionAck;
  if (std::holds_alternative<OptionAck>(message)) return setup_.is_client;
  return std::holds_alternative<Error>(message);
}

bool Transfer::is_first_answer(const Parsed& message) const {
  if (const auto* data = std::get_if<Data>(&message)) return data->block == 1;
  if (const auto* ack = std::get_if<Ack>(&message)) return ack->block == 0;
  return true;
}

bool Transfer::handle(Instant now, const Address& source, const Parsed& message) {
  const bool from_peer =
      knows_peer_ ? source == setup_.peer : with_port(source, 0) == with_port(setup_.peer, 0);
  if (!from_peer || !is_expected(message) || (!knows_peer_ && !is_first_answer(message))) {
    ++counters_.strange;
    return from_peer && knows_peer_;
  }
  if (!knows_peer_) {
    // The first answer says which port the server has for this transfer (RFC 1350 section 4).
    setup_.peer = source;
    knows_peer_ = true;
  }
  std::visit([&](const auto& one) { take(now, one); }, message);
  return true;
}

// As is_expected() has it, neither comes this far.
void Transfer::take(Instant, const Request&) {}
void Transfer::take(Instant, Malformed) {}

void Transfer::acknowledge_again(Instant now) {
  due(Turn::kAck);
  next_ = Next::kRepeat;
  // Whoever repeats it is still there, and may have to once more.
  (end_ ? stays_until_ : deadline_) = saturating_add(now, patience());
}

void Transfer::take(Instant now, const Data& data) {
  const auto expected = static_cast<std::uint16_t>(block_ + 1);
  if (data.block != expected || end_) {
    ++counters_.stale;
    // Its ACK may be lost. Of a transfer that failed nothing is acknowledged any more.
    const bool is_latest = data.block == static_cast<std::uint16_t>(block_) && block_ > 0;
    if (is_latest && (!end_ || end_ == End::kDone)) acknowledge_again(now);
    return;
  }
  if (data.payload.size() > block_bytes_) {
    break_off(ErrorCode::kIllegal, "a block is longer than agreed");
    return;
  }
  if (data.payload.size() > setup_.file_bytes_max - received_.size()) {
    break_off(ErrorCode::kDiskFull, "the file is too long");
    return;
  }
  answered(now);
  ++block_;
  received_bytes_ += data.payload.size();
  received_.insert(received_.end(), data.payload.begin(), data.payload.end());
  due(Turn::kAck);
  deadline_ = saturating_add(now, patience());
  if (data.payload.size() < block_bytes_) {
    end_as(End::kDone, "");
    stays_until_ = deadline_;
  }
}

void Transfer::take(Instant now, const Ack& ack) {
  if (end_) return;
  if (turn_ == Turn::kRequest && setup_.is_client && ack.block == 0) {
    apply({});  // A server that grants nothing.
    answered(now);
    send_next_block();
    return;
  }
  if (turn_ == Turn::kOptionAck && ack.block == 0) {
    answered(now);
    if (setup_.sends) send_next_block();
    return;
  }
  if (turn_ != Turn::kData) {
    ++counters_.strange;
    return;
  }
  if (ack.block == static_cast<std::uint16_t>(block_)) {
    answered(now);
    if (block_ == blocks_) {
      end_as(End::kDone, "");
    } else {
      send_next_block();
    }
    return;
  }
  ++counters_.stale;
  if (setup_.answers_every_ack && ack.block == static_cast<std::uint16_t>(block_ - 1)) {
    next_ = Next::kRepeat;
  }
}

void Transfer::take(Instant now, const OptionAck& ack) {
  if (end_) return;
  if (turn_ != Turn::kRequest) {
    ++counters_.stale;
    // It comes again when the ACK that answers it is lost.
    if (turn_ == Turn::kAck && block_ == 0) acknowledge_again(now);
    return;
  }
  const TransferOptions& asked = setup_.options;
  const TransferOptions& granted = ack.options;
  const bool fits =
      !ack.has_unknown &&
      (!granted.block_bytes || (asked.block_bytes && *granted.block_bytes <= *asked.block_bytes)) &&
      (!granted.timeout_seconds || granted.timeout_seconds == asked.timeout_seconds) &&
      (!granted.file_bytes || asked.file_bytes);
  if (!fits) {
    break_off(ErrorCode::kOptions, "an option was not asked for so");
    return;
  }
  answered(now);
  apply(granted);
  if (setup_.sends) {
    send_next_block();
  } else {
    due(Turn::kAck);
    deadline_ = saturating_add(now, patience());
  }
}

void Transfer::take(Instant, const Error& error) {
  if (end_) return;
  next_ = Next::kNothing;
  const std::string number = std::to_string(static_cast<unsigned>(error.code));
  end_as(End::kRefused, error.text.empty() ? "error " + number : std::string(error.text));
}

void Transfer::handle_refusal() {
  if (end_) {
    stays_until_.reset();
    return;
  }
  next_ = Next::kNothing;
  // Some servers leave with the last ACK that they send, whether it arrives or not.
  const bool all_is_sent = setup_.sends && turn_ == Turn::kData && block_ == blocks_;
  end_as(End::kRefused, all_is_sent
                            ? "nobody listens any more, and the last block is not acknowledged"
                            : "nobody listens");
}

void Transfer::handle_request_again(Instant now) {
  ++counters_.stale;
  // DATA and an OACK, which may have answered it instead, have a timer of their own.
  if (turn_ == Turn::kAck && block_ == 0 && !end_) acknowledge_again(now);
}

void Transfer::handle_timeout(Instant now) {
  if (stays_until_ && *stays_until_ <= now) stays_until_.reset();
  if (end_ || !deadline_ || *deadline_ > now) return;
  if (!wants_answer()) {
    end_as(End::kGaveUp, "the other side is silent");
    return;
  }
  rto_ = estimator_.expired(sent_, rto_);
  if (attempts_ >= setup_.retry.attempts_max) {
    end_as(End::kGaveUp, "no answer");
    return;
  }
  deadline_.reset();
  next_ = Next::kRepeat;
}

std::optional<Transmit> Transfer::poll_transmit(Instant now, std::span<std::byte> buffer) {
  if (next_ == Next::kNothing) return std::nullopt;
  if (next_ == Next::kRepeat) ++counters_.repeated;
  next_ = Next::kNothing;
  ++counters_.sent;
  if (wants_answer()) {
    if (attempts_ == 0) rto_ = estimator_.rto();
    ++attempts_;
    sent_ = now;
    deadline_ = saturating_add(now, rto_);
  }
  return Transmit{
      .destination = setup_.peer, .size = write(message(), buffer), .source = setup_.local};
}

std::optional<Instant> Transfer::poll_timeout() const {
  return end_ ? stays_until_ : deadline_;
}

std::uint64_t Transfer::bytes() const {
  if (!setup_.sends) return received_bytes_;
  if (end_ == End::kDone) return setup_.content.size();
  return block_ == 0 ? 0 : (block_ - 1) * block_bytes_;
}

void Transfer::answered(Instant now) {
  if (!wants_answer()) return;
  if (attempts_ == 1) estimator_.sample(sent_, now);
  attempts_ = 0;
  deadline_.reset();
}

void Transfer::due(Turn turn) {
  turn_ = turn;
  next_ = Next::kSend;
}

void Transfer::send_next_block() {
  ++block_;
  attempts_ = 0;
  due(Turn::kData);
}

void Transfer::end_as(End end, std::string reason) {
  end_ = end;
  reason_ = std::move(reason);
}

void Transfer::break_off(ErrorCode code, std::string_view why) {
  error_ = code;
  end_as(End::kBroken, std::string(why));
  due(Turn::kError);
}

Message Transfer::message() const {
  switch (turn_) {
    case Turn::kRequest:
      return Request{setup_.sends, setup_.file, setup_.options};
    case Turn::kOptionAck:
      return OptionAck{setup_.options, false};
    case Turn::kAck:
      return Ack{static_cast<std::uint16_t>(block_)};
    case Turn::kError:
      return Error{error_, reason_};
    case Turn::kData:
      break;
  }
  const std::size_t from = static_cast<std::size_t>(block_ - 1) * block_bytes_;
  const std::span<const std::byte> content(setup_.content);
  return Data{static_cast<std::uint16_t>(block_),
              content.subspan(from, std::min<std::size_t>(block_bytes_, content.size() - from))};
}

Duration Transfer::patience() const {
  Duration sum{};
  Duration rto = std::min(setup_.retry.initial_rto, setup_.retry.max_rto);
  // The others' bound is theirs: as many attempts as ours, and at most what the first ten take.
  for (int attempt = 0; attempt < std::min(setup_.retry.attempts_max, 10); ++attempt) {
    sum += rto;
    rto = estimator_.backed_off(rto);
  }
  return sum;
}

}  // namespace lossy::tftp
