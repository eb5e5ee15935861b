#include "harness/capture/frame.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include "core/check.hpp"
#include "harness/capture/checksum.hpp"

namespace lossy {
namespace {

using Bytes = std::span<const std::byte>;
using Decoded = std::variant<Frame, SkipReason>;

constexpr std::size_t kSll2HeaderBytes = 20;
constexpr std::size_t kEthernetHeaderBytes = 14;
constexpr std::size_t kIpv4HeaderBytes = 20;
constexpr std::size_t kIpv6HeaderBytes = 40;
constexpr std::size_t kUdpHeaderBytes = 8;

constexpr std::uint16_t kEtherTypeIpv4 = 0x0800;
constexpr std::uint16_t kEtherTypeIpv6 = 0x86DD;
constexpr std::uint16_t kEtherTypeVlan = 0x8100;         // IEEE 802.1Q.
constexpr std::uint16_t kEtherTypeServiceVlan = 0x88A8;  // IEEE 802.1ad.

constexpr std::uint16_t kArphrdEthernet = 1;
// The packet types of LINUX_SLL2.
constexpr std::uint8_t kToUs = 0;
constexpr std::uint8_t kMulticast = 2;  // 1 is broadcast.
constexpr std::uint8_t kToSomeoneElse = 3;
constexpr std::uint8_t kSentByUs = 4;

constexpr std::uint16_t kDontFragment = 0x4000;
constexpr std::uint16_t kMoreFragmentsOrOffset = 0x3FFF;

constexpr std::uint8_t kProtocolUdp = 17;
constexpr std::uint8_t kHopByHopOptions = 0;
constexpr std::uint8_t kRoutingHeader = 43;
constexpr std::uint8_t kFragmentHeader = 44;
constexpr std::uint8_t kEncapsulatedSecurity = 50;
constexpr std::uint8_t kAuthentication = 51;
constexpr std::uint8_t kDestinationOptions = 60;
constexpr std::uint8_t kMobility = 135;
constexpr std::uint8_t kHostIdentity = 139;
constexpr std::uint8_t kShim6 = 140;

// Numbers in network order. The caller has made sure that they lie in the bytes.
std::uint8_t load8(Bytes bytes, std::size_t at) {
  return std::to_integer<std::uint8_t>(bytes[at]);
}

std::uint16_t load16(Bytes bytes, std::size_t at) {
  return static_cast<std::uint16_t>((load8(bytes, at) << 8) | load8(bytes, at + 1));
}

std::uint32_t load32(Bytes bytes, std::size_t at) {
  return (std::uint32_t{load16(bytes, at)} << 16) | load16(bytes, at + 2);
}

template <std::size_t size>
std::array<std::uint8_t, size> load_octets(Bytes bytes, std::size_t at) {
  std::array<std::uint8_t, size> octets{};
  std::memcpy(octets.data(), bytes.subspan(at, size).data(), size);
  return octets;
}

void store8(std::byte* at, std::uint8_t value) {
  *at = std::byte{value};
}

void store16(std::byte* at, std::uint16_t value) {
  store8(at, static_cast<std::uint8_t>(value >> 8));
  store8(at + 1, static_cast<std::uint8_t>(value & 0xFF));
}

void store32(std::byte* at, std::uint32_t value) {
  store16(at, static_cast<std::uint16_t>(value >> 16));
  store16(at + 2, static_cast<std::uint16_t>(value & 0xFFFF));
}

Bytes octets_of(const Address& address) {
  return std::as_bytes(std::span(address.octets())).first(address.is_v6() ? 16 : 4);
}

// The sum over the pseudo-header, which is the same for IPv4 (RFC 768) and IPv6 (RFC 8200, 8.1).
std::uint64_t sum_pseudo_header(const Address& source, const Address& destination,
                                std::size_t udp_bytes) {
  return std::uint64_t{sum_words(octets_of(source))} + sum_words(octets_of(destination)) +
         kProtocolUdp + udp_bytes;
}

// One frame on its way through the layers. Each step looks at the front of `rest_`, and either says
// why the frame is skipped or cuts off what it has understood.
class Decoder {
 public:
  Decoder(Bytes frame, std::size_t original_bytes)
      : rest_(frame), snapped_(original_bytes > frame.size()) {}

