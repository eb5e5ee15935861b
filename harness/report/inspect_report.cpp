#include <lossy/harness/report/inspect_report.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include <lossy/core/counted.hpp>
#include <lossy/core/escape.hpp>
#include <lossy/harness/capture/describe.hpp>
#include <lossy/harness/capture/reader.hpp>
#include <lossy/harness/report/readable.hpp>
#include <lossy/harness/report/rtt_json.hpp>

namespace lossy {
namespace {

using Json = nlohmann::ordered_json;

// More flows or interfaces than this are counted, and listed in JSON only.
constexpr std::size_t kListed = 20;

// "not_ip 3, fragment 1": what is not zero.
void add_count(std::string& list, std::string_view name, std::uint64_t count) {
  if (count > 0) list += fmt::format("{}{} {}", list.empty() ? "" : ", ", name, count);
}

Duration duration_of(Instant first, Instant last) {
  return first > last ? Duration::zero() : saturating_between(first, last);
}

std::string quantiles(const Histogram& values) {
  return fmt::format("min {}, median {}, p99 {}, max {}", readable(values.min()),
                     readable(values.quantile(1, 2)), readable(values.quantile(99, 100)),
                     readable(values.max()));
}

void add_line(std::string& text, std::string_view name, const std::string& what) {
  if (!what.empty()) text += fmt::format("  {:<15} {}\n", name, what);
}

std::string describe_traffic(const Inspection& inspection) {
  return fmt::format("{}, {} of payload", counted(inspection.traffic.datagrams, "datagram"),
                     counted(inspection.traffic.bytes, "byte"));
}

std::string describe_fragments(const Inspection& inspection) {
  const ReassemblyCounters& counters = inspection.reassembly;
  std::string list;
  if (counters.whole > 0) {
    list = fmt::format("put together {} of {} pieces", counters.whole,
                       counters.whole + counters.joined);
  }
  add_count(list, "refused", counters.refused);
  add_count(list, "expired", counters.expired);
  add_count(list, "pushed out", counters.evicted);
  add_count(list, "never whole", inspection.never_whole);
  return list;
}

// What a carrier carries: "datagrams 3, not_udp 1".
std::string describe_carried(const InspectedCarrier& carrier) {
  std::string list;
  add_count(list, "datagrams", carrier.datagrams);
  const std::string skipped = describe_skipped(carrier.skipped);
  return list.empty() || skipped.empty() ? list + skipped : list + ", " + skipped;
}

void add_carried(std::string& text, const Inspection& inspection, bool inner) {
  for (std::size_t i = 0; i < kCarrierCount; ++i) {
    const auto carrier = static_cast<Carrier>(i);
    const std::string list = describe_carried(inspection.carried[i]);
    if (list.empty()) continue;
    const bool is_datagram = carrier >= Carrier::kVxlan;
    add_line(text, fmt::format("in {}", to_string(carrier)),
             list + (is_datagram && !inner ? "; --inner takes them" : ""));
  }
}

std::string describe_checksums(const Inspection& inspection) {
  std::string list;
  for (std::size_t i = 0; i < kChecksumCount; ++i) {
    add_count(list, to_string(static_cast<Checksum>(i)), inspection.udp_checksums[i]);
  }
  add_count(list, "bad in the IP header", inspection.bad_ip_checksums);
  return list;
}

std::uint64_t records_of(const InspectReport& report, std::size_t interface) {
  const std::vector<std::uint64_t>& records = report.inspection.by_interface;
  return interface < records.size() ? records[interface] : 0;
}

void add_interfaces(std::string& text, const InspectReport& report) {
  add_line(text, "interfaces", std::to_string(report.interfaces.size()));
  for (std::size_t i = 0; i < std::min(report.interfaces.size(), kListed); ++i) {
    const CaptureInterface& interface = report.interfaces[i];
    const std::string name = escape_controls(interface.name);
    text += fmt::format("    {:>3}  {}link type {}, {}\n", i, name.empty() ? "" : name + ", ",
                        describe_link_type(interface.link_type),
                        counted(records_of(report, i), "record"));
  }
  if (report.interfaces.size() > kListed) {
    text +=
        fmt::format("    and {} more, which --json lists\n", report.interfaces.size() - kListed);
  }
}

// "CLIENT > SERVER", or, where both sides of a proxy are seen, "CLIENT > PROXY | PROXY > SERVER".
std::string describe_addresses(const InspectedFlow& flow) {
  std::string proxy;
  if (flow.proxy_outside && flow.proxy_inside) {
    proxy =
        fmt::format("{} | {} > ", flow.proxy_outside->to_string(), flow.proxy_inside->to_string());
  }
  return fmt::format("{} > {}{}", flow.client.to_string(), proxy, flow.server.to_string());
}

// What is unlike most flows: "; answers 3 of what flow 1 asks".
std::string describe_peculiar(const InspectedFlow& flow) {
  std::string text;
  if (flow.repeated > 0) text += fmt::format("; {} seen twice", flow.repeated);
  if (flow.answers_flow > 0) {
    text += fmt::format("; {} to what flow {} asked", counted(flow.elsewhere, "answer"),
                        flow.answers_flow);
  }
  return text;
}

void add_flows(std::string& text, const Inspection& inspection, bool why) {
  add_line(text, "flows", std::to_string(inspection.flows.size()));
  for (std::size_t i = 0; i < std::min(inspection.flows.size(), kListed); ++i) {
    const InspectedFlow& flow = inspection.flows[i];
    text += fmt::format("    {:>3}  {}{}  {} up, {} down, {}{}\n", flow.number,
                        describe_addresses(flow),
                        flow.interface == 0 ? "" : fmt::format(" on {}", flow.interface),
                        flow.uplink.datagrams, flow.downlink.datagrams,
                        readable(duration_of(flow.first, flow.last)), describe_peculiar(flow));
    if (why) {
      text += fmt::format("         {} serves: {}\n", flow.server.to_string(),
                          inspection.servers.explain(flow.server, flow.server_reason));
    }
  }
  if (inspection.flows.size() > kListed) {
    text += fmt::format("    and {} more, which --json lists\n", inspection.flows.size() - kListed);
  }
  if (inspection.beyond_flows > 0) {
    text += fmt::format("    and more than can be told apart: {} of theirs\n",
                        counted(inspection.beyond_flows, "datagram"));
  }
}

void add_path_row(std::string& text, const char* name, std::uint64_t up, std::uint64_t up_whole,
                  std::uint64_t down, std::uint64_t down_whole) {
  const std::string down_percent = percent(down, down_whole);
  text += fmt::format("  {:<15} {:>11} {:>7} {:>11}", name, up, percent(up, up_whole), down);
  text += down_percent.empty() ? "\n" : fmt::format(" {:>7}\n", down_percent);
}

void add_path(std::string& text, const Inspection& inspection) {
  const PathCounters& up = inspection.uplink.counters;
  const PathCounters& down = inspection.downlink.counters;
  text += fmt::format("\n  {:<15} {:>11} {:>7} {:>11}\n", "the path", "uplink", "", "downlink");
  add_path_row(text, "sent", up.sent, 0, down.sent, 0);
  add_path_row(text, "arrived", up.arrived, up.sent, down.arrived, down.sent);
  add_path_row(text, "lost", up.lost, up.sent, down.lost, down.sent);
  if (up.in_flight + down.in_flight > 0) {
    add_path_row(text, "in flight", up.in_flight, up.sent, down.in_flight, down.sent);
  }
  add_path_row(text, "loss periods", inspection.uplink.loss_periods, 0,
               inspection.downlink.loss_periods, 0);
  add_path_row(text, "longest", inspection.uplink.longest_loss_period, 0,
               inspection.downlink.longest_loss_period, 0);
  add_path_row(text, "duplicated", up.duplicated, up.arrived, down.duplicated, down.arrived);
  add_path_row(text, "reordered", up.reordered, up.arrived, down.reordered, down.arrived);
  add_path_row(text, "extent, most", inspection.uplink.extent_max, 0,
               inspection.downlink.extent_max, 0);
  if (up.unmatched + down.unmatched > 0) {
    add_path_row(text, "never sent", up.unmatched, 0, down.unmatched, 0);
  }
  const auto add_delays = [&](const char* direction, const PathMetrics& path) {
    if (path.delay.count() > 0) {
      add_line(text, fmt::format("{} delay", direction), quantiles(path.delay));
    }
    if (path.delay_variation.count() > 0)
      add_line(text, "  variation", quantiles(path.delay_variation));
  };
  add_delays("uplink", inspection.uplink);
  add_delays("downlink", inspection.downlink);
}

void add_exchanges(std::string& text, const Inspection& inspection) {
  const ExchangeCounters& counters = inspection.exchanges;
  const auto share = [&](std::uint64_t count) {
    const std::string of_all = percent(count, counters.requests);
    return of_all.empty() ? std::to_string(count) : fmt::format("{} ({})", count, of_all);
  };
  text += '\n';
  add_line(text, "requests", std::to_string(counters.requests));
  add_line(text, "answered", share(counters.answered));
  add_line(text, "unanswered", share(counters.unanswered));
  add_line(text, "retransmitted", std::to_string(counters.retransmitted));
  add_line(text, "answered twice", std::to_string(counters.answered_twice));
  if (counters.unasked > 0) add_line(text, "unasked", std::to_string(counters.unasked));
  if (counters.unfollowed > 0) add_line(text, "not followed", std::to_string(counters.unfollowed));
  if (inspection.response_times.count() > 0) {
    add_line(text, "response time", quantiles(inspection.response_times));
  }
}

// The one that all records have, or nothing. Where there are none it is what they would have.
Json link_type_json(const InspectReport& report) {
  std::optional<int> link_type;
  for (std::size_t i = 0; i < report.interfaces.size(); ++i) {
    if (report.inspection.records > 0 && records_of(report, i) == 0) continue;
    if (link_type && *link_type != report.interfaces[i].link_type) return nullptr;
    link_type = report.interfaces[i].link_type;
  }
  return link_type ? Json(*link_type) : Json(nullptr);
}

Json interfaces_json(const InspectReport& report) {
  Json interfaces = Json::array();
  for (std::size_t i = 0; i < report.interfaces.size(); ++i) {
    interfaces.push_back({{"name", report.interfaces[i].name},
                          {"link_type", report.interfaces[i].link_type},
                          {"records", records_of(report, i)}});
  }
  return interfaces;
}

Json json_of(const SkipCounts& skipped) {
  Json json = Json::object();
  for (std::size_t i = 0; i < kSkipReasonCount; ++i) {
    json[std::string(to_string(static_cast<SkipReason>(i)))] = skipped[i];
  }
  return json;
}

Json json_of(const InspectedTraffic& traffic) {
  return {{"datagrams", traffic.datagrams}, {"bytes", traffic.bytes}};
}

Json json_of(const PathCounters& path) {
  return {
      {"sent", path.sent},           {"arrived", path.arrived},       {"lost", path.lost},
      {"in_flight", path.in_flight}, {"duplicated", path.duplicated}, {"reordered", path.reordered},
      {"unmatched", path.unmatched}};
}

Json json_of(const PathMetrics& path) {
  Json json = json_of(path.counters);
  json["loss_periods"] = path.loss_periods;
  json["longest_loss_period"] = path.longest_loss_period;
  json["reordering_extent_max"] = path.extent_max;
  json["reordering_extent_sum"] = path.extent_sum;
  json["delay_ms"] = rtt_ms_json(path.delay);
  json["delay_variation_ms"] = rtt_ms_json(path.delay_variation);
  return json;
}

Json json_of(const ExchangeCounters& counters) {
  return {{"requests", counters.requests},
          {"answered", counters.answered},
          {"unanswered", counters.unanswered},
          {"retransmitted", counters.retransmitted},
          {"answered_twice", counters.answered_twice},
          {"unasked", counters.unasked},
          {"unfollowed", counters.unfollowed}};
}

Json json_of(const InspectedFlow& flow, const ServerFinder& servers) {
  Json json{{"flow", flow.number},
            {"client", flow.client.to_string()},
            {"server", flow.server.to_string()},
            {"server_because", servers.explain(flow.server, flow.server_reason)},
            {"interface", flow.interface},
            {"two_sided", flow.two_sided},
            {"seconds", in_seconds(duration_of(flow.first, flow.last))},
            {"uplink", json_of(flow.uplink)},
            {"downlink", json_of(flow.downlink)}};
  if (flow.proxy_outside || flow.proxy_inside) {
    const auto address = [](const std::optional<Address>& seen) {
      return seen ? Json(seen->to_string()) : Json();
    };
    json["proxy"] = {{"outside", address(flow.proxy_outside)},
                     {"inside", address(flow.proxy_inside)}};
  }
  if (flow.two_sided) {
    json["path"] = {{"uplink", json_of(flow.uplink_path)},
                    {"downlink", json_of(flow.downlink_path)}};
  } else {
    json["repeated"] = flow.repeated;
    if (flow.answers_flow > 0) {
      json["answers_flow"] = flow.answers_flow;
      json["answers_elsewhere"] = flow.elsewhere;
    }
    json["exchanges"] = json_of(flow.exchanges);
  }
  return json;
}

}  // namespace

std::string inspect_text(const InspectReport& report) {
  const Inspection& inspection = report.inspection;
  std::string text = fmt::format("{}\n", escape_controls(report.path));
  add_line(text, "records", std::to_string(inspection.records));
  if (report.interfaces.size() > 1) add_interfaces(text, report);
  add_line(text, "traffic", describe_traffic(inspection));
  add_line(text, "time", readable(duration_of(inspection.first, inspection.last)));
  add_line(text, "skipped", describe_skipped(inspection.skipped));
  add_carried(text, inspection, report.inner);
  add_line(text, "fragments", describe_fragments(inspection));
  add_line(text, "checksums", describe_checksums(inspection));
  if (inspection.merged > 0) {
    add_line(text, "merged",
             fmt::format("{} longer than Ethernet takes: most likely several each, merged by the "
                         "kernel; how many cannot be told. `lossy record` takes them apart; after "
                         "`ethtool -K IFACE tx-udp-segmentation off` none is sent merged",
                         counted(inspection.merged, "datagram is", "datagrams are")));
  }
  if (inspection.mixed > 0) {
    add_line(text, "mixed",
             "several recordings in one file, with the same numbers for their flows and datagrams: "
             "what is said of the path is true of none of them");
  }
  if (inspection.unplaced > 0) {
    add_line(text, "recorded",
             fmt::format("by lossy, and then converted: {} without the host that saw them, and so "
                         "read as any capture",
                         counted(inspection.unplaced, "datagram")));
  }
  add_flows(text, inspection, report.why);
  if (inspection.mistaken > 0) {
    add_line(text, "mistaken",
             fmt::format("{} began before it showed who serves, and cannot be read again: --port "
                         "says it, or read a file",
                         counted(inspection.mistaken, "flow")));
  }
  if (inspection.two_sided > 0) add_path(text, inspection);
  if (inspection.exchanges != ExchangeCounters{}) add_exchanges(text, inspection);
  return text;
}

Json inspect_json(const InspectReport& report) {
  const Inspection& inspection = report.inspection;
  Json json{{"file", report.path}};
  if (!report.error.empty()) json["error"] = report.error;
  if (!report.is_readable) return json;
  json["link_type"] = link_type_json(report);
  json["interfaces"] = interfaces_json(report);
  json["records"] = inspection.records;
  json["datagrams"] = inspection.traffic.datagrams;
  json["bytes"] = inspection.traffic.bytes;
  json["seconds"] = in_seconds(duration_of(inspection.first, inspection.last));
  json["two_sided"] = inspection.two_sided;
  json["unplaced"] = inspection.unplaced;
  json["mixed"] = inspection.mixed;
  json["notes"] = inspection.notes;
  json["skipped"] = json_of(inspection.skipped);
  Json carried = Json::object();
  for (std::size_t i = 0; i < kCarrierCount; ++i) {
    const InspectedCarrier& carrier = inspection.carried[i];
    if (describe_carried(carrier).empty()) continue;
    Json& json_carrier = carried[std::string(to_string(static_cast<Carrier>(i)))];
    json_carrier["datagrams"] = carrier.datagrams;
    json_carrier["skipped"] = json_of(carrier.skipped);
  }
  json["carried"] = std::move(carried);
  json["fragments"] = {
      {"whole", inspection.reassembly.whole},     {"refused", inspection.reassembly.refused},
      {"expired", inspection.reassembly.expired}, {"evicted", inspection.reassembly.evicted},
      {"copies", inspection.reassembly.copies},   {"joined", inspection.reassembly.joined},
      {"never_whole", inspection.never_whole}};
  Json checksums = Json::object();
  for (std::size_t i = 0; i < kChecksumCount; ++i) {
    checksums[std::string(to_string(static_cast<Checksum>(i)))] = inspection.udp_checksums[i];
  }
  json["udp_checksums"] = checksums;
  json["bad_ip_checksums"] = inspection.bad_ip_checksums;
  json["merged"] = inspection.merged;
  json["uplink"] = json_of(inspection.uplink);
  json["downlink"] = json_of(inspection.downlink);
  json["exchanges"] = json_of(inspection.exchanges);
  json["response_time_ms"] = rtt_ms_json(inspection.response_times);
  Json flows = Json::array();
  for (const InspectedFlow& flow : inspection.flows) {
    flows.push_back(json_of(flow, inspection.servers));
  }
  json["flows"] = std::move(flows);
  json["beyond_flows"] = inspection.beyond_flows;
  json["mistaken_flows"] = inspection.mistaken;
  return json;
}

}  // namespace lossy
