// Frames in which the kernel has merged datagrams, for tests of what takes them apart.
#pragma once

#include <string>
#include <string_view>

#include <lossy/harness/capture/capture_record.hpp>
#include <lossy/harness/capture/frame_for_test.hpp>

namespace lossy {

struct MergedPlan {
  std::string link = kMacs;  // In hexadecimal digits; the ether type is added where it ends a MAC.
  std::string options = "";  // Of IPv4; of IPv6 extension headers, the first hop-by-hop options.
  std::uint16_t identification = 0x0101;
  Checksum checksum = Checksum::kOffloaded;
};

// From the UDP header on, as the kernel leaves it: of the checksum there is the pseudo-header's
// sum.
inline TestBytes merged_udp(std::string_view payload, std::span<const std::byte> addresses,
                            Checksum checksum) {
  TestBytes udp(wire::kUdpHeaderBytes + payload.size());
  const auto udp_bytes = static_cast<std::uint16_t>(udp.size());
  wire::store16(udp.data(), 40'000);
  wire::store16(udp.data() + 2, 9999);
  wire::store16(udp.data() + 4, udp_bytes);
  if (checksum != Checksum::kAbsent) {
    const std::uint64_t sum = std::uint64_t{sum_words(addresses)} + wire::kProtocolUdp + udp_bytes;
    wire::store16(udp.data() + 6, fold_checksum(sum));
  }
  std::ranges::copy(as_bytes(payload), udp.begin() + wire::kUdpHeaderBytes);
  return udp;
}

inline TestBytes with_link(const std::string& link, const std::string& ether_type,
                           const TestBytes& packet) {
  return from_hex((link == kMacs ? link + ether_type : link) + to_hex(packet));
}

inline TestBytes merged4(std::string_view payload, const MergedPlan& plan = {}) {
  TestBytes packet = from_hex("4500 0000 0000 4000 40 11 0000 c0000201 c0000202" + plan.options);
  const std::size_t header_bytes = packet.size();
  const auto addresses = std::span<const std::byte>(packet).subspan(12, 8);
  const TestBytes udp = merged_udp(payload, addresses, plan.checksum);
  packet[0] = static_cast<std::byte>(0x40 + header_bytes / 4);
  wire::store16(packet.data() + 2, static_cast<std::uint16_t>(header_bytes + udp.size()));
  wire::store16(packet.data() + 4, plan.identification);
  wire::store16(packet.data() + 10, static_cast<std::uint16_t>(~sum_words(packet)));
  packet.insert(packet.end(), udp.begin(), udp.end());
  return with_link(plan.link, "0800", packet);
}

inline TestBytes merged6(std::string_view payload, const MergedPlan& plan = {}) {
  const TestBytes extensions = from_hex(plan.options);
  TestBytes packet = from_hex(
      "60012345 0000 11 40 20010db8000000000000000000000001 20010db8000000000000000000000002");
  const auto addresses = std::span<const std::byte>(packet).subspan(8, 32);
  const TestBytes udp = merged_udp(payload, addresses, plan.checksum);
  if (!extensions.empty()) packet[6] = std::byte{wire::kHopByHopOptions};
  wire::store16(packet.data() + 4, static_cast<std::uint16_t>(extensions.size() + udp.size()));
  packet.insert(packet.end(), extensions.begin(), extensions.end());
  packet.insert(packet.end(), udp.begin(), udp.end());
  return with_link(plan.link, "86dd", packet);
}

inline CaptureRecord record_of(const TestBytes& bytes, int link_type = kLinkTypeEthernet,
                               Instant time = Instant(std::chrono::seconds(1))) {
  return {.number = 1,
          .time = time,
          .frame = bytes,
          .original_bytes = bytes.size(),
          .link_type = link_type};
}

}  // namespace lossy
