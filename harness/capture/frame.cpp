#include "harness/capture/frame.hpp"

#include <algorithm>
#include <new>
#include <optional>

#include "harness/capture/checksum.hpp"
#include "harness/capture/wire.hpp"

namespace lossy {
namespace {

using namespace wire;
using Bytes = std::span<const std::byte>;
using Decoded = std::variant<Frame, SkipReason>;

// The host that captured wrote the family in its own order. No family needs more than 16 bits.
std::uint32_t in_either_order(std::uint32_t family) {
  if ((family & 0xFFFF0000) == 0) return family;
  return (family >> 24) | (family >> 8 & 0xFF00) | (family << 8 & 0xFF0000) | (family << 24);
}

// Why a frame is skipped, or nothing.
using Refusal = std::optional<SkipReason>;

// One frame on its way through the layers. Each step looks at the front of `rest_`, and either says
// why the frame is skipped or cuts off what it has understood. What is learnt is written where it
// is wanted: copying a frame would take as long as decoding it.
class Decoder {
 public:
  Decoder(Bytes bytes, std::size_t original_bytes, Fragment* fragment, Frame& frame)
      : rest_(bytes), snapped_(original_bytes > bytes.size()), fragment_(fragment), frame_(frame) {}

  // A packet that was put together, and is no fragment of another.
  Decoder(Bytes bytes, Frame& packet)
      : rest_(bytes), snapped_(false), reassembled_(true), frame_(packet) {}

  Refusal decode(int link_type) {
    switch (link_type) {
      case kLinkTypeNull:
      case kLinkTypeLoop:
        return decode_family(link_type == kLinkTypeNull);
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
        return SkipReason::kLinkType;
    }
  }

  Refusal decode_packet(std::uint8_t protocol) {
    return frame_.source.is_v6() ? decode_behind_ipv6(protocol, true) : decode_udp();
  }

 private:
  SkipReason lacking() const { return snapped_ ? SkipReason::kSnapped : SkipReason::kTruncated; }

  Refusal decode_family(bool host_order) {
    if (rest_.size() < kNullHeaderBytes) return lacking();
    const std::uint32_t written = load32(rest_, 0);
    rest_ = rest_.subspan(kNullHeaderBytes);
    switch (host_order ? in_either_order(written) : written) {
      case kFamilyIpv4:
        return decode_ipv4();
      case kFamilyIpv6Linux:
      case kFamilyIpv6Bsd:
      case kFamilyIpv6FreeBsd:
      case kFamilyIpv6Darwin:
        return decode_ipv6();
      default:
        return SkipReason::kNotIp;
    }
  }

  Refusal decode_raw() {
    if (rest_.empty()) return lacking();
    switch (load8(rest_, 0) / 16) {
      case 4:
        return decode_ipv4();
      case 6:
        return decode_ipv6();
      default:
        return SkipReason::kNotIp;
    }
  }

  Refusal decode_ethernet() {
    if (rest_.size() < kEthernetHeaderBytes) return lacking();
    const std::uint16_t ether_type = load16(rest_, 12);
    frame_.link_address = load_octets<6>(rest_, 6);
    rest_ = rest_.subspan(kEthernetHeaderBytes);
    return decode_ether_type(ether_type);
  }

  Refusal decode_sll() {
    if (rest_.size() < kSllHeaderBytes) return lacking();
    take_packet_type(load16(rest_, 0));
    take_link_address(load16(rest_, 4), 6);
    const std::uint16_t ether_type = load16(rest_, 14);
    rest_ = rest_.subspan(kSllHeaderBytes);
    return decode_ether_type(ether_type);
  }

  Refusal decode_sll2() {
    if (rest_.size() < kSll2HeaderBytes) return lacking();
    const std::uint16_t ether_type = load16(rest_, 0);
    frame_.interface = load32(rest_, 4);
    take_packet_type(load8(rest_, 10));
    take_link_address(load8(rest_, 11), 12);
    rest_ = rest_.subspan(kSll2HeaderBytes);
    return decode_ether_type(ether_type);
  }

  void take_packet_type(std::uint16_t type) {
    if (type <= kMulticast) frame_.type = PacketType::kIncoming;
    if (type == kSentByUs) frame_.type = PacketType::kOutgoing;
  }

  void take_link_address(std::size_t bytes, std::size_t at) {
    if (bytes == frame_.link_address.size()) frame_.link_address = load_octets<6>(rest_, at);
  }

  // Passes VLAN tags, however many: each takes 4 bytes, so this ends.
  Refusal decode_ether_type(std::uint16_t ether_type) {
    while (ether_type == kEtherTypeVlan || ether_type == kEtherTypeServiceVlan ||
           ether_type == kEtherTypeOldQinq) {
      if (rest_.size() < kVlanTagBytes) return lacking();
      frame_.vlan = load16(rest_, 0) & 0xFFF;
      ether_type = load16(rest_, 2);
      rest_ = rest_.subspan(kVlanTagBytes);
    }
    if (ether_type == kEtherTypeIpv4) return decode_ipv4();
    if (ether_type == kEtherTypeIpv6) return decode_ipv6();
    return SkipReason::kNotIp;
  }

