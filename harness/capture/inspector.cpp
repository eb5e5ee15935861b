#include <lossy/harness/capture/inspector.hpp>

#include <algorithm>
#include <functional>
#include <utility>

namespace lossy {
namespace {

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

// Whether the kernel of the host that captured has most likely merged datagrams into this one: a
// packet of Ethernet's that is too long for it (but for jumbo frames), and no pieces put together.
// The loopback interface, whose packets may be long, has addresses of zeros.
bool looks_merged(const Frame& frame, const CaptureRecord& record) {
  constexpr std::size_t kEthernetBytesMax = 1500;
  const std::size_t headers = frame.source.is_v6() ? 48 : 28;
  return frame.udp_checksum == Checksum::kOffloaded && frame.link_address != LinkAddress{} &&
         headers + frame.payload.size() > kEthernetBytesMax &&
         record.frame.size() > frame.payload.size();
}

// Whom many hear: such an address answers nothing itself.
bool is_of_many(const Address& address) {
  const auto& octets = address.octets();
  if (address.is_v6()) return octets[0] == 0xFF;
  return octets[0] >= 224 || octets[3] == 0xFF;
}

}  // namespace

std::size_t Inspector::HashKey::operator()(const Key& key) const {
  const std::hash<Address> hash;
  return (hash(key.one) * 31 + hash(key.other)) * 31 + key.recorded * 3 +
         static_cast<std::size_t>(key.by);
}

Inspector::Key Inspector::key_of(const Frame& frame, RecordedBy by) {
  if (by == RecordedBy::kProxy) return {{}, {}, recorded_flow(frame), by};
  const bool ordered = frame.source <= frame.destination;
  return {ordered ? frame.source : frame.destination, ordered ? frame.destination : frame.source, 0,
          by};
}

bool Inspector::is_of(const Key& key, const Frame& frame, RecordedBy by) {
  if (key.by != by) return false;
  if (by == RecordedBy::kProxy) return key.recorded == recorded_flow(frame);
  return (frame.source == key.one && frame.destination == key.other) ||
         (frame.source == key.other && frame.destination == key.one);
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
    // What other flows are depends on this one all the same.
    if (flow != nullptr && !two_sided) {
      OneSided* const asked = follow(*flow, frame.source == flow->report.client);
      if (asked != nullptr) asked->waits = false;
    }
    return std::nullopt;
  }
  count(record);
  inspection_.unplaced += unplaced ? 1 : 0;
  count(frame, record.time, two_sided);
  if (!two_sided && looks_merged(frame, record)) [[unlikely]]
    ++inspection_.merged;
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
    count_exchange(*flow, frame, record, sight);
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
    identify(flow, frame, by);
    if (flow.report.two_sided) {
      flow.paths = std::make_unique<std::array<PathTracker, 2>>();
    } else {
      flow.one_sided = std::make_unique<OneSided>(OneSided{FlowViews(options_.copies)});
    }
  }
  latest_ = found->second;
  return &flows_[latest_];
}

void Inspector::identify(Flow& flow, const Frame& frame, RecordedBy by) {
  InspectedFlow& report = flow.report;
  report.two_sided = by != RecordedBy::kSomebody;
  report.interface = report.two_sided ? 0 : frame.interface;
  ServerRole role{is_recorded_uplink(frame), ServerReason::kRecording};
  if (!report.two_sided) {
    const Flow* const asked = asked_elsewhere(frame);
    if (asked != nullptr) {
      report.answers_flow = asked->report.number;
      role = {false, ServerReason::kElsewhere};
    } else {
      if (!options_.servers) servers_.begin(frame.source, frame.destination);
      role = servers_.role(frame.source, frame.destination);
    }
  }
  flow.first_is_request = role.first_is_request;
  report.server_reason = role.reason;
  report.client = role.first_is_request ? frame.source : frame.destination;
  report.server = role.first_is_request ? frame.destination : frame.source;
  if (!report.two_sided && report.answers_flow == 0) {
    clients_[report.client].push_back(report.number - 1);
  }
}

