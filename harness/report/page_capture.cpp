#include <lossy/harness/report/page_capture.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include <lossy/core/counted.hpp>
#include <lossy/core/escape.hpp>
#include <lossy/harness/capture/describe.hpp>
#include <lossy/harness/report/page_tables.hpp>
#include <lossy/harness/report/readable.hpp>

namespace lossy {
namespace {

using Json = nlohmann::ordered_json;

Json facts_of(const Inspection& inspection) {
  Json facts = Json::array();
  const auto add = [&](const char* name, const std::string& value) {
    facts.push_back(Json::array({name, value}));
  };
  add("records", std::to_string(inspection.records));
  add("datagrams", std::to_string(inspection.traffic.datagrams));
  add("bytes of payload", std::to_string(inspection.traffic.bytes));
  add("flows", std::to_string(inspection.flows.size()));
  if (inspection.first <= inspection.last) {
    add("time", readable(saturating_between(inspection.first, inspection.last)));
  }
  return facts;
}

Json notes_of(const InspectReport& report) {
  Json notes = Json::array();
  if (!report.error.empty()) notes.push_back(report.error);
  const Inspection& inspection = report.inspection;
  const std::uint64_t skipped = sum_of(inspection.skipped);
  if (skipped > 0) {
    notes.push_back(fmt::format("records without a datagram: {} ({})", skipped,
                                describe_skipped(inspection.skipped)));
  }
  const auto bad = inspection.udp_checksums[static_cast<std::size_t>(Checksum::kBad)];
  if (bad > 0) notes.push_back(fmt::format("datagrams with a bad UDP checksum: {}", bad));
  if (inspection.beyond_flows > 0) {
    notes.push_back(counted(inspection.beyond_flows, "datagram is", "datagrams are") +
                    " of more flows than are told apart");
  }
  return notes;
}

}  // namespace

void PageCapture::add(const CaptureRecord& record, const Sight& sight) {
  if (sight.in_flight != nullptr) return add_in_flight(sight);
  if (sight.frame == nullptr || sight.flow == 0 || sight.repeated) return;
  const Frame& frame = *sight.frame;
  Flow& flow = flows_[sight.flow];
  const Direction direction = sight.uplink ? Direction::kUplink : Direction::kDownlink;
  PageArrow arrow{.sent = record.time,
                  .number = frame.identification,
                  .flow = ladder_.flow(sight.flow, direction, frame.source, frame.destination),
                  .traits = sight.uplink ? 0U : kPageDownlink};
  const unsigned mark =
      std::ranges::find(different_, record.number) != different_.end() ? kPageDifferent : 0U;
  if (!sight.two_sided || frame.type == PacketType::kOutgoing) {
    add_sent(flow, arrow, sight, mark);
  } else {
    add_arrived(flow, arrow, sight, mark);
  }
  if (!sight.uplink && (!sight.two_sided || frame.type == PacketType::kIncoming)) {
    flow.requests.answer(frame.payload, record.time, response_times_);
  }
}

void PageCapture::add_sent(Flow& flow, PageArrow arrow, const Sight& sight, unsigned mark) {
  arrow.traits |= mark;
  if (sight.two_sided) {
    arrow.traits |= kPageLost;  // Until it arrives.
  } else {
    arrow.traits |= kPageOneSided;
    arrow.delay = Duration::zero();
  }
  if (sight.uplink &&
      flow.requests.request(sight.frame->payload, arrow.sent, false, exchange_budget_)) {
    arrow.traits |= kPageRetransmission;
  }
  const std::size_t place = ladder_.add(arrow, sight.frame->payload);
  if (!sight.two_sided) return;
  auto& sent = flow.ways[sight.uplink ? 0 : 1].sent;
  if (place != PageLadder::kNotKept) {
    sent[sight.frame->identification] = place;
  } else {
    sent.erase(sight.frame->identification);  // Another datagram has its number from here on.
  }
}

void PageCapture::add_arrived(Flow& flow, PageArrow arrow, const Sight& sight, unsigned mark) {
  Way& way = flow.ways[sight.uplink ? 0 : 1];
  const auto payload = sight.frame->payload;
  const auto found = way.sent.find(sight.frame->identification);
  if (found == way.sent.end()) return;  // Never seen to be sent, or not kept.
  std::size_t place = found->second;
  const PageArrow first = ladder_.at(place);
  const Duration delay = saturating_between(first.sent, arrow.sent);
  if ((first.traits & kPageLost) == 0) {
    PageArrow copy = first;
    copy.traits = (first.traits & kPageDownlink) | kPageCopy;
    place = ladder_.add(copy, payload);
    if (place == PageLadder::kNotKept) return;
  } else if (place + 1 < way.highest) {
    ladder_.at(place).traits |= kPageReordered;
  }
  way.highest = std::max(way.highest, found->second + 1);
  PageArrow& arrived = ladder_.at(place);
  arrived.traits &= ~unsigned{kPageLost};
  arrived.traits |= mark;
  arrived.delay = delay;
  ladder_.arrived_as(place, payload);
  if (arrived.got != 0) {
    arrived.traits |= payload.size() < arrived.size ? kPageTruncated : kPageCorrupted;
  }
}

void PageCapture::add_in_flight(const Sight& sight) {
  const Way& way = flows_[sight.flow].ways[sight.uplink ? 0 : 1];
  const auto found = way.sent.find(sight.in_flight->identification);
  if (found == way.sent.end()) return;
  PageArrow& arrow = ladder_.at(found->second);
  if ((arrow.traits & kPageLost) != 0) arrow.traits ^= unsigned{kPageLost | kPageUnderway};
}

Json PageCapture::run(const InspectReport& report) {
  const Inspection& inspection = report.inspection;
  Json run{{"name", escape_controls(report.path)},
           {"facts", facts_of(inspection)},
           {"notes", notes_of(report)}};
  Json tables = Json::array();
  if (inspection.two_sided > 0) {
    tables.push_back(path_table(inspection.uplink, inspection.downlink, true));
  }
  if (inspection.exchanges != ExchangeCounters{}) {
    tables.push_back(exchanges_table(inspection.exchanges));
  }
  run["tables"] = std::move(tables);
  run["round_trips"] = page_histogram(response_times_, "Response time");
  ladder_.add_to(run);
  return run;
}

}  // namespace lossy
