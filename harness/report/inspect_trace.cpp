#include "harness/report/inspect_trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string>

#include "harness/capture/describe.hpp"

namespace lossy {
namespace {

const char* picture_of(const Sight& sight) {
  if (!sight.two_sided) return sight.uplink ? "|-------------->|" : "|<--------------|";
  const bool leaves = sight.frame->type == PacketType::kOutgoing;
  if (sight.uplink) return leaves ? "|----->         |" : "|         ----->|";
  return leaves ? "|         <-----|" : "|<-----         |";
}

std::string name_of(const Sight& sight) {
  std::string name = fmt::format("{}.{}", sight.flow, sight.uplink ? "uplink" : "downlink");
  if (sight.two_sided) name += fmt::format(".{}", sight.frame->identification);
  return name;
}

std::string remarks_of(const Frame& frame) {
  std::string remarks;
  if (frame.udp_checksum == Checksum::kBad) remarks += "  bad UDP checksum";
  if (frame.ip_checksum == Checksum::kBad) remarks += "  bad IP checksum";
  return remarks;
}

void print_hex(std::FILE* out, std::span<const std::byte> bytes) {
  constexpr std::size_t kInLine = 16;
  for (std::size_t at = 0; at < bytes.size(); at += kInLine) {
    const auto line = bytes.subspan(at, std::min(kInLine, bytes.size() - at));
    std::string digits;
    std::string letters;
    for (const std::byte byte : line) {
      const auto value = std::to_integer<unsigned>(byte);
      digits += fmt::format("{:02x} ", value);
      letters += value >= 0x20 && value < 0x7F ? static_cast<char>(value) : '.';
    }
    fmt::print(out, "    {:04x}  {:<48} {}\n", at, digits, letters);
  }
}

}  // namespace

void InspectTrace::print(const CaptureRecord& record, const Sight& sight) {
  if (!first_) first_ = record.time;
  const auto us =
      std::chrono::floor<std::chrono::microseconds>(saturating_between(*first_, record.time))
          .count();
  const std::string time =
      fmt::format("{:>9}.{:03} ms", (us < 0 ? us - 999 : us) / 1000, (us % 1000 + 1000) % 1000);
  if (sight.frame == nullptr) {
    fmt::print(out_, "{}  {:<17}  record {}: no datagram ({})\n", time, "", record.number,
               to_string(sight.skipped));
    return;
  }
  fmt::print(out_, "{}  {:<17}  {:<16} {}{}\n", time, picture_of(sight), name_of(sight),
             describe_payload(sight.frame->payload), remarks_of(*sight.frame));
  if (hex_) print_hex(out_, sight.frame->payload);
}

}  // namespace lossy