  // What a packet is (TCP, say) is said even when some of its bytes are lacking.
  Refusal decode_ipv4() {
    if (rest_.size() < kIpv4HeaderBytes) return lacking();
    const std::size_t header_bytes = std::size_t{load8(rest_, 0)} % 16 * 4;
    const std::size_t total_bytes = load16(rest_, 2);
    if (load8(rest_, 0) / 16 != 4 || header_bytes < kIpv4HeaderBytes ||
        total_bytes < header_bytes) {
      return SkipReason::kBadIpHeader;
    }
    if (load8(rest_, 9) != kProtocolUdp) return SkipReason::kNotUdp;
    if (rest_.size() < total_bytes) return lacking();

    frame_.identification = load16(rest_, 4);
    frame_.ttl = load8(rest_, 8);
    addresses_ = rest_.subspan(12, 8);
    if (fold_checksum(add_words(rest_.first(header_bytes))) != 0xFFFF) {
      frame_.ip_checksum = load16(rest_, 10) == 0 ? Checksum::kAbsent : Checksum::kBad;
    }
    const std::uint16_t flags_and_offset = load16(rest_, 6);
    rest_ = rest_.first(total_bytes).subspan(header_bytes);
    if ((flags_and_offset & (kMoreFragments | kFragmentOffset)) == 0) return decode_udp();
    return fragment(kProtocolUdp, frame_.identification, (flags_and_offset & kFragmentOffset) * 8U,
                    (flags_and_offset & kMoreFragments) != 0);
  }

  Refusal decode_ipv6() {
    if (rest_.size() < kIpv6HeaderBytes) return lacking();
    if (load8(rest_, 0) / 16 != 6) return SkipReason::kBadIpHeader;
    const std::size_t payload_bytes = load16(rest_, 4);
    const std::uint8_t next_header = load8(rest_, 6);
    frame_.identification = load32(rest_, 0) & 0xFFFFF;
    frame_.ttl = load8(rest_, 7);
    addresses_ = rest_.subspan(8, 32);
    rest_ = rest_.subspan(kIpv6HeaderBytes);
    const bool complete = rest_.size() >= payload_bytes;
    rest_ = rest_.first(std::min(rest_.size(), payload_bytes));
    return decode_behind_ipv6(next_header, complete);
  }

  // Passes the extension headers. Each is at least 8 bytes long, so this ends.
  Refusal decode_behind_ipv6(std::uint8_t next_header, bool complete) {
    while (next_header != kProtocolUdp) {
      if (const auto reason = impassable(next_header)) return *reason;
      if (rest_.size() < 8) return complete ? SkipReason::kBadIpHeader : lacking();
      std::size_t header_bytes = (std::size_t{load8(rest_, 1)} + 1) * 8;
      if (next_header == kFragmentHeader) {
        // An offset of 0 and no more fragments: the whole packet, which can be passed.
        if ((load16(rest_, 2) & 0xFFF9) != 0) return decode_fragment_header(complete);
        header_bytes = 8;
      }
      // As long as there are segments left, the packet is not at its destination.
      if (next_header == kRoutingHeader && load8(rest_, 3) != 0) {
        return SkipReason::kExtensionHeader;
      }
      if (rest_.size() < header_bytes) return complete ? SkipReason::kBadIpHeader : lacking();
      next_header = load8(rest_, 0);
      rest_ = rest_.subspan(header_bytes);
    }
    return complete ? decode_udp() : lacking();
  }

  Refusal decode_fragment_header(bool complete) {
    const std::uint8_t protocol = load8(rest_, 0);
    const std::uint16_t offset_and_more = load16(rest_, 2);
    const std::uint32_t identification = load32(rest_, 4);
    const std::uint32_t offset = offset_and_more & 0xFFF8U;
    // Only the first piece is sure to say what the packet carries (RFC 8200 section 4.5).
    if (offset == 0 && protocol != kProtocolUdp) {
      if (const auto reason = impassable(protocol)) return *reason;
    }
    if (!complete) return lacking();
    rest_ = rest_.subspan(8);
    return fragment(protocol, identification, offset, (offset_and_more & 1) != 0);
  }

  // `rest_` is what the piece carries, all of it.
  SkipReason fragment(std::uint8_t protocol, std::uint32_t identification, std::uint32_t offset,
                      bool more) {
    if (reassembled_) return SkipReason::kBadFragment;  // A fragment of a fragment.
    take_addresses(0, 0);
    if (fragment_ != nullptr) *fragment_ = {frame_, identification, protocol, offset, more, rest_};
    return SkipReason::kFragment;
  }

  // Why nothing behind this header can be a datagram, or nothing when the header can be passed.
  static Refusal impassable(std::uint8_t next_header) {
    switch (next_header) {
      case kHopByHopOptions:
      case kRoutingHeader:
      case kFragmentHeader:
      case kDestinationOptions:
        return std::nullopt;
      case kEncapsulatedSecurity:
      case kAuthentication:
      case kMobility:
      case kHostIdentity:
      case kShim6:
        return SkipReason::kExtensionHeader;
      default:
        return SkipReason::kNotUdp;
    }
  }

