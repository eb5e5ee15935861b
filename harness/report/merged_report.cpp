#include <lossy/harness/report/merged_report.hpp>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <lossy/core/counted.hpp>
#include <lossy/core/escape.hpp>
#include <lossy/harness/capture/live_interfaces.hpp>

namespace lossy {
namespace {

// What to type so that the kernel merges nothing that is sent there.
std::string how_to_prevent(const std::string& interface) {
  return fmt::format("to have none sent merged: sudo ethtool -K {} tx-udp-segmentation off",
                     interface == kAnyInterface ? "IFACE" : escape_controls(interface));
}

std::uint64_t unknown(const MergedReport& report) {
  return report.missed.any + report.lost;
}

}  // namespace

std::string merged_text_before(const MergedReport& report) {
  if (report.cannot_tell.empty()) return "";
  return fmt::format("lossy: {}; datagrams that the kernel merges stay merged; {}\n",
                     escape_controls(report.cannot_tell), how_to_prevent(report.interface));
}

std::string merged_text(const MergedReport& report) {
  std::string text;
  if (report.handed_on.packets > 0) {
    text += fmt::format("lossy: the kernel had merged {} into {}; they are recorded one by one\n",
                        counted(report.handed_on.datagrams, "datagram"),
                        counted(report.handed_on.packets, "packet"));
  }
  if (report.handed_on.carried > 0) {
    text += fmt::format(
        "lossy: {} a tunnel's, and stayed merged inside; record on the tunnel's own interface to "
        "have the datagrams one by one\n",
        counted(report.handed_on.carried, "packet was", "packets were"));
  }
  if (report.missed.merged > 0) {
    text += fmt::format(
        "lossy: {} merged, and before Linux 6.2 the kernel does not say how; what of them was "
        "recorded stayed merged; {}\n",
        counted(report.missed.merged, "packet was", "packets were"),
        how_to_prevent(report.interface));
  }
  if (unknown(report) > 0) {
    text += fmt::format(
        "lossy: of {} nobody knows whether the kernel had merged them, or how: give it a larger "
        "--buffer\n",
        counted(unknown(report), "packet"));
  }
  return text;
}

nlohmann::ordered_json merged_json(const MergedReport& report) {
  if (!report.cannot_tell.empty()) return nullptr;
  return {{"packets", report.handed_on.packets},
          {"datagrams", report.handed_on.datagrams},
          {"carried", report.handed_on.carried},
          {"unknown", report.missed.merged + unknown(report)}};
}

}  // namespace lossy
