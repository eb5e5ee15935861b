#include "harness/capture/inspector.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace lossy {
namespace {

constexpr std::uint16_t kPrivilegedPorts = 1024;

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
  return (hash(key.one) * 31 + hash(key.other)) * 31 + key.interface * 3 +
         static_cast<std::size_t>(key.by);
}

Inspector::Key Inspector::key_of(const Frame& frame, RecordedBy by) {
  if (by == RecordedBy::kProxy) return {{}, {}, recorded_flow(frame), by};
  const bool ordered = frame.source <= frame.destination;
  return {ordered ? frame.source : frame.destination, ordered ? frame.destination : frame.source,
          is_run(by) ? 0 : frame.interface, by};
}

bool Inspector::is_of(const Key& key, const Frame& frame, RecordedBy by) {
  if (key.by != by) return false;
  if (by == RecordedBy::kProxy) return key.interface == recorded_flow(frame);
  return (is_run(by) || key.interface == frame.interface) &&
         ((frame.source == key.one && frame.destination == key.other) ||
          (frame.source == key.other && frame.destination == key.one));
}

std::optional<Sight> Inspector::add(const CaptureRecord& record, const Decoded& decoded) {
  if (const auto* skipped = std::get_if<Skipped>(&decoded)) {
    if (skipped->reason == SkipReason::kInFlight) return add_note(record);
    count(record);
    ++inspection_.skipped[static_cast<std::size_t>(skipped->reason)];
    count_carried(skipped->carriers, decoded);
    return Sight{.skipped = *skipped};
  }
  const Frame& frame = std::get<Frame>(decoded);
  const RecordedBy by =
      frame.type == PacketType::kUnknown ? RecordedBy::kSomebody : recorded_by(frame);
  const bool two_sided = by != RecordedBy::kSomebody;
  const bool unplaced = !two_sided && recorded_by(frame.link_address) != RecordedBy::kSomebody;
  Flow* const flow = flow_of(frame, by);
  if (options_.flow != 0 && (flow == nullptr || flow->report.number != options_.flow)) {
    return std::nullopt;
  }
  count(record);
  inspection_.unplaced += unplaced ? 1 : 0;
  count(frame, record.time, two_sided);
  if (frame.carriers.any()) [[unlikely]]
    count_carried(frame.carriers, decoded);
  if (const auto carrier = carrier_to(frame.destination.port())) [[unlikely]] {
    Carriers carriers;
    carriers.add(*carrier);
    if (const auto inside = decode_inside(frame)) count_carried(carriers, *inside);
  }
  if (flow == nullptr) {
    ++inspection_.beyond_flows;
    return Sight{.frame = &frame, .two_sided = two_sided};
  }
  InspectedFlow& report = flow->report;
  const bool uplink = two_sided ? is_recorded_uplink(frame) : frame.source == report.client;
  report.first = std::min(report.first, record.time);
  report.last = std::max(report.last, record.time);
  lossy::add(uplink ? report.uplink : report.downlink, frame);
  if (by == RecordedBy::kProxy) see_proxy(report, frame, uplink);
  Sight sight{.frame = &frame, .flow = report.number, .uplink = uplink, .two_sided = two_sided};
  if (two_sided) {
    count_path(*flow, frame, record.time, uplink);
  } else {
    sight.repeated = !count_exchange(*flow, frame, record.time, uplink);
  }
  return sight;
}

// Only our own recordings have notes.
std::optional<Sight> Inspector::add_note(const CaptureRecord& record) {
  note_ = decode_record(record, {.notes = true});
  const auto* const skipped = std::get_if<Skipped>(&note_);
  Flow* flow = nullptr;
  Sight sight{.skipped = {.reason = SkipReason::kInFlight}};
  if (skipped == nullptr) {
    const Frame& frame = std::get<Frame>(note_);
    flow = flow_of(frame, recorded_by(frame));
    sight.in_flight = &frame;
    sight.uplink = is_recorded_uplink(frame);
  }
  if (options_.flow != 0 && (flow == nullptr || flow->report.number != options_.flow)) {
    return std::nullopt;
  }
  count(record);
  ++inspection_.notes;
  if (flow == nullptr) return sight;
  sight.flow = flow->report.number;
  (*flow->paths)[sight.uplink ? 0 : 1].in_flight(std::get<Frame>(note_).identification);
  return sight;
}

