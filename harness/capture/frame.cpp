#include <lossy/harness/capture/frame.hpp>

#include <algorithm>
#include <new>
#include <optional>

#include <lossy/harness/capture/checksum.hpp>
#include <lossy/harness/capture/decoder.hpp>
#include <lossy/harness/capture/wire.hpp>

namespace lossy {

using namespace wire;
using Refusal = Decoder::Refusal;
using Bytes = Decoder::Bytes;

namespace {

// Why nothing behind this header can be a datagram, or nothing when it is one, or can be passed.
Refusal impassable(std::uint8_t protocol, bool is_v6) {
  switch (protocol) {
    case kProtocolUdp:
    case kProtocolIpv4:
    case kProtocolIpv6:
    case kProtocolGre:
    case kAuthentication:
    case kProtocolEtherIp:
    case kProtocolMpls:
      return std::nullopt;
    case kEncapsulatedSecurity:
      return SkipReason::kEncrypted;
    case kHopByHopOptions:
    case kRoutingHeader:
    case kFragmentHeader:
    case kDestinationOptions:
      if (is_v6) return std::nullopt;
      return SkipReason::kNotUdp;
    case kMobility:
    case kHostIdentity:
    case kShim6:
      return is_v6 ? SkipReason::kExtensionHeader : SkipReason::kNotUdp;
    default:
      return SkipReason::kNotUdp;
  }
}

// Whether a header says what follows it in its first byte, and its own length in the second.
bool is_extension(std::uint8_t protocol) {
  return protocol == kHopByHopOptions || protocol == kRoutingHeader ||
         protocol == kFragmentHeader || protocol == kAuthentication ||
         protocol == kDestinationOptions;
}

// Of a packet that was put together the addresses are in the frame; else they are in the IP header,
// where they are neighbours.
std::uint64_t add_addresses(Bytes addresses, const Frame& frame) {
  if (!addresses.empty()) return add_words(addresses);
  return add_words(octets_of(frame.source)) + add_words(octets_of(frame.destination));
}

Checksum judge_udp_checksum(Bytes udp, std::uint64_t addresses) {
  const std::uint16_t checksum = load16(udp, 6);
  if (checksum == 0) return Checksum::kAbsent;
  // The pseudo-header (RFC 768, RFC 8200 section 8.1).
  const std::uint64_t pseudo = addresses +
                               in_network_order(static_cast<std::uint16_t>(udp.size())) +
                               in_network_order(kProtocolUdp);
  if (fold_checksum(pseudo + add_words(udp)) == 0xFFFF) return Checksum::kGood;
  return in_network_order(checksum) == fold_checksum(pseudo) ? Checksum::kOffloaded
                                                             : Checksum::kBad;
}

// As above. Once for each frame, since addresses are the largest part of it.
void take_addresses(Bytes addresses, std::uint16_t source_port, std::uint16_t destination_port,
                    Frame& frame) {
  if (addresses.empty()) {
    frame.source = with_port(frame.source, source_port);
    frame.destination = with_port(frame.destination, destination_port);
  } else if (addresses.size() == 8) {
    // Made in their places: copies of what was written piece by piece would wait for it.
    ::new (&frame.source) Address(Address::v4(load_octets<4>(addresses, 0), source_port));
    ::new (&frame.destination) Address(Address::v4(load_octets<4>(addresses, 4), destination_port));
  } else {
    frame.source = Address::v6(load_octets<16>(addresses, 0), source_port);
    frame.destination = Address::v6(load_octets<16>(addresses, 16), destination_port);
  }
}

}  // namespace

Refusal Decoder::decode_link(int link_type) {
  switch (link_type) {
    case kLinkTypeEthernet:
      return decode_ethernet();
    case kLinkTypeRaw:
    case kLinkTypeRawOpenBsd:
    case kLinkTypeRawFile:
      return decode_raw();
    case kLinkTypeLinuxSll:
      return decode_sll();
    case kLinkTypeIpv4:
      return decode_ipv4();
    case kLinkTypeIpv6:
      return decode_ipv6();
    case kLinkTypeLinuxSll2:
      return decode_sll2();
    default:
      return decode_rare_link(link_type);
  }
}

Refusal Decoder::decode_whole_packet(std::uint8_t protocol) {
  reassembled_ = true;
  return decode_behind_ip(protocol, frame_.source.is_v6(), true);
}

Refusal Decoder::decode_raw() {
  if (!has(1)) return lacking();
  switch (load8(rest_, 0) / 16) {
    case 4:
      return decode_ipv4();
    case 6:
      return decode_ipv6();
    default:
      return SkipReason::kNotIp;
  }
}

Refusal Decoder::decode_ethernet() {
  if (!has(kEthernetHeaderBytes)) return lacking();
  const std::uint16_t ether_type = load16(rest_, 12);
  frame_.link_address = load_octets<6>(rest_, 6);
  if (load8(rest_, 0) == kHostAddressFront[0]) [[unlikely]]
    take_place_by_ethernet();
  cut(kEthernetHeaderBytes);
  return decode_ether_type(ether_type);
}

// Of a recording of ours: see kHostAddressFront. Our marks begin like a host's address.
void Decoder::take_place_by_ethernet() {
  const LinkAddress to = load_octets<6>(rest_, 0);
  const LinkAddress from = load_octets<6>(rest_, 6);
  const auto is_mark = [](const LinkAddress& address) {
    return std::ranges::find(kMarks, address) != kMarks.end();
  };
  const bool outgoing = is_mark(to);
  const LinkAddress& host = outgoing ? from : to;
  if (outgoing == is_mark(from) ||
      !std::ranges::equal(kHostAddressFront, std::span(host).first<2>()))
    return;
  frame_.type = outgoing ? PacketType::kOutgoing : PacketType::kIncoming;
  frame_.interface = load32(rest_, (outgoing ? 6 : 0) + kHostAddressFront.size());
  frame_.link_address = outgoing ? to : from;
}

void Decoder::take_place_by_sll() {
  const auto short_mark = load_octets<kShortMarkOctets>(rest_, 6);
  for (const LinkAddress& mark : kMarks) {
    if (!std::ranges::equal(short_mark, std::span(mark).first<kShortMarkOctets>())) continue;
    frame_.link_address = mark;
    frame_.interface = load32(rest_, 6 + kShortMarkOctets);
  }
}

Refusal Decoder::decode_sll() {
  if (!has(kSllHeaderBytes)) return lacking();
  take_packet_type(load16(rest_, 0));
  const std::uint16_t hardware = load16(rest_, 2);
  take_link_address(load16(rest_, 4), 6);
  if (load16(rest_, 4) == kPlacedAddressOctets) take_place_by_sll();
  const std::uint16_t protocol = load16(rest_, 14);
  cut(kSllHeaderBytes);
  return decode_linux(hardware, protocol);
}

Refusal Decoder::decode_sll2() {
  if (!has(kSll2HeaderBytes)) return lacking();
  const std::uint16_t protocol = load16(rest_, 0);
  frame_.interface = load32(rest_, 4);
  const std::uint16_t hardware = load16(rest_, 8);
  take_packet_type(load8(rest_, 10));
  take_link_address(load8(rest_, 11), 12);
  cut(kSll2HeaderBytes);
  return decode_linux(hardware, protocol);
}

Refusal Decoder::decode_linux(std::uint16_t hardware, std::uint16_t protocol) {
  if (hardware == kArphrdRadiotap) return decode_radiotap();
  if (protocol >= kEtherTypesFrom) return decode_ether_type(protocol);
  if (protocol != kLinux8022) return SkipReason::kNotIp;
  if (const auto reason = enter(Carrier::kLlc)) return reason;
  return decode_llc();
}

void Decoder::take_packet_type(std::uint16_t type) {
  if (type <= kMulticast) frame_.type = PacketType::kIncoming;
  if (type == kSentByUs) frame_.type = PacketType::kOutgoing;
}

void Decoder::take_link_address(std::size_t bytes, std::size_t at) {
  if (bytes == frame_.link_address.size()) frame_.link_address = load_octets<6>(rest_, at);
}

Refusal Decoder::decode_ether_type(std::uint16_t ether_type) {
  if (ether_type == kEtherTypeIpv4) return decode_ipv4();
  if (ether_type == kEtherTypeIpv6) return decode_ipv6();
  return decode_rare_ether_type(ether_type);
}

// What a packet is (TCP, say) is said even when some of its bytes are lacking.
Refusal Decoder::decode_ipv4() {
  if (!has(kIpv4HeaderBytes)) return lacking();
  const std::size_t header_bytes = std::size_t{load8(rest_, 0)} % 16 * 4;
  const std::size_t total_bytes = load16(rest_, 2);
  if (load8(rest_, 0) / 16 != 4 || header_bytes < kIpv4HeaderBytes || total_bytes < header_bytes) {
    return SkipReason::kBadIpHeader;
  }
  const std::uint8_t protocol = load8(rest_, 9);
  const bool is_udp = protocol == kProtocolUdp;
  if (!is_udp) {
    if (const auto reason = impassable(protocol, false)) return reason;
  }
  if (!has(is_udp ? total_bytes : header_bytes)) return lacking();

  take_packet();
  frame_.identification = load16(rest_, 4);
  frame_.ttl = load8(rest_, 8);
  addresses_ = rest_.subspan(12, 8);
  reassembled_ = false;
  if (fold_checksum(add_words(rest_.first(header_bytes))) != 0xFFFF &&
      frame_.ip_checksum != Checksum::kBad) {
    frame_.ip_checksum = load16(rest_, 10) == 0 ? Checksum::kAbsent : Checksum::kBad;
  }
  const std::uint16_t flags_and_offset = load16(rest_, 6);
  const bool complete = has(total_bytes);
  end_at(total_bytes);
  cut(header_bytes);
  if ((flags_and_offset & (kMoreFragments | kFragmentOffset)) == 0) {
    return is_udp ? decode_udp() : decode_behind_ip(protocol, false, complete);
  }
  if (!complete) return lacking();
  return fragment(protocol, frame_.identification, (flags_and_offset & kFragmentOffset) * 8U,
                  (flags_and_offset & kMoreFragments) != 0);
}

Refusal Decoder::decode_ipv6() {
  if (!has(kIpv6HeaderBytes)) return lacking();
  if (load8(rest_, 0) / 16 != 6) return SkipReason::kBadIpHeader;
  take_packet();
  const std::size_t payload_bytes = load16(rest_, 4);
  const std::uint8_t next_header = load8(rest_, 6);
  frame_.identification = load32(rest_, 0) & 0xFFFFF;
  frame_.ttl = load8(rest_, 7);
  addresses_ = rest_.subspan(8, 32);
  reassembled_ = false;
  cut(kIpv6HeaderBytes);
  const bool complete = has(payload_bytes);
  end_at(payload_bytes);
  return decode_behind_ip(next_header, true, complete);
}

// Passes the headers in between. Each is at least 8 bytes long, so this ends.
Refusal Decoder::decode_behind_ip(std::uint8_t protocol, bool is_v6, bool complete) {
  while (protocol != kProtocolUdp) {
    if (const auto reason = impassable(protocol, is_v6)) return reason;
    if (!is_extension(protocol)) return decode_carried(protocol);
    if (!has(8)) return complete ? SkipReason::kBadIpHeader : lacking();
    std::size_t header_bytes = (std::size_t{load8(rest_, 1)} + 1) * 8;
    if (protocol == kFragmentHeader) {
      // An offset of 0 and no more fragments: the whole packet, which can be passed.
      if ((load16(rest_, 2) & 0xFFF9) != 0) return decode_fragment_header(complete);
      header_bytes = 8;
    }
    if (protocol == kAuthentication) {
      header_bytes = (std::size_t{load8(rest_, 1)} + 2) * 4;
      if (const auto reason = enter(Carrier::kAuthentication)) return reason;
    }
    // As long as there are segments left, the packet is not at its destination.
    if (protocol == kRoutingHeader && load8(rest_, 3) != 0) return SkipReason::kExtensionHeader;
    if (!has(header_bytes)) return complete ? SkipReason::kBadIpHeader : lacking();
    protocol = load8(rest_, 0);
    cut(header_bytes);
  }
  return complete ? decode_udp() : lacking();
}

Refusal Decoder::decode_fragment_header(bool complete) {
  const std::uint8_t protocol = load8(rest_, 0);
  const std::uint16_t offset_and_more = load16(rest_, 2);
  const std::uint32_t identification = load32(rest_, 4);
  const std::uint32_t offset = offset_and_more & 0xFFF8U;
  // Only the first piece is sure to say what the packet carries (RFC 8200 section 4.5).
  if (offset == 0) {
    if (const auto reason = impassable(protocol, true)) return reason;
  }
  if (!complete) return lacking();
  cut(8);
  return fragment(protocol, identification, offset, (offset_and_more & 1) != 0);
}

// `rest_` is what the piece carries, all of it.
SkipReason Decoder::fragment(std::uint8_t protocol, std::uint32_t identification,
                             std::uint32_t offset, bool more) {
  if (reassembled_) return SkipReason::kBadFragment;  // A fragment of a fragment.
  take_addresses(addresses_, 0, 0, frame_);
  if (options_.fragment != nullptr) {
    *options_.fragment = {frame_, identification, protocol, offset, more, depth_, rest_};
  }
  return SkipReason::kFragment;
}

// `rest_` is what the IP packet carries, all of it. UDP may use less of it.
Refusal Decoder::decode_udp() {
  if (!has(kUdpHeaderBytes)) return SkipReason::kBadUdpLength;
  const std::size_t udp_bytes = load16(rest_, 4);
  if (udp_bytes < kUdpHeaderBytes || !has(udp_bytes)) return SkipReason::kBadUdpLength;
  rest_ = rest_.first(udp_bytes);
  frame_.udp_checksum = judge_udp_checksum(rest_, add_addresses(addresses_, frame_));
  take_addresses(addresses_, load16(rest_, 0), load16(rest_, 2), frame_);
  frame_.payload = rest_.subspan(kUdpHeaderBytes);
  if (!options_.inner) return std::nullopt;
  return decode_inside().value_or(std::nullopt);
}

Decoded decode_frame(int link_type, Bytes bytes, std::size_t original_bytes,
                     const DecodeOptions& options) {
  Decoded decoded;
  Frame& frame = std::get<Frame>(decoded);
  Decoder decoder(bytes, original_bytes > bytes.size(), 0, options, frame);
  if (const Refusal reason = decoder.decode_link(link_type)) {
    decoded = Skipped{*reason, frame.carriers};
  }
  return decoded;
}

Decoded decode_packet(const Fragment& whole, const DecodeOptions& options) {
  Decoded decoded = whole.packet;
  Frame& frame = std::get<Frame>(decoded);
  Decoder decoder(whole.bytes, false, whole.depth, options, frame);
  if (const Refusal reason = decoder.decode_whole_packet(whole.protocol)) {
    decoded = Skipped{*reason, frame.carriers};
  }
  return decoded;
}

std::optional<Decoded> decode_inside(const Frame& datagram) {
  Decoded decoded = datagram;
  Frame& frame = std::get<Frame>(decoded);
  Decoder decoder(datagram.payload, false, 0, {}, frame);
  const std::optional<Refusal> outcome = decoder.decode_inside();
  if (!outcome) return std::nullopt;
  if (*outcome) decoded = Skipped{**outcome, frame.carriers};
  return decoded;
}

}  // namespace lossy
