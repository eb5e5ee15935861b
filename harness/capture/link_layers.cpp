// The links that few captures have.
#include <lossy/harness/capture/decoder.hpp>
#include <lossy/harness/capture/wire.hpp>

namespace lossy {

using namespace wire;
using Refusal = Decoder::Refusal;
using Bytes = Decoder::Bytes;

namespace {

constexpr std::uint16_t kHdlcAddressAndControl = 0xFF03;  // RFC 1662 section 3.1.
constexpr std::uint8_t kCiscoUnicast = 0x0F;              // Cisco's address, with a control of 0.
constexpr std::uint8_t kCiscoMulticast = 0x8F;
constexpr std::size_t kCiscoHeaderBytes = 4;

// PPP's numbers of protocols.
constexpr std::uint16_t kPppIpv4 = 0x0021;
constexpr std::uint16_t kPppIpv6 = 0x0057;
constexpr std::uint16_t kPppMpls = 0x0281;
constexpr std::uint16_t kPppMplsMulticast = 0x0283;
constexpr std::uint16_t kPppEncrypted = 0x0053;   // RFC 1968.
constexpr std::uint16_t kPppCompressed = 0x00FD;  // RFC 1962, and where MPPE encrypts (RFC 3078).

// NFLOG: a header, and attributes with one of 4 bytes each.
constexpr std::size_t kNflogHeaderBytes = 4;
constexpr std::size_t kAttributeHeaderBytes = 4;
constexpr std::uint8_t kNflogPacket = 9;

// PKTAP: as much of its header as is looked at, all of it in the order of Apple's machines.
constexpr std::size_t kPktapHeaderBytes = 40;
constexpr std::size_t kPktapLinkType = 8;
constexpr std::size_t kPktapFlags = 36;
constexpr std::uint32_t kPktapIncoming = 1;
constexpr std::uint32_t kPktapOutgoing = 2;

constexpr std::size_t kPpiHeaderBytes = 8;

// Radiotap: a header whose last word says what follows; and one bit of a field of that.
constexpr std::size_t kRadiotapHeaderBytes = 8;
constexpr std::uint32_t kRadiotapTime = 1;   // Of 8 bytes, at a multiple of 8.
constexpr std::uint32_t kRadiotapFlags = 2;  // One byte.
constexpr std::uint32_t kRadiotapMore = 0x80000000;
constexpr std::uint8_t kRadiotapPadded = 0x20;

// IEEE 802.11-2020 section 9.2: the two bytes of the frame control.
constexpr std::size_t kWlanHeaderBytes = 24;
constexpr std::uint8_t kWlanVersionAndType = 0x0F;
constexpr std::uint8_t kWlanData = 0x08;
constexpr std::uint8_t kWlanNoData = 0x40;  // The subtypes that carry none.
constexpr std::uint8_t kWlanQos = 0x80;
constexpr std::uint8_t kWlanToDs = 0x01;
constexpr std::uint8_t kWlanFromDs = 0x02;
constexpr std::uint8_t kWlanMoreFragments = 0x04;
constexpr std::uint8_t kWlanProtected = 0x40;
constexpr std::uint8_t kWlanHtControl = 0x80;
constexpr std::uint8_t kWlanFragmentNumber = 0x0F;  // Of the sequence control.
constexpr std::uint8_t kWlanAggregated = 0x80;      // Of the QoS control.

// IEEE 802.2: two addresses and a control, behind which SNAP (RFC 1042) has an organisation and a
// number of its own: an ether type when that is nobody's, or the one for bridges (IEEE 802.1H).
constexpr std::size_t kLlcHeaderBytes = 3;
constexpr std::size_t kSnapHeaderBytes = 8;
constexpr std::uint32_t kLlcSnap = 0xAAAA03;
constexpr std::uint32_t kLlcIpv4 = 0x060603;
constexpr std::uint32_t kNobody = 0x000000;
constexpr std::uint32_t kBridges = 0x0000F8;

std::uint32_t load24(Bytes bytes, std::size_t at) {
  return std::uint32_t{load16(bytes, at)} << 8 | load8(bytes, at + 2);
}

// The host that captured wrote the family in its own order. No family needs more than 16 bits.
std::uint32_t in_either_order(std::uint32_t family) {
  if ((family & 0xFFFF0000) == 0) return family;
  return (family >> 24) | (family >> 8 & 0xFF00) | (family << 8 & 0xFF0000) | (family << 24);
}

// Whether radiotap's header says that the frame's own is padded to a multiple of 4 bytes.
bool says_padded(Bytes header) {
  const std::uint32_t present = load32_little(header, 4);
  std::size_t at = kRadiotapHeaderBytes;
  for (std::uint32_t word = present; (word & kRadiotapMore) != 0; at += 4) {
    if (header.size() < at + 4) return false;
    word = load32_little(header, at);
  }
  if ((present & kRadiotapFlags) == 0) return false;
  if ((present & kRadiotapTime) != 0) at = (at + 7) / 8 * 8 + 8;
  return at < header.size() && (load8(header, at) & kRadiotapPadded) != 0;
}

}  // namespace

Refusal Decoder::decode_rare_link(int link_type) {
  switch (link_type) {
    case kLinkTypeNull:
    case kLinkTypeLoop:
      return decode_family(link_type == kLinkTypeNull);
    case kLinkTypePpp:
    case kLinkTypePppHdlc:
    case kLinkTypeCiscoHdlc:
      return decode_hdlc(link_type);
    case kLinkTypePppPppd:
      return decode_ppp_direction(2);
    case kLinkTypePppDirection:
      return decode_ppp_direction(1);
    case kLinkTypePppoe:
      return decode_pppoe();
    case kLinkTypeMpls:
      return decode_mpls();
    case kLinkTypeNflog:
      return decode_nflog();
    case kLinkTypePktap:
    case kLinkTypePktapMacOs:
      return decode_pktap();
    case kLinkTypePpi:
      return decode_ppi();
    case kLinkTypeRadiotap:
      return decode_radiotap();
    case kLinkTypeWlan:
      return decode_wlan(false);
    default:
      return SkipReason::kLinkType;
  }
}

Refusal Decoder::decode_family(bool host_order) {
  if (!has(kNullHeaderBytes)) return lacking();
  const std::uint32_t written = load32(rest_, 0);
  cut(kNullHeaderBytes);
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

Refusal Decoder::decode_hdlc(int link_type) {
  if (!has(kCiscoHeaderBytes)) return lacking();
  const std::uint8_t address = load8(rest_, 0);
  const bool is_cisco = address == kCiscoUnicast || address == kCiscoMulticast;
  if (link_type == kLinkTypePpp || (link_type == kLinkTypePppHdlc && !is_cisco)) {
    if (const auto reason = enter(Carrier::kPpp)) return reason;
    return decode_ppp();
  }
  const std::uint16_t ether_type = load16(rest_, 2);
  cut(kCiscoHeaderBytes);
  return decode_ether_type(ether_type);
}

Refusal Decoder::decode_ppp_direction(std::size_t header_bytes) {
  if (!has(header_bytes)) return lacking();
  frame_.type = load8(rest_, 0) == 0 ? PacketType::kIncoming : PacketType::kOutgoing;
  cut(header_bytes);
  if (const auto reason = enter(Carrier::kPpp)) return reason;
  return decode_ppp();
}

// Both sides may have agreed to leave out HDLC's address and control, and of a protocol below 256
// the first byte: the last byte of a protocol is odd, and the first of two is even.
Refusal Decoder::decode_ppp() {
  if (has(2) && load16(rest_, 0) == kHdlcAddressAndControl) cut(2);
  if (!has(2)) return lacking();
  const bool is_short = load8(rest_, 0) % 2 == 1;
  const std::uint16_t protocol = is_short ? load8(rest_, 0) : load16(rest_, 0);
  cut(is_short ? 1 : 2);
  switch (protocol) {
    case kPppIpv4:
      return decode_ipv4();
    case kPppIpv6:
      return decode_ipv6();
    case kPppMpls:
    case kPppMplsMulticast:
      return decode_mpls();
    case kPppEncrypted:
    case kPppCompressed:
      return SkipReason::kEncrypted;
    default:
      return SkipReason::kNotIp;
  }
}

// The host that captured wrote lengths and types in its own order. No type needs more than 8 bits,
// and none is 0.
Refusal Decoder::decode_nflog() {
  if (!has(kNflogHeaderBytes)) return lacking();
  if (load8(rest_, 1) != 0) return SkipReason::kBadCarrier;  // The version.
  cut(kNflogHeaderBytes);
  while (has(kAttributeHeaderBytes)) {
    const bool little = load8(rest_, 3) == 0;
    const std::size_t bytes = little ? load16_little(rest_, 0) : load16(rest_, 0);
    const std::uint8_t type = load8(rest_, little ? 2 : 3);
    if (bytes < kAttributeHeaderBytes) return SkipReason::kBadCarrier;
    if (type == kNflogPacket) {
      end_at(bytes);
      cut(kAttributeHeaderBytes);
      return decode_raw();
    }
    cut(std::min((bytes + 3) / 4 * 4, rest_.size()));
  }
  return lacking();
}

Refusal Decoder::decode_pktap() {
  if (!has(kPktapHeaderBytes)) return lacking();
  const std::uint32_t header_bytes = load32_little(rest_, 0);
  const std::uint32_t link_type = load32_little(rest_, kPktapLinkType);
  const std::uint32_t flags = load32_little(rest_, kPktapFlags);
  if (header_bytes < kPktapHeaderBytes) return SkipReason::kBadCarrier;
  if (!has(header_bytes)) return lacking();
  if ((flags & kPktapIncoming) != 0) frame_.type = PacketType::kIncoming;
  if ((flags & kPktapOutgoing) != 0) frame_.type = PacketType::kOutgoing;
  cut(header_bytes);
  if (const auto reason = nest()) return reason;
  return decode_link(static_cast<int>(link_type));
}

Refusal Decoder::decode_ppi() {
  if (!has(kPpiHeaderBytes)) return lacking();
  const std::size_t header_bytes = load16_little(rest_, 2);
  const std::uint32_t link_type = load32_little(rest_, 4);
  if (load8(rest_, 0) != 0 || header_bytes < kPpiHeaderBytes) return SkipReason::kBadCarrier;
  if (!has(header_bytes)) return lacking();
  cut(header_bytes);
  if (const auto reason = nest()) return reason;
  return decode_link(static_cast<int>(link_type));
}

Refusal Decoder::decode_radiotap() {
  if (!has(kRadiotapHeaderBytes)) return lacking();
  const std::size_t header_bytes = load16_little(rest_, 2);
  if (load8(rest_, 0) != 0 || header_bytes < kRadiotapHeaderBytes) return SkipReason::kBadCarrier;
  if (!has(header_bytes)) return lacking();
  const bool padded = says_padded(rest_.first(header_bytes));
  cut(header_bytes);
  return decode_wlan(padded);
}

// Whose the sender's address is depends on the way: to a distribution system, from one, or both,
// when there is a fourth address; or neither.
Refusal Decoder::decode_wlan(bool padded) {
  if (const auto reason = enter(Carrier::kWlan)) return reason;
  if (!has(kWlanHeaderBytes)) return lacking();
  const std::uint8_t kind = load8(rest_, 0);
  const std::uint8_t flags = load8(rest_, 1);
  if ((kind & kWlanVersionAndType) != kWlanData || (kind & kWlanNoData) != 0) {
    return SkipReason::kNotIp;
  }
  const bool has_four = (flags & kWlanToDs) != 0 && (flags & kWlanFromDs) != 0;
  const bool has_qos = (kind & kWlanQos) != 0;
  const std::size_t qos_at = kWlanHeaderBytes + (has_four ? 6 : 0);
  std::size_t header_bytes = qos_at + (has_qos ? 2 : 0);
  if (has_qos && (flags & kWlanHtControl) != 0) header_bytes += 4;
  if (padded) header_bytes = (header_bytes + 3) / 4 * 4;
  if (!has(header_bytes)) return lacking();
  if ((flags & kWlanProtected) != 0) return SkipReason::kEncrypted;
  if ((flags & kWlanMoreFragments) != 0 || (load8(rest_, 22) & kWlanFragmentNumber) != 0) {
    return SkipReason::kLinkFragment;
  }
  if (has_qos && (load8(rest_, qos_at) & kWlanAggregated) != 0) return SkipReason::kAggregated;
  const std::size_t sender_at = has_four ? 24 : (flags & kWlanFromDs) != 0 ? 16 : 10;
  frame_.link_address = load_octets<6>(rest_, sender_at);
  cut(header_bytes);
  return decode_llc();
}

Refusal Decoder::decode_llc() {
  if (!has(kLlcHeaderBytes)) return lacking();
  const std::uint32_t llc = load24(rest_, 0);
  if (llc == kLlcIpv4) {
    cut(kLlcHeaderBytes);
    return decode_ipv4();
  }
  if (llc != kLlcSnap) return SkipReason::kNotIp;
  if (!has(kSnapHeaderBytes)) return lacking();
  const std::uint32_t organisation = load24(rest_, 3);
  const std::uint16_t ether_type = load16(rest_, 6);
  if ((organisation != kNobody && organisation != kBridges) || ether_type < kEtherTypesFrom) {
    return SkipReason::kNotIp;
  }
  cut(kSnapHeaderBytes);
  return decode_ether_type(ether_type);
}

}  // namespace lossy
