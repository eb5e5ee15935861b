#include <lossy/harness/capture/segment_sizes.hpp>

#include <algorithm>

namespace lossy {
namespace {

Duration difference(Instant one, Instant other) {
  return saturating_between(std::min(one, other), std::max(one, other));
}

}  // namespace

PacketBeginning beginning_of(std::span<const std::byte> packet) {
  PacketBeginning beginning{};
  std::ranges::copy(packet.first(std::min(packet.size(), beginning.size())), beginning.begin());
  return beginning;
}

void SegmentSizes::remember(const MergedPacket& merged) {
  if (index_.size() >= limits_.packets_max) {
    const Index::iterator oldest = arrivals_.begin()->second;
    // One that is much older belongs to a flow that nobody records.
    const Duration age = saturating_between(oldest->second.merged.time, merged.time);
    if (age <= limits_.disorder_max) ++lost_;
    forget(oldest);
  }
  const std::uint64_t number = remembered_++;
  arrivals_.emplace(number, index_.insert({{merged.beginning, merged.time}, {merged, number}}));
}

std::optional<MergedPacket> SegmentSizes::take(std::span<const std::byte> packet, Instant time) {
  while (!empty()) {
    const Index::iterator oldest = arrivals_.begin()->second;
    if (saturating_between(oldest->second.merged.time, time) <= limits_.disorder_max) break;
    forget(oldest);
  }
  const PacketBeginning beginning = beginning_of(packet);
  // Of those that begin the same, the neighbours of that time.
  const Index::iterator after = index_.lower_bound({beginning, time});
  Index::iterator closest = index_.end();
  for (const bool is_before : {false, true}) {
    if (is_before ? after == index_.begin() : after == index_.end()) continue;
    const Index::iterator one = is_before ? std::prev(after) : after;
    if (one->second.merged.beginning != beginning) continue;
    const Duration distance = difference(one->second.merged.time, time);
    if (distance > (times_are_exact_ ? Duration::zero() : limits_.difference_max)) continue;
    if (closest == index_.end() || distance < difference(closest->second.merged.time, time)) {
      closest = one;
    }
  }
  if (closest == index_.end()) return std::nullopt;
  const MergedPacket found = closest->second.merged;
  times_are_exact_ = times_are_exact_ || found.time == time;
  forget(closest);
  return found;
}

void SegmentSizes::forget(Index::iterator one) {
  arrivals_.erase(one->second.number);
  index_.erase(one);
}

}  // namespace lossy