  Decoded decode_sll2() {
    if (rest_.size() < kSll2HeaderBytes) return lacking();
    const std::uint16_t ether_type = load16(rest_, 0);
    frame_.interface = load32(rest_, 4);
    const std::uint8_t type = load8(rest_, 10);
    if (type <= kMulticast) frame_.type = PacketType::kIncoming;
    if (type == kSentByUs) frame_.type = PacketType::kOutgoing;
    if (load8(rest_, 11) == frame_.link_address.size()) {
      frame_.link_address = load_octets<6>(rest_, 12);
    }
    rest_ = rest_.subspan(kSll2HeaderBytes);
    return decode_ether_type(ether_type);
  }

  Decoded decode_ethernet() {
    if (rest_.size() < kEthernetHeaderBytes) return lacking();
    const std::uint16_t ether_type = load16(rest_, 12);
    frame_.link_address = load_octets<6>(rest_, 6);
    rest_ = rest_.subspan(kEthernetHeaderBytes);
    return decode_ether_type(ether_type);
  }

 private:
  SkipReason lacking() const { return snapped_ ? SkipReason::kSnapped : SkipReason::kTruncated; }

  Decoded decode_ether_type(std::uint16_t ether_type) {
    switch (ether_type) {
      case kEtherTypeIpv4:
        return decode_ipv4();
      case kEtherTypeIpv6:
        return decode_ipv6();
      case kEtherTypeVlan:
      case kEtherTypeServiceVlan:
        return SkipReason::kVlan;
      default:
        return SkipReason::kNotIp;
    }
  }

  // What a packet is (a fragment, TCP) is said even when some of its bytes are lacking.
  Decoded decode_ipv4() {
    if (rest_.size() < kIpv4HeaderBytes) return lacking();
    const std::size_t header_bytes = std::size_t{load8(rest_, 0)} % 16 * 4;
    const std::size_t total_bytes = load16(rest_, 2);
    if (load8(rest_, 0) / 16 != 4 || header_bytes < kIpv4HeaderBytes ||
        total_bytes < header_bytes) {
      return SkipReason::kBadIpHeader;
    }
    if ((load16(rest_, 6) & kMoreFragmentsOrOffset) != 0) return SkipReason::kFragment;
    if (load8(rest_, 9) != kProtocolUdp) return SkipReason::kNotUdp;
    if (rest_.size() < total_bytes) return lacking();

    frame_.identification = load16(rest_, 4);
    frame_.ttl = load8(rest_, 8);
    frame_.source = Address::v4(load_octets<4>(rest_, 12), 0);
    frame_.destination = Address::v4(load_octets<4>(rest_, 16), 0);
    if (sum_words(rest_.first(header_bytes)) != 0xFFFF) {
      frame_.ip_checksum = load16(rest_, 10) == 0 ? Checksum::kAbsent : Checksum::kBad;
    }
    rest_ = rest_.first(total_bytes).subspan(header_bytes);
    return decode_udp();
  }

  Decoded decode_ipv6() {
    if (rest_.size() < kIpv6HeaderBytes) return lacking();
    if (load8(rest_, 0) / 16 != 6) return SkipReason::kBadIpHeader;
    const std::size_t payload_bytes = load16(rest_, 4);
    const std::uint8_t next_header = load8(rest_, 6);
    frame_.identification = load32(rest_, 0) & 0xFFFFF;
    frame_.ttl = load8(rest_, 7);
    frame_.source = Address::v6(load_octets<16>(rest_, 8), 0);
    frame_.destination = Address::v6(load_octets<16>(rest_, 24), 0);
    rest_ = rest_.subspan(kIpv6HeaderBytes);
    const bool complete = rest_.size() >= payload_bytes;
    rest_ = rest_.first(std::min(rest_.size(), payload_bytes));
    return decode_behind_ipv6(next_header, complete);
  }

