#include <lossy/harness/cli/proxy_report.hpp>

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include <lossy/core/counted.hpp>
#include <lossy/harness/cli/reasons.hpp>
#include <lossy/harness/report/link_report.hpp>
#include <lossy/harness/report/readable.hpp>

namespace lossy {
namespace {

using Outcomes = std::array<std::uint64_t, kSocketOutcomeCount>;

// But for "done".
Reasons failures(const Outcomes& outcomes) {
  return reasons_of(outcomes, SocketOutcome::kWouldBlock);
}

std::string flows_text(const ProxyCounters& counters) {
  std::string text = fmt::format("{} opened, {} open", counters.flows, counters.flows_open);
  const auto more = [&](const char* one, const char* many, std::uint64_t count) {
    if (count > 0) text += ", " + counted(count, one, many);
  };
  more("ended idle", "ended idle", counters.flows_idle);
  more("ended for want of room", "ended for want of room", counters.flows_evicted);
  more("datagram without one", "datagrams without one", counters.flows_refused);
  more("change of port", "changes of port", counters.rebinds);
  return text;
}

// What was lost, or may be, beside what the links do; each line only where there is something.
std::string losses_text(const ProxyCounters& counters) {
  std::string text;
  const auto line = [&](const char* name, const std::string& what, const char* where) {
    if (!what.empty()) text += fmt::format("  {:<14} {}{}\n", name, what, where);
  };
  const auto count = [](std::uint64_t number) {
    return number > 0 ? std::to_string(number) : std::string();
  };
  line("in flight", count(counters.in_flight), "");
  line("discarded", count(counters.discarded), ", in flight when their flows ended");
  line("too long", count(counters.too_long), ", for IPv4 to carry on");
  line("ICMP", list_of(failures(counters.servers.reported)), ", from the server's side");
  line("not sent", list_of(failures(counters.clients.not_sent)), ", to clients");
  line("not sent", list_of(failures(counters.servers.not_sent)), ", to the server");
  return text;
}

std::vector<std::string> all_notes(const ProxyReport& report) {
  std::vector<std::string> notes = report.notes;
  const ProxyCounters& counters = report.counters;
  if (counters.memory_refused > 0) {
    notes.push_back(
        fmt::format("{} lost because what was in flight took the {} bytes that it may take; "
                    "allow more with --memory.",
                    counted(counters.memory_refused, "was", "were"), report.memory_bytes_max));
  }
  const std::uint64_t dropped = counters.clients_kernel_dropped + counters.servers_kernel_dropped;
  if (dropped > 0) {
    notes.push_back(
        fmt::format("the kernel dropped {} ({} from clients, {} from the server) on the way to the "
                    "proxy, beside "
                    "what the path did; {}",
                    counted(dropped, "datagram"), counters.clients_kernel_dropped,
                    counters.servers_kernel_dropped, more_room_hint()));
  }
  return notes;
}

}  // namespace

std::string proxy_text(const ProxyReport& report) {
  const ProxyCounters& counters = report.counters;
  std::string text = links_text(counters.uplink, counters.downlink) + '\n';
  text += fmt::format("  {:<14} {}\n", "flows", flows_text(counters)) + losses_text(counters);
  text += fmt::format("  {:<14} {}{}{}\n", "time", readable(report.time),
                      report.stopped_by.empty() ? "" : ", stopped by ", report.stopped_by);
  if (report.seed) text += fmt::format("  {:<14} {}\n", "seed", *report.seed);
  for (const std::string& note : all_notes(report)) text += "\n  Note: " + note + '\n';
  return text + "\nThe same path again: " + report.reproduce + '\n';
}

nlohmann::ordered_json proxy_json(const ProxyReport& report) {
  const ProxyCounters& counters = report.counters;
  nlohmann::ordered_json json{
      {"command", "proxy"}, {"listen", report.listen.to_string()}, {"to", report.to.to_string()}};
  json["seed"] = report.seed ? nlohmann::ordered_json(*report.seed) : nlohmann::ordered_json();
  json["final"] = report.final;
  if (!report.stopped_by.empty()) json["stopped_by"] = report.stopped_by;
  json["flows"] = {{"opened", counters.flows},
                   {"open", counters.flows_open},
                   {"idle", counters.flows_idle},
                   {"evicted", counters.flows_evicted},
                   {"refused", counters.flows_refused}};
  json["rebinds"] = counters.rebinds;
  json["uplink"] = link_json(counters.uplink);
  json["downlink"] = link_json(counters.downlink);
  json["in_flight"] = counters.in_flight;
  json["discarded"] = counters.discarded;
  json["too_long"] = counters.too_long;
  json["memory"] = {{"bytes", counters.memory_bytes},
                    {"bytes_max", report.memory_bytes_max},
                    {"refused", counters.memory_refused}};
  json["icmp"] = reasons_json(failures(counters.servers.reported));
  json["not_sent"] = {{"to_clients", reasons_json(failures(counters.clients.not_sent))},
                      {"to_server", reasons_json(failures(counters.servers.not_sent))}};
  json["kernel_dropped"] = {{"from_clients", counters.clients_kernel_dropped},
                            {"from_server", counters.servers_kernel_dropped}};
  if (report.final) {
    json["notes"] = all_notes(report);
    json["reproduce"] = report.reproduce;
  }
  json["timing"] = {{"seconds", in_seconds(report.time)}};
  return json;
}

std::string proxy_live_text(const ProxyCounters& before, const ProxyCounters& now,
                            Duration between) {
  const auto way = [&](const LinkCounters& from, const LinkCounters& to) {
    const double rate = static_cast<double>(to.offered - from.offered) / in_seconds(between);
    const std::string lost = percent(to.lost(), to.offered);
    return fmt::format("{:.0f}/s, {} lost", rate, lost.empty() ? "0%" : lost);
  };
  return fmt::format("{}  up {}  down {}", counted(now.flows_open, "flow"),
                     way(before.uplink, now.uplink), way(before.downlink, now.downlink));
}

}  // namespace lossy
