#include <lossy/harness/capture/flow_views.hpp>

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

std::uint8_t FlowViews::number_of(const View& view) {
  const auto found = std::ranges::find(views_, view);
  const auto index = static_cast<std::size_t>(found - views_.begin());
  if (found == views_.end() && views_.size() < kViewsMax) views_.push_back(view);
  return static_cast<std::uint8_t>(std::min(index + 1, kViewsMax));
}

bool FlowViews::is_again(Packet& before, std::uint8_t view, std::uint16_t identification,
                         Instant time) const {
  const auto [earlier, later] = std::minmax(before.time, time);
  const Duration apart = saturating_between(earlier, later);
  if (before.view != view) {
    if (before.other == view || apart > kOtherViewMax) return false;
    before.other = view;
    return true;
  }
  if (copies_ == Copies::kArrivals || identification == 0 || apart > kSamePacketMax) return false;
  before.time = time;
  return true;
}

bool FlowViews::seen_before(const Frame& frame, std::uint32_t interface, bool uplink,
                            Instant time) {
  const std::uint8_t view = number_of({interface, frame.interface, frame.type});
  Way& way = ways_[uplink ? 0 : 1];
  const bool numbered = !unnumbered_ && !frame.source.is_v6();
  const auto identification = static_cast<std::uint16_t>(numbered ? frame.identification : 0);
  const std::uint64_t content = content_of(frame.payload);
  const bool may_be_again = identification != 0 || views_.size() > 1;
  const std::size_t kept = may_be_again ? std::min(way.seen, kPacketsKept) : 0;
  for (std::size_t i = 0; i < kept; ++i) {
    if (way.identifications[i] != identification) continue;
    Packet& before = way.packets[i];
    if (before.content == content) {
      if (is_again(before, view, identification, time)) return true;
    } else if (identification != 0) {
      unnumbered_ = true;
    }
  }
  const std::size_t place = way.seen++ % kPacketsKept;
  way.identifications[place] = unnumbered_ ? std::uint16_t{0} : identification;
  way.packets[place] = {time, content, view};
  return false;
}

}  // namespace lossy