  // Passes the extension headers. Each is at least 8 bytes long, so this ends.
  Decoded decode_behind_ipv6(std::uint8_t next_header, bool complete) {
    while (next_header != kProtocolUdp) {
      if (const auto reason = impassable(next_header)) return *reason;
      if (rest_.size() < 8) return complete ? SkipReason::kBadIpHeader : lacking();
      std::size_t header_bytes = (std::size_t{load8(rest_, 1)} + 1) * 8;
      if (next_header == kFragmentHeader) {
        // An offset of 0 and no more fragments: the whole packet, which can be passed.
        if ((load16(rest_, 2) & 0xFFF9) != 0) return SkipReason::kFragment;
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

  // Why nothing behind this header can be a datagram, or nothing when the header can be passed.
  static std::optional<SkipReason> impassable(std::uint8_t next_header) {
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
  Decoded decode_udp() {
    if (rest_.size() < kUdpHeaderBytes) return SkipReason::kBadUdpLength;
    const std::size_t udp_bytes = load16(rest_, 4);
    if (udp_bytes < kUdpHeaderBytes || udp_bytes > rest_.size()) return SkipReason::kBadUdpLength;
    rest_ = rest_.first(udp_bytes);
    frame_.udp_checksum = judge_udp_checksum();
    frame_.source = with_port(frame_.source, load16(rest_, 0));
    frame_.destination = with_port(frame_.destination, load16(rest_, 2));
    frame_.payload = rest_.subspan(kUdpHeaderBytes);
    return frame_;
  }

  Checksum judge_udp_checksum() const {
    const std::uint16_t checksum = load16(rest_, 6);
    if (checksum == 0) return Checksum::kAbsent;
    const std::uint64_t pseudo = sum_pseudo_header(frame_.source, frame_.destination, rest_.size());
    if (fold_checksum(pseudo + sum_words(rest_)) == 0xFFFF) return Checksum::kGood;
    return checksum == fold_checksum(pseudo) ? Checksum::kOffloaded : Checksum::kBad;
  }

  static Address with_port(const Address& address, std::uint16_t port) {
    if (address.is_v6()) return Address::v6(address.octets(), port);
    const auto& octets = address.octets();
    return Address::v4({octets[0], octets[1], octets[2], octets[3]}, port);
  }

  Bytes rest_;
  bool snapped_;
  Frame frame_;
};

void encode_sll2(const Frame& frame, std::byte* at) {
  store16(at, frame.source.is_v6() ? kEtherTypeIpv6 : kEtherTypeIpv4);
  store16(at + 2, 0);
  store32(at + 4, frame.interface);
  store16(at + 8, kArphrdEthernet);
  store8(at + 10, frame.type == PacketType::kOutgoing   ? kSentByUs
                  : frame.type == PacketType::kIncoming ? kToUs
                                                        : kToSomeoneElse);
  store8(at + 11, sizeof(LinkAddress));
  std::memcpy(at + 12, frame.link_address.data(), frame.link_address.size());
  store16(at + 18, 0);
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
    case SkipReason::kVlan:
      return "vlan";
    case SkipReason::kNotUdp:
      return "not_udp";
    case SkipReason::kFragment:
      return "fragment";
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

Decoded decode_frame(int link_type, Bytes frame, std::size_t original_bytes) {
  switch (link_type) {
    case kLinkTypeLinuxSll2:
      return Decoder(frame, original_bytes).decode_sll2();
    case kLinkTypeEthernet:
      return Decoder(frame, original_bytes).decode_ethernet();
    default:
      return SkipReason::kLinkType;
  }
}

std::size_t encode_frame(const Frame& frame, std::span<std::byte> buffer) {
  const bool is_v6 = frame.source.is_v6();
  check(is_v6 == frame.destination.is_v6(), "encode_frame: addresses of two families");
  check(frame.payload.size() <= kPayloadBytesMax, "encode_frame: the payload is too long");
  const auto udp_bytes = static_cast<std::uint16_t>(kUdpHeaderBytes + frame.payload.size());
  const std::size_t ip_header_bytes = is_v6 ? kIpv6HeaderBytes : kIpv4HeaderBytes;
  const std::size_t size = kSll2HeaderBytes + ip_header_bytes + udp_bytes;
  check(buffer.size() >= size, "encode_frame: the buffer is too small");

  encode_sll2(frame, buffer.data());
  std::byte* const ip = buffer.data() + kSll2HeaderBytes;
  if (is_v6) {
    encode_ipv6(frame, udp_bytes, ip);
  } else {
    encode_ipv4(frame, udp_bytes, ip);
  }
  encode_udp(frame, udp_bytes, ip + ip_header_bytes);
  return size;
}

}  // namespace lossy
