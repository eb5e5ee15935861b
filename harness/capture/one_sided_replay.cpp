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
    Flow& flow = flows_[addresses_of(kind, *frame)];
    flow.last = now_;
    if (server_port_ &&
        flow.views.seen_before(*frame, record->interface, kind == Kind::kRequest, record->time)) {
      ++repeated_;
      continue;
    }
    if (kind == Kind::kRequest) {
      flow.asked = true;
      replay_request(*record, *frame, server);
    } else if (server_port_ && !flow.asked) {
      ++unasked_;
    } else {
      replay_answer(*record, *frame);
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
  if (from_server && to_server) {
    return flows_.contains(addresses_of(Kind::kAnswer, frame)) ? Kind::kAnswer : Kind::kRequest;
  }
  return to_server ? Kind::kRequest : (from_server ? Kind::kAnswer : Kind::kOther);
}

FlowAddresses OneSidedReplay::addresses_of(Kind kind, const Frame& frame) {
  if (kind == Kind::kRequest) return {frame.source, frame.destination};
  return {frame.destination, frame.source};
}

void OneSidedReplay::replay_request(const CaptureRecord& record, const Frame& frame,
                                    Endpoint& server) {
  if (!take_bad_checksums_ && has_bad_checksum(frame)) {
    ++bad_checksum_;
    return;
  }
  ++received_;
  server.handle_datagram(now_, {frame.source, frame.payload});
  while (const auto transmit = server.poll_transmit(now_, buffer_)) {
    const FlowAddresses addresses{transmit->destination, frame.destination};
    const auto payload = std::span(buffer_).first(transmit->size);
    const auto flow = flows_.find(addresses);
    if (flow == flows_.end()) {
      return report({.title = "the server sends to somebody who is not in the capture",
                     .record = record.number,
                     .flow = addresses,
                     .expected = side_of_nothing(),
                     .actual = side_of(now_, transmit->destination, payload, tail_.words())});
    }
    flow->second.due.push_back({record.number, now_, {payload.begin(), payload.end()}});
    if (++answers_due_ > kAnswersDueMax) return report_unanswered(record.number);
  }
}

void OneSidedReplay::replay_answer(const CaptureRecord& record, const Frame& frame) {
  const FlowAddresses addresses = addresses_of(Kind::kAnswer, frame);
  std::list<AnswerDue>& due = flows_[addresses].due;
  const auto is_seen = [&](const AnswerDue& answer) {
    return !first_difference(frame.payload, answer.payload);
  };
  if (!due.empty() && is_seen(due.front())) {
    due.pop_front();
    --answers_due_;
    ++sent_;
    return;
  }
  ReplayDifference difference{.title = "the capture has an answer that the server does not give",
                              .record = record.number,
                              .flow = addresses,
                              .expected = side_of(record, frame, tail_.words()),
                              .actual = side_of_nothing()};
  if (!due.empty()) {
    const AnswerDue& next = due.front();
    const bool comes_later = std::ranges::any_of(due, is_seen);
    difference.title = fmt::format(
        "{} record {}{}", comes_later ? "the capture lacks the answer to" : "the server answers",
        next.request_record, comes_later ? ", or has it later" : " with other bytes");
    difference.actual = side_of(next.time, addresses.client, next.payload, tail_.words());
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
