#include <lossy/harness/capture/two_sided_replay.hpp>

#include <fmt/format.h>

#include <algorithm>

#include <lossy/harness/capture/hexdump.hpp>

namespace lossy {
namespace {

// In how many of the latest records the sent counterpart of one that arrived is looked for.
constexpr std::size_t kTailRecords = 256;
// How far ahead the record is looked for that says when a datagram should have been sent.
constexpr int kRecordsAhead = 100'000;
// A client may give up on every request that it can hold, one after the other.
constexpr std::uint64_t kSilentTimeoutsMax = 10'000'000;

// The last instant at which anything can happen: Instant::max() stands for never.
constexpr Instant kLastInstant = Instant::max() - Duration(1);

std::string_view name_of(RecordedHost host) {
  return host == RecordedHost::kClient ? "client" : "server";
}

bool is_same(const ReplayedEndpoint::Sent& sent, const Frame& frame) {
  return sent.destination == frame.destination &&
         sent.source.value_or(frame.source) == frame.source &&
         !first_difference(frame.payload, sent.payload);
}

}  // namespace

std::optional<ReplayedEndpoint::Sent> ReplayedEndpoint::next_sent(Instant until) {
  for (std::uint64_t silent = 0; !stuck_; ++silent) {
    if (const auto transmit = endpoint_->poll_transmit(now_, buffer_)) {
      return Sent{now_, transmit->destination, transmit->source,
                  std::span(buffer_).first(transmit->size)};
    }
    const std::optional<Instant> due = endpoint_->poll_timeout();
    if (!due || *due > until) return std::nullopt;
    now_ = std::max(now_, *due);
    endpoint_->handle_timeout(now_);
    stuck_ = silent == kSilentTimeoutsMax;
  }
  return std::nullopt;
}

std::optional<ReplayedEndpoint::Sent> ReplayedEndpoint::sent_at(Instant now) {
  const auto is_due = [&] {
    const std::optional<Instant> due = endpoint_->poll_timeout();
    return due && *due <= now;
  };
  if (now_ < now) {
    now_ = now;
    if (is_due()) endpoint_->handle_timeout(now_);
  }
  return next_sent(now);
}

void ReplayedEndpoint::receive(Instant now, const Datagram& datagram) {
  now_ = now;
  endpoint_->handle_datagram(now, datagram);
}

void ReplayedEndpoint::hear_refusal(Instant now, const Address& destination) {
  now_ = std::max(now_, now);
  endpoint_->handle_refusal(now_, destination);
}

TwoSidedReplay::TwoSidedReplay(PcapReader& reader, Endpoint* client, Endpoint& server,
                               RecordedBy by)
    : reader_(reader), by_(by), server_(server), tail_(kTailRecords) {
  if (client != nullptr) client_.emplace(*client);
}

void TwoSidedReplay::describe_with(PayloadWords words) {
  tail_ = RecordTail(kTailRecords, std::move(words));
}

bool TwoSidedReplay::is_sent_by(const Frame& frame, RecordedHost host) const {
  return is_ours(frame) && frame.interface == static_cast<std::uint32_t>(host) &&
         frame.type == PacketType::kOutgoing;
}

Instant TwoSidedReplay::surely_over(Instant time) const {
  // In virtual time all of the instants before; what is due at this one comes after it.
  return time - (by_ == RecordedBy::kRealRun ? kLateMax : Duration(1));
}

// Real time did not begin at Instant{}, but when the first datagram was sent.
void TwoSidedReplay::start(Instant time) {
  if (by_ != RecordedBy::kRealRun) return;
  server_.start(time);
  if (client_) client_->start(time);
}

ReplayedEndpoint* TwoSidedReplay::endpoint_of(RecordedHost host) {
  if (host == RecordedHost::kServer) return &server_;
  return client_ ? &*client_ : nullptr;
}

void TwoSidedReplay::run() {
  while (const auto record = reader_.next()) {
    const auto decoded = decode_record(*record);
    const auto* frame = std::get_if<Frame>(&decoded);
    if (frame == nullptr || !is_ours(*frame)) continue;
    if (records_ == 0) start(record->time);
    records_ = record->number;
    replay(*record, *frame);
    if (ended()) return;
    tail_.push(*record);
  }
  check_end();
}

void TwoSidedReplay::replay(const CaptureRecord& record, const Frame& frame) {
  const bool is_clients = frame.interface == static_cast<std::uint32_t>(RecordedHost::kClient);
  now_ = record.time;
  const bool is_sent = frame.type == PacketType::kOutgoing;
  const bool is_uplink = is_clients == is_sent;
  flow_ = is_uplink ? FlowAddresses{frame.source, frame.destination}
                    : FlowAddresses{frame.destination, frame.source};
  if (flows_.insert(flow_).second && flows_.size() > kReplayFlowsMax) {
    failure_ = fmt::format("has more than {} flows", kReplayFlowsMax);
    return;
  }
  tell_refusals(now_, record);
  if (!ended()) check_silence_before(now_, record);
  if (ended()) return;

  const RecordedHost host = is_clients ? RecordedHost::kClient : RecordedHost::kServer;
  ReplayedEndpoint* const endpoint = endpoint_of(host);
  if (endpoint != nullptr && is_sent) check_sent(*endpoint, record, frame);
  if (ended() || !check_intact(record, frame) || endpoint == nullptr || is_sent) return;

  // What it still wants to send at this very moment comes before what it receives.
  if (const auto sent = endpoint->next_sent(surely_over(now_))) {
    return report_unexpected(host, *sent, record);
  }
  ++received_;
  if (!endpoint->listens_at(frame.destination)) return refuse(record, frame);
  endpoint->receive(now_, {frame.source, frame.payload, frame.destination});
}

void TwoSidedReplay::refuse(const CaptureRecord& record, const Frame& frame) {
  const std::optional<CaptureRecord> sent = find_sent(frame);
  const Duration took = sent ? record.time - sent->time : Duration::zero();
  const bool is_clients = frame.interface == static_cast<std::uint32_t>(RecordedHost::kClient);
  const Refusal refusal{record.time + took,
                        is_clients ? RecordedHost::kServer : RecordedHost::kClient,
                        frame.destination};
  refusals_.insert(std::ranges::upper_bound(refusals_, refusal.due, {}, &Refusal::due), refusal);
}

void TwoSidedReplay::tell_refusals(Instant until, const std::optional<CaptureRecord>& record) {
  while (!refusals_.empty() && refusals_.front().due <= until) {
    const Refusal refusal = refusals_.front();
    refusals_.pop_front();
    ReplayedEndpoint* const endpoint = endpoint_of(refusal.host);
    if (endpoint == nullptr) continue;
    if (const auto sent = endpoint->next_sent(surely_over(refusal.due))) {
      return report_unexpected(refusal.host, *sent, record);
    }
    endpoint->hear_refusal(refusal.due, refusal.destination);
  }
}

// Whatever an endpoint sends before the record's time should have had a record before this one.
void TwoSidedReplay::check_silence_before(Instant time, const CaptureRecord& record) {
  for (const RecordedHost host : {RecordedHost::kClient, RecordedHost::kServer}) {
    ReplayedEndpoint* const endpoint = endpoint_of(host);
    if (endpoint == nullptr || endpoint->now() >= time) continue;
    if (const auto sent = endpoint->next_sent(surely_over(time))) {
      return report_unexpected(host, *sent, record);
    }
    if (endpoint->is_stuck()) {
      failure_ = fmt::format("the {} runs timeout after timeout at record {}", name_of(host),
                             record.number);
      return;
    }
  }
}

void TwoSidedReplay::check_sent(ReplayedEndpoint& endpoint, const CaptureRecord& record,
                                const Frame& frame) {
  const auto host = static_cast<RecordedHost>(frame.interface);
  const auto sent = endpoint.sent_at(record.time);
  if (sent && is_same(*sent, frame)) {
    ++sent_;
    return;
  }
  const DifferenceSide expected = lossy::side_of(record, frame, tail_.words());
  if (sent) {
    const bool other_bytes = first_difference(frame.payload, sent->payload).has_value();
    const bool elsewhere = sent->destination != frame.destination;
    return report(host,
                  other_bytes ? "sends other bytes"
                  : elsewhere ? "sends to another address"
                              : "sends from another address",
                  record.number, expected, side_of(*sent));
  }
  const auto next = endpoint.next_sent(kLastInstant);
  report(host, "does not send it then", record.number, expected,
         side_of_nothing(next ? "; the next is " + side_of(*next).line : ""));
}

DifferenceSide TwoSidedReplay::side_of(const Sent& sent) const {
  return lossy::side_of(sent.time, sent.destination, sent.payload, tail_.words());
}

void TwoSidedReplay::check_end() {
  tell_refusals(kLastInstant, std::nullopt);
  if (ended()) return;
  for (const RecordedHost host : {RecordedHost::kClient, RecordedHost::kServer}) {
    ReplayedEndpoint* const endpoint = endpoint_of(host);
    if (endpoint == nullptr) continue;
    if (const auto sent = endpoint->next_sent(kLastInstant)) {
      return report_unexpected(host, *sent, std::nullopt);
    }
    if (endpoint->is_stuck()) {
      failure_ = fmt::format("the {} runs timeout after timeout at the end", name_of(host));
      return;
    }
  }
}

// A recording has good checksums only: what its link corrupted, too, has one that fits. So one that
// does not fit shows that the file was changed, even where no endpoint notices. What was changed
// shows beside the same datagram at the other host.
bool TwoSidedReplay::check_intact(const CaptureRecord& record, const Frame& frame) {
  if (take_bad_checksums_ ||
      (frame.udp_checksum == Checksum::kGood && frame.ip_checksum == Checksum::kGood)) {
    return true;
  }
  // Copied, because looking ahead takes the record's own bytes away.
  const std::vector<std::byte> payload(frame.payload.begin(), frame.payload.end());
  DifferenceSide actual = lossy::side_of(record, frame, tail_.words());
  actual.payload = payload;
  DifferenceSide expected = side_of_nothing(" like it at the other host");
  const std::optional<CaptureRecord> other = find_counterpart(frame);
  if (other) {
    expected = lossy::side_of(*other, std::get<Frame>(decode_record(*other)), tail_.words());
  }
  difference_ = describe_difference(
      reader_, tail_,
      {.title = "the checksum does not fit: the file was changed after it was recorded "
                "(--bad-checksums takes it as it is)",
       .record = record.number,
       .flow = flow_,
       .expected = expected,
       .actual = actual});
  different_record_ = record.number;
  return false;
}

bool TwoSidedReplay::is_counterpart(const CaptureRecord& record, const Frame& wanted) const {
  const auto decoded = decode_record(record);
  const auto* other = std::get_if<Frame>(&decoded);
  return other != nullptr && is_ours(*other) && other->interface != wanted.interface &&
         other->type != wanted.type && other->source == wanted.source &&
         other->destination == wanted.destination && other->identification == wanted.identification;
}

std::optional<CaptureRecord> TwoSidedReplay::find_counterpart(const Frame& frame) {
  if (frame.type != PacketType::kOutgoing) return find_sent(frame);
  const Frame wanted = frame;
  for (int i = 0; i < kRecordsAhead; ++i) {
    const std::optional<CaptureRecord> ahead = reader_.next();
    if (!ahead || is_counterpart(*ahead, wanted)) return ahead;
  }
  return std::nullopt;
}

std::optional<CaptureRecord> TwoSidedReplay::find_sent(const Frame& frame) const {
  std::optional<CaptureRecord> found;
  for (const CaptureRecord& before : tail_.records()) {
    if (is_counterpart(before, frame)) found = before;
  }
  return found;
}

// Looks from `record` on for what the capture says the host sent next.
void TwoSidedReplay::report_unexpected(RecordedHost host, const Sent& sent,
                                       const std::optional<CaptureRecord>& record) {
  const std::uint64_t at = record ? record->number : records_ + 1;
  std::string next;
  auto ahead = record;
  for (int i = 0; i < kRecordsAhead && ahead && next.empty(); ++i) {
    const auto decoded = decode_record(*ahead);
    const auto* frame = std::get_if<Frame>(&decoded);
    if (frame != nullptr && is_sent_by(*frame, host)) {
      next = "; the next is " + describe_record(*ahead, tail_.words());
    } else {
      ahead = reader_.next();
    }
  }
  report(host, "sends what the capture does not have then", at, side_of_nothing(next),
         side_of(sent));
}

void TwoSidedReplay::report(RecordedHost host, const std::string& title, std::uint64_t record,
                            const DifferenceSide& expected, const DifferenceSide& actual) {
  const ReplayDifference difference{.title = fmt::format("the {} {}", name_of(host), title),
                                    .record = record,
                                    .flow = flow_,
                                    .expected = expected,
                                    .actual = actual};
  difference_ = describe_difference(reader_, tail_, difference);
  different_record_ = difference.record;
}

}  // namespace lossy
