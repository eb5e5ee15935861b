#include "harness/capture/flow_views.hpp"

#include <algorithm>
#include <cstring>
#include <span>

namespace lossy {
namespace {

// Enough to tell payloads apart that have one identification: their sizes and both ends.
std::uint64_t content_of(std::span<const std::byte> payload) {
  std::array<std::uint64_t, 2> ends{};
  const std::size_t size = std::min(payload.size(), sizeof ends[0]);
  if (size > 0) {
    std::memcpy(&ends[0], payload.data(), size);
    std::memcpy(&ends[1], payload.data() + (payload.size() - size), size);
  }
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;
  return ((ends[0] * kOdd) ^ ends[1]) * kOdd + payload.size();
}

}  // namespace

bool FlowViews::seen_before(const Frame& frame, bool uplink, Instant time) {
  Way& way = ways_[uplink ? 0 : 1];
  const View view{frame.interface, frame.type};
  if (!way.view) way.view = view;
  if (*way.view != view) return true;
  if (copies_ == Copies::kArrivals || unnumbered_ || frame.source.is_v6() ||
      frame.identification == 0)
    return false;
  const auto identification = static_cast<std::uint16_t>(frame.identification);
  const Packet packet{time, content_of(frame.payload)};
  for (std::size_t i = 0; i < kPacketsKept; ++i) {
    if (way.identifications[i] != identification) continue;
    const Packet& before = way.packets[i];
    if (before.content != packet.content) {
      unnumbered_ = true;
      return false;
    }
    const auto [earlier, later] = std::minmax(before.time, time);
    if (saturating_between(earlier, later) <= kSamePacketMax) return true;
  }
  way.identifications[way.next] = identification;
  way.packets[way.next] = packet;
  way.next = (way.next + 1) % kPacketsKept;
  return false;
}

}  // namespace lossy
