#include <algorithm>
#include <cstring>
#include <utility>

#include <lossy/core/check.hpp>
#include <lossy/harness/capture/checksum.hpp>
#include <lossy/harness/capture/frame.hpp>
#include <lossy/harness/capture/wire.hpp>

namespace lossy {
namespace {

using namespace wire;

// The sum over the pseudo-header, which is the same for IPv4 (RFC 768) and IPv6 (RFC 8200, 8.1).
std::uint64_t sum_pseudo_header(const Address& source, const Address& destination,
                                std::size_t udp_bytes) {
  return std::uint64_t{sum_words(octets_of(source))} + sum_words(octets_of(destination)) +
         kProtocolUdp + udp_bytes;
}

std::uint16_t ether_type_of(const Frame& frame) {
  if (frame.in_flight) return kEtherTypeNote;
  return frame.source.is_v6() ? kEtherTypeIpv6 : kEtherTypeIpv4;
}

std::uint16_t packet_type_of(const Frame& frame) {
  if (frame.type == PacketType::kOutgoing) return kSentByUs;
  return frame.type == PacketType::kIncoming ? kToUs : kToSomeoneElse;
}

// It is of a recording of ours, and of a host in it.
bool is_placed(const Frame& frame) {
  return frame.interface != 0 && std::ranges::find(kMarks, frame.link_address) != kMarks.end();
}

void encode_sll2(const Frame& frame, std::byte* at) {
  store16(at, ether_type_of(frame));
  store16(at + 2, 0);
  store32(at + 4, frame.interface);
  store16(at + 8, kArphrdEthernet);
  store8(at + 10, static_cast<std::uint8_t>(packet_type_of(frame)));
  store8(at + 11, sizeof(LinkAddress));
  std::memcpy(at + 12, frame.link_address.data(), frame.link_address.size());
  store16(at + 18, 0);
}

void encode_sll(const Frame& frame, std::byte* at) {
  const bool placed = is_placed(frame);
  store16(at, packet_type_of(frame));
  store16(at + 2, kArphrdEthernet);
  store16(at + 4, placed ? kPlacedAddressOctets : sizeof(LinkAddress));
  std::memcpy(at + 6, frame.link_address.data(), frame.link_address.size());
  store16(at + 12, 0);
  if (placed) store32(at + 6 + kShortMarkOctets, frame.interface);
  store16(at + 14, ether_type_of(frame));
}

void encode_ethernet(const Frame& frame, std::byte* at) {
  LinkAddress host{};
  if (is_placed(frame)) {
    host = {kHostAddressFront[0], kHostAddressFront[1]};
    for (std::size_t i = 0; i < 4; ++i) {
      host[2 + i] = static_cast<std::uint8_t>(frame.interface >> (24 - 8 * i) & 0xFF);
    }
  }
  LinkAddress from = frame.link_address;
  if (is_placed(frame) && frame.type == PacketType::kOutgoing) std::swap(from, host);
  std::memcpy(at, host.data(), host.size());
  std::memcpy(at + host.size(), from.data(), from.size());
  store16(at + 12, ether_type_of(frame));
}

// RAW has no header.
void encode_link(const Frame& frame, int link_type, std::byte* at) {
  if (link_type == kLinkTypeLinuxSll2) encode_sll2(frame, at);
  if (link_type == kLinkTypeLinuxSll) encode_sll(frame, at);
  if (link_type == kLinkTypeEthernet) encode_ethernet(frame, at);
}

std::size_t link_header_bytes(int link_type) {
  switch (link_type) {
    case kLinkTypeLinuxSll2:
      return kSll2HeaderBytes;
    case kLinkTypeLinuxSll:
      return kSllHeaderBytes;
    case kLinkTypeEthernet:
      return kEthernetHeaderBytes;
    default:
      check(link_type == kLinkTypeRaw, "encode_frame: no such link type is written");
      return 0;
  }
}

void encode_ipv4(const Frame& frame, std::uint16_t udp_bytes, std::byte* at) {
  const auto total_bytes = static_cast<std::uint16_t>(kIpv4HeaderBytes + udp_bytes);
  const auto identification = static_cast<std::uint16_t>(frame.identification & 0xFFFF);
  const auto ttl_and_protocol = static_cast<std::uint16_t>((frame.ttl << 8) | kProtocolUdp);
  // The header's sum from its fields: reading back what was just written would stall.
  const std::uint64_t sum = std::uint64_t{0x4500} + total_bytes + identification + kDontFragment +
                            ttl_and_protocol + sum_words(octets_of(frame.source)) +
                            sum_words(octets_of(frame.destination));
  store16(at, 0x4500);
  store16(at + 2, total_bytes);
  store16(at + 4, identification);
  store16(at + 6, kDontFragment);
  store16(at + 8, ttl_and_protocol);
  store16(at + 10, static_cast<std::uint16_t>(~fold_checksum(sum)));
  std::memcpy(at + 12, frame.source.octets().data(), 4);
  std::memcpy(at + 16, frame.destination.octets().data(), 4);
}

void encode_ipv6(const Frame& frame, std::uint16_t udp_bytes, std::byte* at) {
  store32(at, 0x60000000 | (frame.identification & 0xFFFFF));
  store16(at + 4, udp_bytes);
  store8(at + 6, kProtocolUdp);
  store8(at + 7, frame.ttl);
  std::memcpy(at + 8, frame.source.octets().data(), 16);
  std::memcpy(at + 24, frame.destination.octets().data(), 16);
}

void encode_udp(const Frame& frame, std::uint16_t udp_bytes, std::byte* at) {
  const std::uint64_t sum = sum_pseudo_header(frame.source, frame.destination, udp_bytes) +
                            frame.source.port() + frame.destination.port() + udp_bytes +
                            sum_words(frame.payload);
  const auto checksum = static_cast<std::uint16_t>(~fold_checksum(sum));
  store16(at, frame.source.port());
  store16(at + 2, frame.destination.port());
  store16(at + 4, udp_bytes);
  store16(at + 6, checksum == 0 ? std::uint16_t{0xFFFF} : checksum);  // Zero would mean none.
  if (!frame.payload.empty()) {
    std::memcpy(at + kUdpHeaderBytes, frame.payload.data(), frame.payload.size());
  }
}

}  // namespace

std::size_t encode_frame(const Frame& frame, std::span<std::byte> buffer, int link_type) {
  const bool is_v6 = frame.source.is_v6();
  check(is_v6 == frame.destination.is_v6(), "encode_frame: addresses of two families");
  check(frame.payload.size() <= payload_bytes_max(frame.source),
        "encode_frame: the payload is too long");
  check(!frame.in_flight || link_type != kLinkTypeRaw, "encode_frame: RAW has no notes");
  const auto udp_bytes = static_cast<std::uint16_t>(kUdpHeaderBytes + frame.payload.size());
  const std::size_t ip_header_bytes = is_v6 ? kIpv6HeaderBytes : kIpv4HeaderBytes;
  const std::size_t link_bytes = link_header_bytes(link_type);
  const std::size_t size = link_bytes + ip_header_bytes + udp_bytes;
  check(buffer.size() >= size, "encode_frame: the buffer is too small");

  encode_link(frame, link_type, buffer.data());
  std::byte* const ip = buffer.data() + link_bytes;
  if (is_v6) {
    encode_ipv6(frame, udp_bytes, ip);
  } else {
    encode_ipv4(frame, udp_bytes, ip);
  }
  encode_udp(frame, udp_bytes, ip + ip_header_bytes);
  return size;
}

}  // namespace lossy
