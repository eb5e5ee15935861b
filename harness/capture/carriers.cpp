// What carries packets between a link and the datagram that counts.
#include <lossy/harness/capture/decoder.hpp>
#include <lossy/harness/capture/wire.hpp>

namespace lossy {

using namespace wire;
using Refusal = Decoder::Refusal;

namespace {

constexpr std::uint16_t kEtherTypeArp = 0x0806;
constexpr std::uint16_t kEtherTypeMplsMulticast = 0x8848;
constexpr std::uint16_t kEtherTypePppoe = 0x8864;  // A session; what sets it up has another.
constexpr std::uint16_t kEtherTypeVnTag = 0x8926;
constexpr std::uint16_t kEtherTypeBatman = 0x4305;
// In place of an ether type: how long a frame of IEEE 802.3 is that has IEEE 802.2's header.
constexpr std::uint16_t kLlcBytesMin = 3;
constexpr std::uint16_t kLengthMax = 1500;
constexpr std::size_t kVnTagBytes = 6;

constexpr std::size_t kPppoeHeaderBytes = 6;
constexpr std::uint16_t kPppoeSession = 0x1100;  // Version 1, type 1, code 0.

constexpr std::size_t kMplsLabelBytes = 4;
constexpr std::uint8_t kMplsLast = 0x01;  // In a label's third byte.
constexpr std::size_t kControlWordBytes = 4;

// B.A.T.M.A.N. advanced: how long the headers are in front of whole frames.
constexpr std::uint8_t kBatmanFragment = 0x41;    // In version 15.
constexpr std::uint8_t kBatmanFragment14 = 0x06;  // In version 14.
constexpr std::size_t kBatmanUnicastBytes = 10;
constexpr std::size_t kBatmanFourAddressesBytes = 18;
constexpr std::size_t kBatmanBroadcastBytes = 14;

// GRE's flags.
constexpr std::uint16_t kGreChecksum = 0x8000;
constexpr std::uint16_t kGreRouting = 0x4000;  // RFC 1701, which is not in use any more.
constexpr std::uint16_t kGreKey = 0x2000;
constexpr std::uint16_t kGreSequence = 0x1000;
constexpr std::uint16_t kGreAcknowledgment = 0x0080;  // PPTP's.
constexpr std::uint16_t kGreVersion = 0x0007;
constexpr std::size_t kGreHeaderBytes = 4;
constexpr std::size_t kPptpHeaderBytes = 8;
// What only GRE carries, by the numbers that it has for them.
constexpr std::uint16_t kGrePpp = 0x880B;
constexpr std::uint16_t kGreErspan = 0x88BE;  // Type I, and with a sequence number type II.
constexpr std::uint16_t kGreErspan3 = 0x22EB;

constexpr std::size_t kErspanHeaderBytes = 8;
constexpr std::size_t kErspan3HeaderBytes = 12;
constexpr std::size_t kErspan3SubheaderBytes = 8;
constexpr std::uint16_t kErspan3HasSubheader = 0x0001;  // In the last 16 bits of the header,
constexpr std::uint16_t kErspan3FrameType = 0x7C00;     // as is what it carries:
constexpr std::uint16_t kErspan3Ethernet = 0x0000;
constexpr std::uint16_t kErspan3Ip = 0x0800;

constexpr std::size_t kEtherIpHeaderBytes = 2;
constexpr std::uint16_t kEtherIpVersion = 0x3000;

constexpr std::size_t kVxlanHeaderBytes = 8;
constexpr std::uint8_t kVxlanHasNetwork = 0x08;  // The only flag that RFC 7348 has: always set.

constexpr std::size_t kGeneveHeaderBytes = 8;
constexpr std::uint8_t kGeneveOptionWords = 0x3F;
constexpr std::uint8_t kGeneveControl = 0x80;

constexpr std::size_t kGtpHeaderBytes = 8;
constexpr std::uint8_t kGtpVersionAndType = 0xF0;  // Of the flags: version 1, and not GTP'.
constexpr std::uint8_t kGtpVersion1 = 0x30;
constexpr std::uint8_t kGtpOptional = 0x07;  // With any of these four more bytes follow.
constexpr std::uint8_t kGtpExtension = 0x04;
constexpr std::size_t kGtpOptionalBytes = 4;
constexpr std::uint8_t kGtpPacket = 0xFF;  // The message that carries one.

bool is_tag(std::uint16_t ether_type) {
  return ether_type == kEtherTypeVlan || ether_type == kEtherTypeServiceVlan ||
         ether_type == kEtherTypeOldQinq || ether_type == kEtherTypeVnTag;
}

// What Ethernet carries most.
bool is_common(std::uint16_t ether_type) {
  return ether_type == kEtherTypeIpv4 || ether_type == kEtherTypeIpv6 ||
         ether_type == kEtherTypeArp || is_tag(ether_type);
}

// How long the header is in front of a whole Ethernet frame, or 0 when there is none in it.
std::size_t batman_header_bytes(std::uint8_t version, std::uint8_t type) {
  switch (version << 8 | type) {
    case 0x0F01:
    case 0x0E04:
      return kBatmanBroadcastBytes;
    case 0x0F40:
    case 0x0E03:
      return kBatmanUnicastBytes;
    case 0x0F42:
    case 0x0E09:
      return kBatmanFourAddressesBytes;
    default:
      return 0;
  }
}

}  // namespace

// Passes tags, however many: each takes bytes, so this ends.
Refusal Decoder::decode_rare_ether_type(std::uint16_t ether_type) {
  while (is_tag(ether_type)) {
    const std::size_t tag_bytes = ether_type == kEtherTypeVnTag ? kVnTagBytes : kVlanTagBytes;
    if (!has(tag_bytes)) return lacking();
    if (ether_type == kEtherTypeVnTag) {
      frame_.carriers.add(Carrier::kVnTag);
    } else {
      frame_.vlan = load16(rest_, 0) & kVlanNumber;
    }
    ether_type = load16(rest_, tag_bytes - 2);
    cut(tag_bytes);
  }
  switch (ether_type) {
    case kEtherTypeIpv4:
      return decode_ipv4();
    case kEtherTypeIpv6:
      return decode_ipv6();
    case kEtherTypeMpls:
    case kEtherTypeMplsMulticast:
      return decode_mpls();
    case kEtherTypePppoe:
      return decode_pppoe();
    case kEtherTypeBatman:
      return decode_batman();
    case kEtherTypeEthernet:
      if (const auto reason = nest()) return reason;
      return decode_ethernet();
    case kEtherTypeNote:
      return decode_note();
    default:
      if (ether_type < kLlcBytesMin || ether_type > kLengthMax) return SkipReason::kNotIp;
  }
  if (const auto reason = enter(Carrier::kLlc)) return reason;
  end_at(ether_type);
  return decode_llc();
}

Refusal Decoder::decode_note() {
  const auto is_mark = [this](const LinkAddress& mark) { return mark == frame_.link_address; };
  if (frame_.interface == 0 || std::ranges::none_of(kMarks, is_mark)) return SkipReason::kNotIp;
  if (!options_.notes) return SkipReason::kInFlight;
  if (const auto reason = nest()) return reason;
  frame_.in_flight = true;
  return decode_raw();
}

Refusal Decoder::decode_pppoe() {
  if (const auto reason = enter(Carrier::kPppoe)) return reason;
  if (!has(kPppoeHeaderBytes)) return lacking();
  if (load16(rest_, 0) != kPppoeSession) return SkipReason::kBadCarrier;
  const std::size_t bytes = load16(rest_, 4);
  cut(kPppoeHeaderBytes);
  end_at(bytes);
  return decode_ppp();
}

// Nothing in a label says what is behind the last. It is IP when its first four bits are a version
// of that. Else it is Ethernet, behind a control word that begins with 0 (RFC 4385) or without: an
// address may begin so, too, but then the ether type is where it is without one.
Refusal Decoder::decode_mpls() {
  if (const auto reason = enter(Carrier::kMpls)) return reason;
  for (bool is_last = false; !is_last; cut(kMplsLabelBytes)) {
    if (!has(kMplsLabelBytes)) return lacking();
    is_last = (load8(rest_, 2) & kMplsLast) != 0;
  }
  if (!has(1)) return lacking();
  switch (load8(rest_, 0) / 16) {
    case 4:
      return decode_ipv4();
    case 6:
      return decode_ipv6();
    case 0:
      if (!has(kEthernetHeaderBytes)) return lacking();
      if (!is_common(load16(rest_, kEthernetHeaderBytes - 2))) cut(kControlWordBytes);
      return decode_ethernet();
    case 1:  // The channel that goes along with another one (RFC 5085).
      return SkipReason::kNotIp;
    default:
      return decode_ethernet();
  }
}

Refusal Decoder::decode_batman() {
  if (const auto reason = enter(Carrier::kBatman)) return reason;
  if (!has(2)) return lacking();
  const std::uint8_t type = load8(rest_, 0);
  const std::uint8_t version = load8(rest_, 1);
  if (version != 14 && version != 15) return SkipReason::kBadCarrier;
  if (type == (version == 14 ? kBatmanFragment14 : kBatmanFragment)) {
    return SkipReason::kLinkFragment;
  }
  const std::size_t header_bytes = batman_header_bytes(version, type);
  if (header_bytes == 0) return SkipReason::kNotIp;
  if (!has(header_bytes)) return lacking();
  cut(header_bytes);
  return decode_ethernet();
}

Refusal Decoder::decode_carried(std::uint8_t protocol) {
  switch (protocol) {
    case kProtocolIpv4:
      if (const auto reason = enter(Carrier::kIpv4InIp)) return reason;
      return decode_ipv4();
    case kProtocolIpv6:
      if (const auto reason = enter(Carrier::kIpv6InIp)) return reason;
      return decode_ipv6();
    case kProtocolMpls:
      return decode_mpls();
    case kProtocolGre:
      return decode_gre();
    default:
      return decode_ether_ip();
  }
}

Refusal Decoder::decode_gre() {
  if (const auto reason = enter(Carrier::kGre)) return reason;
  if (!has(kGreHeaderBytes)) return lacking();
  const std::uint16_t flags = load16(rest_, 0);
  const std::uint16_t protocol = load16(rest_, 2);
  if ((flags & kGreVersion) == 1 && protocol == kGrePpp) return decode_pptp(flags);
  // A header of RFC 1701 with a route is to be thrown away (RFC 2784 section 2.3).
  if ((flags & (kGreVersion | kGreRouting)) != 0) return SkipReason::kBadCarrier;
  const bool is_numbered = (flags & kGreSequence) != 0;
  const std::size_t header_bytes = kGreHeaderBytes + ((flags & kGreChecksum) != 0 ? 4 : 0) +
                                   ((flags & kGreKey) != 0 ? 4 : 0) + (is_numbered ? 4 : 0);
  if (!has(header_bytes)) return lacking();
  cut(header_bytes);
  if (protocol == kGreErspan) return decode_erspan(is_numbered);
  if (protocol == kGreErspan3) return decode_erspan_3();
  return decode_ether_type(protocol);
}

// RFC 2637 section 4.1. Without a sequence number it acknowledges, and carries nothing.
Refusal Decoder::decode_pptp(std::uint16_t flags) {
  const bool carries = (flags & kGreSequence) != 0;
  const std::size_t header_bytes =
      kPptpHeaderBytes + (carries ? 4 : 0) + ((flags & kGreAcknowledgment) != 0 ? 4 : 0);
  if (!has(header_bytes)) return lacking();
  if (!carries) return SkipReason::kNotIp;
  const std::size_t bytes = load16(rest_, 4);
  cut(header_bytes);
  end_at(bytes);
  if (const auto reason = enter(Carrier::kPpp)) return reason;
  return decode_ppp();
}

Refusal Decoder::decode_erspan(bool has_header) {
  if (const auto reason = enter(Carrier::kErspan)) return reason;
  const std::size_t header_bytes = has_header ? kErspanHeaderBytes : 0;
  if (!has(header_bytes)) return lacking();
  if (has_header && load8(rest_, 0) / 16 != 1) return SkipReason::kBadCarrier;
  cut(header_bytes);
  return decode_ethernet();
}

Refusal Decoder::decode_erspan_3() {
  if (const auto reason = enter(Carrier::kErspan)) return reason;
  if (!has(kErspan3HeaderBytes)) return lacking();
  const std::uint16_t kind = load16(rest_, 10);
  const std::size_t header_bytes =
      kErspan3HeaderBytes + ((kind & kErspan3HasSubheader) != 0 ? kErspan3SubheaderBytes : 0);
  if (load8(rest_, 0) / 16 != 2) return SkipReason::kBadCarrier;
  if (!has(header_bytes)) return lacking();
  cut(header_bytes);
  switch (kind & kErspan3FrameType) {
    case kErspan3Ethernet:
      return decode_ethernet();
    case kErspan3Ip:
      return decode_raw();
    default:
      return SkipReason::kNotIp;
  }
}

Refusal Decoder::decode_ether_ip() {
  if (const auto reason = enter(Carrier::kEtherIp)) return reason;
  if (!has(kEtherIpHeaderBytes)) return lacking();
  if (load16(rest_, 0) != kEtherIpVersion) return SkipReason::kBadCarrier;
  cut(kEtherIpHeaderBytes);
  return decode_ethernet();
}

std::optional<Refusal> Decoder::decode_inside() {
  const std::optional<Carrier> carrier = carrier_to(frame_.destination.port());
  if (!carrier) return std::nullopt;
  rest_ = frame_.payload;
  const std::optional<std::uint16_t> ether_type = *carrier == Carrier::kVxlan    ? open_vxlan()
                                                  : *carrier == Carrier::kGeneve ? open_geneve()
                                                                                 : open_gtp_u();
  if (!ether_type) return std::nullopt;
  if (const auto reason = enter(*carrier)) return Refusal(reason);
  return decode_ether_type(*ether_type);
}

std::optional<std::uint16_t> Decoder::open_vxlan() {
  if (!has(kVxlanHeaderBytes) || (load8(rest_, 0) & kVxlanHasNetwork) == 0) return std::nullopt;
  cut(kVxlanHeaderBytes);
  return kEtherTypeEthernet;
}

std::optional<std::uint16_t> Decoder::open_geneve() {
  if (!has(kGeneveHeaderBytes)) return std::nullopt;
  const std::uint8_t version_and_words = load8(rest_, 0);
  const std::size_t header_bytes =
      kGeneveHeaderBytes + std::size_t{4} * (version_and_words & kGeneveOptionWords);
  const bool is_packet =
      version_and_words <= kGeneveOptionWords && (load8(rest_, 1) & kGeneveControl) == 0;
  if (!is_packet || !has(header_bytes)) return std::nullopt;
  const std::uint16_t ether_type = load16(rest_, 2);
  cut(header_bytes);
  return ether_type;
}

// Extension headers say how long they are, in units of 4 bytes, and in their last byte what
// follows.
std::optional<std::uint16_t> Decoder::open_gtp_u() {
  if (!has(kGtpHeaderBytes)) return std::nullopt;
  const std::uint8_t flags = load8(rest_, 0);
  const std::size_t bytes = load16(rest_, 2);
  if ((flags & kGtpVersionAndType) != kGtpVersion1 || load8(rest_, 1) != kGtpPacket) {
    return std::nullopt;
  }
  cut(kGtpHeaderBytes);
  if (!has(bytes)) return std::nullopt;
  end_at(bytes);
  if ((flags & kGtpOptional) != 0) {
    if (!has(kGtpOptionalBytes)) return std::nullopt;
    std::uint8_t next = (flags & kGtpExtension) != 0 ? load8(rest_, 3) : std::uint8_t{0};
    cut(kGtpOptionalBytes);
    while (next != 0) {
      const std::size_t extension_bytes = has(1) ? std::size_t{4} * load8(rest_, 0) : 0;
      if (extension_bytes == 0 || !has(extension_bytes)) return std::nullopt;
      next = load8(rest_, extension_bytes - 1);
      cut(extension_bytes);
    }
  }
  const int version = has(1) ? load8(rest_, 0) / 16 : 0;
  return version == 4 ? kEtherTypeIpv4 : version == 6 ? kEtherTypeIpv6 : std::uint16_t{0};
}

}  // namespace lossy
