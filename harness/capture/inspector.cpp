#include "harness/capture/inspector.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "harness/capture/recorder.hpp"

namespace lossy {
namespace {

constexpr std::uint16_t kPrivilegedPorts = 1024;

// Up goes out of the client's host and comes in at the server's; down the other way round.
bool is_recorded_uplink(const Frame& frame) {
  const bool at_client = frame.interface == static_cast<std::uint32_t>(RecordedHost::kClient);
  return at_client == (frame.type == PacketType::kOutgoing);
}

void add(InspectedTraffic& traffic, const Frame& frame) {
  ++traffic.datagrams;
  traffic.bytes += frame.payload.size();
}

void add(ExchangeCounters& sum, const ExchangeCounters& flow) {
  sum.requests += flow.requests;
  sum.answered += flow.answered;
  sum.unanswered += flow.unanswered;
  sum.retransmitted += flow.retransmitted;
  sum.answered_twice += flow.answered_twice;
  sum.unasked += flow.unasked;
  sum.unfollowed += flow.unfollowed;
}

}  // namespace

std::size_t Inspector::HashKey::operator()(const Key& key) const {
  const std::hash<Address> hash;
  return (hash(key.one) * 31 + hash(key.other)) * 31 + key.interface * 2 + (key.two_sided ? 1 : 0);
}

Inspector::Key Inspector::key_of(const Frame& frame, bool two_sided) {
  const bool ordered = frame.source <= frame.destination;
  return {ordered ? frame.source : frame.destination, ordered ? frame.destination : frame.source,
          two_sided ? 0 : frame.interface, two_sided};
}

bool Inspector::is_of(const InspectedFlow& flow, const Frame& frame, bool two_sided) {
  return flow.two_sided == two_sided && (two_sided || flow.interface == frame.interface) &&
         ((frame.source == flow.client && frame.destination == flow.server) ||
          (frame.source == flow.server && frame.destination == flow.client));
}

std::optional<Sight> Inspector::add(const CaptureRecord& record, const Decoded& decoded) {
  if (const auto* reason = std::get_if<SkipReason>(&decoded)) {
    ++inspection_.records;
    ++inspection_.skipped[static_cast<std::size_t>(*reason)];
    return Sight{.skipped = *reason};
  }
  const Frame& frame = std::get<Frame>(decoded);
  const bool two_sided = frame.link_address == kRecordingMark && frame.type != PacketType::kUnknown;
  Flow* const flow = flow_of(frame, two_sided);
  if (options_.flow != 0 && (flow == nullptr || flow->report.number != options_.flow)) {
    return std::nullopt;
  }
  ++inspection_.records;
  count(frame, record.time, two_sided);
  if (flow == nullptr) {
    ++inspection_.beyond_flows;
    return Sight{.frame = &frame, .two_sided = two_sided};
  }
  InspectedFlow& report = flow->report;
  const bool uplink = two_sided ? is_recorded_uplink(frame) : frame.source == report.client;
  report.first = std::min(report.first, record.time);
  report.last = std::max(report.last, record.time);
  lossy::add(uplink ? report.uplink : report.downlink, frame);
  if (two_sided) {
    count_path(*flow, frame, record.time, uplink);
  } else {
    count_exchange(*flow, frame, record.time, uplink);
  }
  return Sight{.frame = &frame, .flow = report.number, .uplink = uplink, .two_sided = two_sided};
}

void Inspector::count(const Frame& frame, Instant time, bool two_sided) {
  lossy::add(inspection_.traffic, frame);
  if (two_sided) ++inspection_.two_sided;
  ++inspection_.udp_checksums[static_cast<std::size_t>(frame.udp_checksum)];
  if (frame.ip_checksum == Checksum::kBad) ++inspection_.bad_ip_checksums;
  inspection_.first = std::min(inspection_.first, time);
  inspection_.last = std::max(inspection_.last, time);
}

Inspector::Flow* Inspector::flow_of(const Frame& frame, bool two_sided) {
  if (!flows_.empty() && is_of(flows_[latest_].report, frame, two_sided)) return &flows_[latest_];
  const Key key = key_of(frame, two_sided);
  auto found = index_.find(key);
  if (found == index_.end()) {
    if (flows_.size() == kInspectedFlowsMax) return nullptr;
    found = index_.emplace(key, flows_.size()).first;
    Flow& flow = flows_.emplace_back();
    flow.report.number = flows_.size();
    identify(flow.report, frame, two_sided);
    if (two_sided) {
      flow.paths = std::make_unique<std::array<PathTracker, 2>>();
    } else {
      flow.exchanges = std::make_unique<Exchanges>();
    }
  }
  latest_ = found->second;
  return &flows_[latest_];
}

void Inspector::identify(InspectedFlow& flow, const Frame& frame, bool two_sided) {
  flow.two_sided = two_sided;
  flow.interface = two_sided ? 0 : frame.interface;
  const bool answers_first =
      frame.source.port() < kPrivilegedPorts && frame.destination.port() >= kPrivilegedPorts;
  const bool uplink = two_sided ? is_recorded_uplink(frame) : !answers_first;
  flow.client = uplink ? frame.source : frame.destination;
  flow.server = uplink ? frame.destination : frame.source;
}

void Inspector::count_path(Flow& flow, const Frame& frame, Instant time, bool uplink) {
  PathTracker& path = (*flow.paths)[uplink ? 0 : 1];
  PathMetrics& metrics = uplink ? inspection_.uplink : inspection_.downlink;
  if (frame.type == PacketType::kOutgoing) {
    path.sent(frame.identification, time, metrics, path_budget_);
  } else {
    path.arrived(frame.identification, time, metrics, path_budget_);
  }
}

// An interface may show a datagram both as it leaves and as it arrives, as loopback can. Which of
// the two comes first stands for it.
void Inspector::count_exchange(Flow& flow, const Frame& frame, Instant time, bool uplink) {
  PacketType& type = uplink ? flow.uplink_type : flow.downlink_type;
  if (type == PacketType::kUnknown) type = frame.type;
  if (type != frame.type) {
    ++flow.report.repeated;
    return;
  }
  if (uplink) {
    flow.exchanges->request(frame.payload, time, exchange_budget_);
  } else {
    flow.exchanges->answer(frame.payload, time, inspection_.response_times);
  }
}

Inspection Inspector::finish() {
  for (Flow& flow : flows_) {
    if (options_.flow != 0 && flow.report.number != options_.flow) continue;
    if (flow.paths) {
      (*flow.paths)[0].finish(inspection_.uplink);
      (*flow.paths)[1].finish(inspection_.downlink);
      flow.report.uplink_path = (*flow.paths)[0].counters();
      flow.report.downlink_path = (*flow.paths)[1].counters();
    } else {
      flow.exchanges->finish();
      flow.report.exchanges = flow.exchanges->counters();
      lossy::add(inspection_.exchanges, flow.report.exchanges);
    }
    inspection_.flows.push_back(flow.report);
  }
  inspection_.reassembly = reassembler_.counters();
  inspection_.never_whole = reassembler_.waiting();
  return std::move(inspection_);
}

}  // namespace lossy
