// Invariant: whatever a frame holds, decoding it reads nothing outside of it, and gives a reason or
// a datagram that lies within the frame. A frame that our encoder writes decodes to the same.
//
// The first byte chooses the link type and how much of the frame was captured; the rest is it.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>

#include "fuzz/property.hpp"
#include "harness/capture/frame.hpp"

namespace lossy::fuzz {
namespace {

constexpr std::size_t kHeadersMin = 14 + 20 + 8;  // Ethernet, IPv4, UDP.

bool lies_within(std::span<const std::byte> part, std::span<const std::byte> whole) {
  const std::less_equal<> not_after;
  return not_after(whole.data(), part.data()) &&
         not_after(part.data() + part.size(), whole.data() + whole.size());
}

bool is_same(const Frame& a, const Frame& b) {
  return a.source == b.source && a.destination == b.destination && a.interface == b.interface &&
         a.type == b.type && a.link_address == b.link_address &&
         a.identification == b.identification && a.ttl == b.ttl &&
         std::equal(a.payload.begin(), a.payload.end(), b.payload.begin(), b.payload.end());
}

void check_datagram(const Frame& frame, std::span<const std::byte> bytes) {
  must(lies_within(frame.payload, bytes), "the payload lies within the frame");
  must(frame.payload.size() + kHeadersMin <= bytes.size(), "the headers take their room");
  must(frame.source.is_v6() == frame.destination.is_v6(), "both addresses are of one family");
  must(frame.source.is_v6() || frame.identification <= 0xFFFF, "IPv4's identification has 16 bits");
  must(frame.identification <= 0xFFFFF, "IPv6's flow label has 20 bits");
  if (frame.payload.size() > kPayloadBytesMax) return;  // IPv6 carries 20 bytes more than IPv4.

  static std::array<std::byte, kFrameBytesMax> buffer;
  const std::size_t size = encode_frame(frame, buffer);
  const auto encoded = std::span<const std::byte>(buffer).first(size);
  const auto again = decode_frame(kLinkTypeLinuxSll2, encoded, size);
  const auto* decoded = std::get_if<Frame>(&again);
  must(decoded != nullptr, "what the encoder writes is a datagram");
  must(is_same(*decoded, frame), "what the encoder writes decodes to the same");
  must(decoded->ip_checksum == Checksum::kGood && decoded->udp_checksum == Checksum::kGood,
       "the encoder writes good checksums");
}

}  // namespace
}  // namespace lossy::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lossy;
  if (size == 0) return 0;
  const std::uint8_t choice = data[0];
  const std::size_t frame_bytes = size - 1;
  // A buffer of exactly its size, so that AddressSanitizer sees a read on either side of it.
  const auto buffer = std::make_unique<std::byte[]>(frame_bytes);
  if (frame_bytes > 0) std::memcpy(buffer.get(), data + 1, frame_bytes);
  const std::span<const std::byte> frame(buffer.get(), frame_bytes);

  constexpr std::array<int, 4> kLinkTypes = {kLinkTypeLinuxSll2, kLinkTypeEthernet, 113, -1};
  const int link_type = kLinkTypes[choice % kLinkTypes.size()];
  const std::size_t original_bytes = frame_bytes + choice / kLinkTypes.size();
  const auto decoded = decode_frame(link_type, frame, original_bytes);
  if (const auto* reason = std::get_if<SkipReason>(&decoded)) {
    fuzz::must(static_cast<std::size_t>(*reason) < kSkipReasonCount, "a reason is one of them");
    fuzz::must((*reason == SkipReason::kLinkType) == !is_link_type_supported(link_type),
               "a link type is refused when it is not supported, and only then");
    fuzz::must(*reason != SkipReason::kSnapped || original_bytes > frame_bytes,
               "only a frame that was snapped is said to be");
    fuzz::must(*reason != SkipReason::kTruncated || original_bytes == frame_bytes,
               "a frame that was snapped is not said to be truncated");
    return 0;
  }
  fuzz::must(is_link_type_supported(link_type), "a datagram comes from a supported link type");
  fuzz::check_datagram(std::get<Frame>(decoded), frame);
  return 0;
}