// The flow in which the datagram's receiver waits for what another port of the same host was asked,
// or an address of many; who has no address yet (DHCP) is known by the port. A port above the
// client's own is none that is asked: rather the capture begins with an answer to it.
Inspector::Flow* Inspector::asked_elsewhere(const Frame& frame) {
  constexpr std::size_t kLookedAt = 16;
  auto found = clients_.find(frame.destination);
  if (found == clients_.end() && !frame.destination.is_v6()) {
    found = clients_.find(Address::v4({}, frame.destination.port()));
  }
  if (found == clients_.end()) return nullptr;
  const std::vector<std::size_t>& begun = found->second;
  for (std::size_t i = begun.size(); i-- > 0 && begun.size() - i <= kLookedAt;) {
    Flow& flow = flows_[begun[i]];
    const Address& asked = flow.report.server;
    const bool is_other_port = with_port(asked, 0) == with_port(frame.source, 0) &&
                               asked.port() <= flow.report.client.port() && flow.one_sided->waits &&
                               !flow.one_sided->answered;
    if (is_other_port || is_of_many(asked)) return &flow;
  }
  return nullptr;
}

// As all flows tell it that are there by now.
ServerRole Inspector::role_of(const Flow& flow) const {
  const InspectedFlow& report = flow.report;
  if (report.two_sided || report.answers_flow != 0) {
    return {flow.first_is_request, report.server_reason};
  }
  return flow.first_is_request ? servers_.role(report.client, report.server)
                               : servers_.role(report.server, report.client);
}

std::optional<ServerFinder> Inspector::better_servers() const {
  const bool as_taken = std::ranges::all_of(flows_, [&](const Flow& flow) {
    return role_of(flow).first_is_request == flow.first_is_request;
  });
  return as_taken ? std::nullopt : std::optional(servers_);
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
    std::optional<std::uint16_t>& latest = flow.latest[uplink ? 0 : 1];
    const auto number = static_cast<std::uint16_t>(frame.identification);
    // They rise, until they begin again.
    if (latest && static_cast<std::uint16_t>(number - *latest - 1) >= 0x8000) ++inspection_.mixed;
    latest = number;
    path.sent(frame.identification, time, metrics, path_budget_);
  } else {
    path.arrived(frame.identification, time, metrics, path_budget_);
  }
}

void Inspector::count_exchange(Flow& flow, const Frame& frame, const CaptureRecord& record,
                               Sight& sight) {
  const Instant time = record.time;
  InspectedFlow& report = flow.report;
  OneSided& seen = *flow.one_sided;
  if (report.interface != frame.interface) report.interface = 0;
  sight.repeated = seen.views.seen_before(frame, record.interface, sight.uplink, time);
  if (sight.repeated) {
    ++report.repeated;
    return;
  }
  OneSided* const asked = follow(flow, sight.uplink);
  if (asked != nullptr) {
    sight.elsewhere = true;
    ++report.elsewhere;
    if (asked->waits) asked->exchanges.answer(frame.payload, time, inspection_.response_times);
    asked->waits = false;
  } else if (sight.uplink) {
    seen.exchanges.request(frame.payload, time, exchange_budget_);
  } else {
    seen.exchanges.answer(frame.payload, time, inspection_.response_times);
  }
}

Inspector::OneSided* Inspector::follow(Flow& flow, bool uplink) {
  OneSided& seen = *flow.one_sided;
  const bool elsewhere = !uplink && flow.report.answers_flow != 0 && !seen.waits;
  if (elsewhere) return flows_[flow.report.answers_flow - 1].one_sided.get();
  seen.waits = uplink;
  seen.answered = seen.answered || !uplink;
  return nullptr;
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
      flow.one_sided->exchanges.finish();
      flow.report.exchanges = flow.one_sided->exchanges.counters();
      const ServerRole role = role_of(flow);
      if (role.first_is_request == flow.first_is_request) {
        flow.report.server_reason = role.reason;
      } else {
        ++inspection_.mistaken;
      }
      lossy::add(inspection_.exchanges, flow.report.exchanges);
    }
    inspection_.flows.push_back(flow.report);
  }
  inspection_.flows_seen = flows_.size();
  inspection_.servers = std::move(servers_);
  inspection_.reassembly = reassembler_.counters();
  leave_out_joined(inspection_.skipped, inspection_.reassembly);
  inspection_.never_whole = reassembler_.waiting();
  return std::move(inspection_);
}

}  // namespace lossy