void Inspector::count(const CaptureRecord& record) {
  ++inspection_.records;
  if (record.interface >= inspection_.by_interface.size()) {
    inspection_.by_interface.resize(record.interface + std::size_t{1});
  }
  ++inspection_.by_interface[record.interface];
}

void Inspector::count(const Frame& frame, Instant time, bool two_sided) {
  lossy::add(inspection_.traffic, frame);
  if (two_sided) ++inspection_.two_sided;
  ++inspection_.udp_checksums[static_cast<std::size_t>(frame.udp_checksum)];
  if (frame.ip_checksum == Checksum::kBad) ++inspection_.bad_ip_checksums;
  inspection_.first = std::min(inspection_.first, time);
  inspection_.last = std::max(inspection_.last, time);
}

void Inspector::count_carried(const Carriers& carriers, const Decoded& decoded) {
  const auto* skipped = std::get_if<Skipped>(&decoded);
  if (skipped != nullptr && skipped->reason == SkipReason::kFragment) return;
  for (std::size_t i = 0; i < kCarrierCount; ++i) {
    if (!carriers.has(static_cast<Carrier>(i))) continue;
    InspectedCarrier& carrier = inspection_.carried[i];
    ++(skipped == nullptr ? carrier.datagrams
                          : carrier.skipped[static_cast<std::size_t>(skipped->reason)]);
  }
}

Inspector::Flow* Inspector::flow_of(const Frame& frame, RecordedBy by) {
  if (!flows_.empty() && is_of(flows_[latest_].key, frame, by)) return &flows_[latest_];
  const Key key = key_of(frame, by);
  auto found = index_.find(key);
  if (found == index_.end()) {
    if (flows_.size() == kInspectedFlowsMax) return nullptr;
    found = index_.emplace(key, flows_.size()).first;
    Flow& flow = flows_.emplace_back();
    flow.key = key;
    flow.report.number = flows_.size();
    identify(flow.report, frame, by);
    if (flow.report.two_sided) {
      flow.paths = std::make_unique<std::array<PathTracker, 2>>();
    } else {
      flow.exchanges = std::make_unique<Exchanges>();
    }
  }
  latest_ = found->second;
  return &flows_[latest_];
}

// Whether a flow that begins with this datagram does so with its client's.
bool Inspector::asks(const Frame& frame) const {
  const bool from_server = frame.source.port() == options_.server_port;
  const bool to_server = frame.destination.port() == options_.server_port;
  if (from_server != to_server) return to_server;
  return frame.source.port() >= kPrivilegedPorts || frame.destination.port() < kPrivilegedPorts;
}

void Inspector::identify(InspectedFlow& flow, const Frame& frame, RecordedBy by) const {
  flow.two_sided = by != RecordedBy::kSomebody;
  flow.interface = flow.two_sided ? 0 : frame.interface;
  const bool uplink = flow.two_sided ? is_recorded_uplink(frame) : asks(frame);
  flow.client = uplink ? frame.source : frame.destination;
  flow.server = uplink ? frame.destination : frame.source;
}

// Each side shows one of the two addresses that the proxy stands between, and one of its own.
void Inspector::see_proxy(InspectedFlow& flow, const Frame& frame, bool uplink) {
  const Address& towards_client = uplink ? frame.source : frame.destination;
  const Address& towards_server = uplink ? frame.destination : frame.source;
  if (recorded_host(frame) == RecordedHost::kClient) {
    flow.client = towards_client;
    flow.proxy_outside = towards_server;
  } else {
    flow.proxy_inside = towards_client;
    flow.server = towards_server;
  }
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
bool Inspector::count_exchange(Flow& flow, const Frame& frame, Instant time, bool uplink) {
  PacketType& type = uplink ? flow.uplink_type : flow.downlink_type;
  if (type == PacketType::kUnknown) type = frame.type;
  if (type != frame.type) {
    ++flow.report.repeated;
    return false;
  }
  if (uplink) {
    flow.exchanges->request(frame.payload, time, exchange_budget_);
  } else {
    flow.exchanges->answer(frame.payload, time, inspection_.response_times);
  }
  return true;
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
  inspection_.flows_seen = flows_.size();
  inspection_.reassembly = reassembler_.counters();
  leave_out_joined(inspection_.skipped, inspection_.reassembly);
  inspection_.never_whole = reassembler_.waiting();
  return std::move(inspection_);
}

}  // namespace lossy