  // `rest_` is what the IP packet carries, all of it. UDP may use less of it.
  Refusal decode_udp() {
    if (rest_.size() < kUdpHeaderBytes) return SkipReason::kBadUdpLength;
    const std::size_t udp_bytes = load16(rest_, 4);
    if (udp_bytes < kUdpHeaderBytes || udp_bytes > rest_.size()) return SkipReason::kBadUdpLength;
    rest_ = rest_.first(udp_bytes);
    frame_.udp_checksum = judge_udp_checksum();
    take_addresses(load16(rest_, 0), load16(rest_, 2));
    frame_.payload = rest_.subspan(kUdpHeaderBytes);
    return std::nullopt;
  }

  Checksum judge_udp_checksum() const {
    const std::uint16_t checksum = load16(rest_, 6);
    if (checksum == 0) return Checksum::kAbsent;
    // The pseudo-header (RFC 768, RFC 8200 section 8.1).
    const std::uint64_t pseudo = add_addresses() +
                                 in_network_order(static_cast<std::uint16_t>(rest_.size())) +
                                 in_network_order(kProtocolUdp);
    if (fold_checksum(pseudo + add_words(rest_)) == 0xFFFF) return Checksum::kGood;
    return in_network_order(checksum) == fold_checksum(pseudo) ? Checksum::kOffloaded
                                                               : Checksum::kBad;
  }

  // In the IP header they are neighbours.
  std::uint64_t add_addresses() const {
    if (!addresses_.empty()) return add_words(addresses_);
    return add_words(octets_of(frame_.source)) + add_words(octets_of(frame_.destination));
  }

  // Once for each frame, since addresses are the largest part of it.
  void take_addresses(std::uint16_t source_port, std::uint16_t destination_port) {
    if (addresses_.empty()) {
      frame_.source = with_port(frame_.source, source_port);
      frame_.destination = with_port(frame_.destination, destination_port);
    } else if (addresses_.size() == 8) {
      // Made in their places: copies of what was written piece by piece would wait for it.
      ::new (&frame_.source) Address(Address::v4(load_octets<4>(addresses_, 0), source_port));
      ::new (&frame_.destination)
          Address(Address::v4(load_octets<4>(addresses_, 4), destination_port));
    } else {
      frame_.source = Address::v6(load_octets<16>(addresses_, 0), source_port);
      frame_.destination = Address::v6(load_octets<16>(addresses_, 16), destination_port);
    }
  }

  static Address with_port(const Address& address, std::uint16_t port) {
    if (address.is_v6()) return Address::v6(address.octets(), port);
    const auto& octets = address.octets();
    return Address::v4({octets[0], octets[1], octets[2], octets[3]}, port);
  }

  Bytes rest_;
  Bytes addresses_;  // In the IP header, unless the packet was put together.
  bool snapped_;
  bool reassembled_ = false;
  Fragment* fragment_ = nullptr;
  Frame& frame_;
};

}  // namespace

Decoded decode_frame(int link_type, Bytes bytes, std::size_t original_bytes, Fragment* fragment) {
  Decoded decoded;
  Decoder decoder(bytes, original_bytes, fragment, std::get<Frame>(decoded));
  if (const Refusal reason = decoder.decode(link_type)) decoded = *reason;
  return decoded;
}

Decoded decode_packet(const Frame& packet, std::uint8_t protocol, Bytes bytes) {
  Decoded decoded = packet;
  Decoder decoder(bytes, std::get<Frame>(decoded));
  if (const Refusal reason = decoder.decode_packet(protocol)) decoded = *reason;
  return decoded;
}

std::string_view to_string(PacketType type) {
  switch (type) {
    case PacketType::kUnknown:
      return "unknown";
    case PacketType::kIncoming:
      return "incoming";
    case PacketType::kOutgoing:
      break;
  }
  return "outgoing";
}

std::string_view to_string(Checksum checksum) {
  switch (checksum) {
    case Checksum::kGood:
      return "good";
    case Checksum::kBad:
      return "bad";
    case Checksum::kAbsent:
      return "absent";
    case Checksum::kOffloaded:
      break;
  }
  return "offloaded";
}

std::string_view to_string(SkipReason reason) {
  switch (reason) {
    case SkipReason::kLinkType:
      return "link_type";
    case SkipReason::kNotIp:
      return "not_ip";
    case SkipReason::kNotUdp:
      return "not_udp";
    case SkipReason::kFragment:
      return "fragment";
    case SkipReason::kFragmentOverlap:
      return "fragment_overlap";
    case SkipReason::kBadFragment:
      return "bad_fragment";
    case SkipReason::kExtensionHeader:
      return "extension_header";
    case SkipReason::kSnapped:
      return "snapped";
    case SkipReason::kTruncated:
      return "truncated";
    case SkipReason::kBadIpHeader:
      return "bad_ip_header";
    case SkipReason::kBadUdpLength:
      break;
  }
  return "bad_udp_length";
}

}  // namespace lossy
