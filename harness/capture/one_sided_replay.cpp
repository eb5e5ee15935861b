#include <lossy/harness/capture/one_sided_replay.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include <lossy/core/greeting/message.hpp>
#include <lossy/harness/capture/hexdump.hpp>
#include <lossy/harness/capture/reassembler.hpp>
#include <lossy/harness/capture/recorder.hpp>

namespace lossy {

std::size_t OneSidedReplay::HashFlow::operator()(const FlowAddresses& flow) const {
  const std::hash<Address> hash;
  return hash(flow.client) * 31 + hash(flow.server);
}

bool OneSidedReplay::survey(const Frame& frame) {
  const Kind kind = classify(frame);
  if (kind == Kind::kOther) return false;
  const auto is_one = [](const ParsedName& name) {
    return std::holds_alternative<std::string_view>(name);
  };
  if (kind == Kind::kAnswer) {
    ++answers_;
    if (is_one(parse_greeting(frame.payload))) ++greetings_;
  } else if (is_one(parse_request(frame.payload))) {
    ++names_;
  }
  const FlowAddresses addresses = addresses_of(kind, frame);
  if (flows_.size() == kReplayFlowsMax && !flows_.contains(addresses)) {
    too_many_flows_ = true;
  } else {
    flows_.try_emplace(addresses);
  }
  return true;
}

void OneSidedReplay::run(PcapReader& reader, Endpoint& server) {
  if (too_many_flows_) {
    failure_ = fmt::format("has more than {} flows", kReplayFlowsMax);
    return;
  }
  reader_ = &reader;
  buffer_.resize(kPayloadBytesMax);
  Reassembler reassembler;
  while (const auto record = reader.next()) {
    const auto decoded = reassembler.decode(*record);
    const auto* frame = std::get_if<Frame>(&decoded);
    const Kind kind = frame == nullptr ? Kind::kOther : classify(*frame);
    if (kind == Kind::kOther) continue;
    records_ = record->number;
    now_ = std::max(now_, record->time);
    while (time_out(server, saturating_add(now_, -kLateMax))) {
    }
    if (!difference_.empty() || !failure_.empty()) return;
    Flow& flow = flows_[addresses_of(kind, *frame)];
    flow.last = now_;
    if (server_port_ &&
        flow.views.seen_before(*frame, record->interface, kind == Kind::kRequest, record->time)) {
      ++repeated_;
      continue;
    }
    if (kind == Kind::kRequest) {
      flow.asked = true;
      replay_request(*frame, flow, server);
    } else if (server_port_ && !flow.asked) {
      ++unasked_;
    } else {
      replay_answer(*record, *frame, flow, server);
    }
    if (!difference_.empty() || !failure_.empty()) return;
    tail_.push(*record);
  }
  check_end();
}

// A client may have the server's port as its own. Then who was asked first is the server.
OneSidedReplay::Kind OneSidedReplay::classify(const Frame& frame) const {
  if (!server_port_) {
    if (recorded_by(frame) != RecordedBy::kProxy || recorded_host(frame) != RecordedHost::kServer) {
      return Kind::kOther;
    }
    return is_recorded_uplink(frame) ? Kind::kRequest : Kind::kAnswer;
  }
  const bool from_server = frame.source.port() == server_port_;
  const bool to_server = frame.destination.port() == server_port_;
  if (has_every_port_ && !to_server) {
    if (flows_.contains(addresses_of(Kind::kAnswer, frame))) return Kind::kAnswer;
    if (flows_.contains(addresses_of(Kind::kRequest, frame))) return Kind::kRequest;
  }
  if (from_server && to_server) {
    return flows_.contains(addresses_of(Kind::kAnswer, frame)) ? Kind::kAnswer : Kind::kRequest;
  }
  return to_server ? Kind::kRequest : (from_server ? Kind::kAnswer : Kind::kOther);
}

FlowAddresses OneSidedReplay::addresses_of(Kind kind, const Frame& frame) const {
  FlowAddresses flow{frame.source, frame.destination};
  if (kind != Kind::kRequest) std::swap(flow.client, flow.server);
  if (has_every_port_) flow.server = with_port(flow.server, *server_port_);
  return flow;
}

std::optional<Address> OneSidedReplay::own_destination(const Flow& flow,
                                                       const Address& seen) const {
  if (!has_every_port_ || seen.port() == server_port_) return seen;
  const auto port = std::find_if(flow.ports.rbegin(), flow.ports.rend(),
                                 [&](const Port& one) { return one.seen == seen.port(); });
  if (port == flow.ports.rend()) return std::nullopt;
  return with_port(seen, port->own);
}

void OneSidedReplay::replay_request(const Frame& frame, Flow& flow, Endpoint& server) {
  if (!take_bad_checksums_ && has_bad_checksum(frame)) {
    ++bad_checksum_;
    return;
  }
  const std::optional<Address> destination = own_destination(flow, frame.destination);
  if (!destination) {
    ++unasked_;
    return;
  }
  ++received_;
  // Else the host refuses it.
  if (!has_every_port_ || server.listens_at(*destination)) {
    server.handle_datagram(now_, {frame.source, frame.payload, *destination});
  }
  asked_at_[frame.source] = addresses_of(Kind::kRequest, frame).server;
  drain(server);
}

bool OneSidedReplay::time_out(Endpoint& server, Instant until) {
  const auto due = server.poll_timeout();
  if (!due || *due > until || !difference_.empty() || !failure_.empty()) return false;
  if (timeouts_at_once_.first != now_) timeouts_at_once_ = {now_, 0};
  if (++timeouts_at_once_.second > kTimeoutsAtOnceMax) {
    failure_ = "the server runs timeout after timeout";
    return false;
  }
  server.handle_timeout(now_);
  drain(server);
  return true;
}

void OneSidedReplay::drain(Endpoint& server) {
  while (const auto transmit = server.poll_transmit(now_, buffer_)) {
    const auto payload = std::span(buffer_).first(transmit->size);
    FlowAddresses addresses{transmit->destination, asked_at_[transmit->destination]};
    if (transmit->source && has_every_port_) {
      addresses.server = with_port(*transmit->source, *server_port_);
    }
    const auto flow = flows_.find(addresses);
    if (flow == flows_.end()) {
      return report({.title = "the server sends to somebody who is not in the capture",
                     .record = records_,
                     .flow = addresses,
                     .expected = side_of_nothing(),
                     .actual = side_of(now_, transmit->destination, payload, tail_.words())});
    }
    flow->second.due.push_back({records_,
                                now_,
                                transmit->source ? transmit->source->port() : std::uint16_t{0},
                                {payload.begin(), payload.end()}});
    if (++answers_due_ > kAnswersDueMax) return report_unanswered(records_);
  }
}

bool OneSidedReplay::is_due(const Flow& flow, const Frame& frame) {
  return !flow.due.empty() && !first_difference(frame.payload, flow.due.front().payload);
}

void OneSidedReplay::replay_answer(const CaptureRecord& record, const Frame& frame, Flow& flow,
                                   Endpoint& server) {
  std::list<AnswerDue>& due = flow.due;
  while (!is_due(flow, frame) && time_out(server, now_)) {
  }
  if (!difference_.empty() || !failure_.empty()) return;
  if (is_due(flow, frame)) {
    if (has_every_port_) flow.ports.push_back({frame.source.port(), due.front().own_port});
    due.pop_front();
    --answers_due_;
    ++sent_;
    return;
  }
  ReplayDifference difference{.title = "the capture has an answer that the server does not give",
                              .record = record.number,
                              .flow = addresses_of(Kind::kAnswer, frame),
                              .expected = side_of(record, frame, tail_.words()),
                              .actual = side_of_nothing()};
  if (!due.empty()) {
    const AnswerDue& next = due.front();
    const bool comes_later = std::ranges::any_of(due, [&](const AnswerDue& answer) {
      return !first_difference(frame.payload, answer.payload);
    });
    difference.title = fmt::format(
        "{} record {}{}", comes_later ? "the capture lacks the answer to" : "the server answers",
        next.request_record, comes_later ? ", or has it later" : " with other bytes");
    difference.actual = side_of(next.time, difference.flow.client, next.payload, tail_.words());
  }
  report(difference);
}

void OneSidedReplay::check_end() {
  for (auto& [addresses, flow] : flows_) {
    const bool ended_before =
        !server_port_ && sent_ > 0 && !flow.due.empty() &&
        saturating_between(flow.due.front().time, flow.last) <= kAnswerTakesMax;
    if (!ended_before) continue;
    cut_off_ += flow.due.size();
    answers_due_ -= flow.due.size();
    flow.due.clear();
  }
  if (answers_due_ > 0) report_unanswered(records_);
}

void OneSidedReplay::report_unanswered(std::uint64_t record) {
  const FlowAddresses* first_flow = nullptr;
  const AnswerDue* first = nullptr;
  for (const auto& [addresses, flow] : flows_) {
    if (flow.due.empty()) continue;
    const AnswerDue& answer = flow.due.front();
    if (first == nullptr || answer.request_record < first->request_record) {
      first_flow = &addresses;
      first = &answer;
    }
  }
  report({.title = fmt::format("the server answers record {}, but the capture has no answer",
                               first->request_record),
          .record = record,
          .flow = *first_flow,
          .expected = side_of_nothing(),
          .actual = side_of(first->time, first_flow->client, first->payload, tail_.words())});
}

void OneSidedReplay::report(const ReplayDifference& difference) {
  difference_ = describe_difference(*reader_, tail_, difference);
  different_record_ = difference.record;
}

}  // namespace lossy
