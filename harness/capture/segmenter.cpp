#include <lossy/harness/capture/segmenter.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <variant>

#include <lossy/harness/capture/wire.hpp>

namespace lossy {
namespace {

// Whether the datagrams that were merged are those of the packet itself, and not of one that it
// carries.
bool are_its_own(const MergedPacket& merged, const Frame& frame,
                 std::span<const std::byte> packet) {
  if (frame.carriers.any()) return false;
  const auto payload_at = static_cast<std::size_t>(frame.payload.data() - packet.data());
  if (merged.udp_at != 0) return merged.udp_at + wire::kUdpHeaderBytes == payload_at;
  return !carrier_to(frame.destination.port());
}

}  // namespace

void Segmenter::hand_on(const CaptureRecord& record, const TakeRecord& take) {
  std::optional<MergedPacket> merged;
  Decoded decoded;
  std::span<const std::byte> packet;
  if (!sizes_.empty()) {  // Else none is, and most frames need not be decoded.
    decoded = decode_record(record, {.packet = &packet});
    merged = sizes_.take(packet, record.time);
  }
  const auto* const frame = std::get_if<Frame>(&decoded);
  if (merged && frame != nullptr && are_its_own(*merged, *frame, packet)) {
    const std::size_t datagrams = cut_segments(record, *frame, packet, merged->segment_bytes, take);
    counters_.packets += datagrams > 0 ? 1 : 0;
    counters_.datagrams += datagrams;
    if (datagrams > 0) return;
  } else if (merged) {
    ++counters_.carried;
  }
  take(record);
}

}  // namespace lossy
