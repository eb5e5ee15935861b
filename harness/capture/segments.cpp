#include <lossy/harness/capture/segments.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

#include <lossy/harness/capture/checksum.hpp>
#include <lossy/harness/capture/wire.hpp>

namespace lossy {
namespace {

using namespace wire;
using Bytes = std::span<const std::byte>;

// A frame that becomes one segment after the other.
class Segment {
 public:
  // `ip_at` and `payload_at` are places in the frame's bytes.
  Segment(Bytes frame, std::size_t ip_at, std::size_t payload_at, std::size_t segment_bytes)
      : ip_at_(ip_at), payload_at_(payload_at), bytes_(payload_at + segment_bytes) {
    std::ranges::copy(frame.first(payload_at), bytes_.begin());
    first_identification_ = is_v6() ? 0 : load16(ip(), 4);
    has_udp_checksum_ = load16(udp(), 6) != 0;
  }

  // The bytes of the segment of that number, from 0. Valid until the next call.
  Bytes write(std::size_t number, Bytes payload) {
    bytes_.resize(payload_at_ + payload.size());  // Only the last one is shorter.
    std::ranges::copy(payload, bytes_.begin() + static_cast<std::ptrdiff_t>(payload_at_));
    if (is_v6()) {
      write_ipv6();
    } else {
      write_ipv4(number);
    }
    write_udp();
    return bytes_;
  }

 private:
  std::span<std::byte> ip() { return std::span(bytes_).subspan(ip_at_); }
  std::span<std::byte> udp() { return std::span(bytes_).subspan(payload_at_ - kUdpHeaderBytes); }
  bool is_v6() { return load8(ip(), 0) / 16 == 6; }

  void write_ipv4(std::size_t number) {
    const std::span<std::byte> header = ip().first(std::size_t{load8(ip(), 0)} % 16 * 4);
    store16(header.data() + 2, static_cast<std::uint16_t>(ip().size()));
    store16(header.data() + 4, static_cast<std::uint16_t>(first_identification_ + number));
    store16(header.data() + 10, 0);
    store16(header.data() + 10, static_cast<std::uint16_t>(~sum_words(header)));
  }

  void write_ipv6() {
    store16(ip().data() + 4, static_cast<std::uint16_t>(ip().size() - kIpv6HeaderBytes));
  }

  void write_udp() {
    const std::span<std::byte> datagram = udp();
    const auto udp_bytes = static_cast<std::uint16_t>(datagram.size());
    store16(datagram.data() + 4, udp_bytes);
    store16(datagram.data() + 6, 0);
    if (!has_udp_checksum_) return;
    const Bytes addresses = is_v6() ? ip().subspan(8, 32) : ip().subspan(12, 8);
    const std::uint64_t sum = add_words(addresses) + in_network_order(udp_bytes) +
                              in_network_order(kProtocolUdp) + add_words(datagram);
    const auto checksum = static_cast<std::uint16_t>(~in_network_order(fold_checksum(sum)));
    store16(datagram.data() + 6, checksum == 0 ? std::uint16_t{0xFFFF} : checksum);
  }

  std::size_t ip_at_;
  std::size_t payload_at_;
  std::vector<std::byte> bytes_;
  std::uint16_t first_identification_ = 0;
  bool has_udp_checksum_ = false;
};

}  // namespace

std::size_t cut_segments(const CaptureRecord& record, const Frame& frame, Bytes packet,
                         std::size_t segment_bytes, const TakeRecord& take) {
  const Bytes payload = frame.payload;
  if (segment_bytes == 0 || payload.size() <= segment_bytes || frame.carriers.any()) return 0;
  Segment segment(record.frame, static_cast<std::size_t>(packet.data() - record.frame.data()),
                  static_cast<std::size_t>(payload.data() - record.frame.data()), segment_bytes);
  CaptureRecord one = record;
  std::size_t count = 0;
  for (std::size_t at = 0; at < payload.size(); at += segment_bytes) {
    one.frame =
        segment.write(count++, payload.subspan(at, std::min(segment_bytes, payload.size() - at)));
    one.original_bytes = one.frame.size();
    if (!take(one)) break;
  }
  return count;
}

}  // namespace lossy
