// The one place where captured frames are taken apart and put together.
//
// decode_frame() turns the bytes of a frame into the outermost datagram in it, whatever carries
// that, or says why there is none. It trusts no length in the frame, reads nothing outside of it,
// and takes time proportional to its size. Fragments are put together by a Reassembler, which has
// decode_packet() look at the whole. encode_frame() writes the frames that our own recordings are
// made of, and is the inverse of decode_frame() for those.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include <lossy/core/address.hpp>
#include <lossy/core/endpoint.hpp>
#include <lossy/harness/capture/carrier.hpp>
#include <lossy/harness/capture/link_type.hpp>

namespace lossy {

// The link-layer addresses of the frames in recordings of ours: locally administered, and the
// letters "lossy", "clock" where the times are a real clock's, "proxy" where a proxy stood between
// the hosts, or "broke" where a property that did not hold ended the run. Each shows both hosts.
using LinkAddress = std::array<std::uint8_t, 6>;
inline constexpr LinkAddress kRecordingMark = {0x02, 0x6C, 0x6F, 0x73, 0x73, 0x79};
inline constexpr LinkAddress kClockMark = {0x02, 0x63, 0x6C, 0x6F, 0x63, 0x6B};
inline constexpr LinkAddress kProxyMark = {0x02, 0x70, 0x72, 0x6F, 0x78, 0x79};
inline constexpr LinkAddress kBrokenMark = {0x02, 0x62, 0x72, 0x6F, 0x6B, 0x65};
inline constexpr std::array kMarks = {kRecordingMark, kClockMark, kProxyMark, kBrokenMark};

// Where a link type has no room for the interface that our recordings name, addresses say it.
// In Ethernet the frame goes from the host's own address, 02:00 and the interface, to the mark, or
// the other way: as though the mark were what the hosts see of the network between them. LINUX_SLL
// has an address of 8 octets, of which the mark's first ones and the interface are 4 each.
inline constexpr std::array<std::uint8_t, 2> kHostAddressFront = {0x02, 0x00};
inline constexpr std::size_t kShortMarkOctets = 4;

// The time to live, or hop limit, in a recording of ours.
inline constexpr std::uint8_t kRecordingTtl = 64;

// Which way a packet crossed the interface it was captured on. LINUX_SLL, LINUX_SLL2, PKTAP and two
// of PPP's link types say.
enum class PacketType : std::uint8_t { kUnknown, kIncoming, kOutgoing };
std::string_view to_string(PacketType type);  // "unknown", "incoming", "outgoing".

// What a checksum says about the bytes it covers.
enum class Checksum : std::uint8_t {
  kGood,
  kBad,
  kAbsent,     // Zero: the sender did not compute one (RFC 768).
  kOffloaded,  // Only the pseudo-header's sum is in it: Linux leaves the rest to the network card.
};
inline constexpr std::size_t kChecksumCount = 4;
std::string_view to_string(Checksum checksum);  // "good", "bad", "absent", "offloaded".

// Why a frame holds no datagram for us.
enum class SkipReason : std::uint8_t {
  kLinkType,         // The capture's link type is none that can be decoded.
  kNotIp,            // ARP, LLDP and the like; of 802.11 all that carries no data.
  kNotUdp,           // TCP, ICMP and the like.
  kFragment,         // A piece of an IP packet that is not whole yet.
  kFragmentOverlap,  // A piece of one whose pieces overlap, which is refused (RFC 5722).
  kBadFragment,      // A piece that fits into no packet, or not to the others of its own.
  kExtensionHeader,  // Behind an IPv6 extension header that cannot be passed.
  kSnapped,          // The capture kept only the beginning of the frame.
  kTruncated,        // The frame is shorter than its own headers say, and was not snapped.
  kBadIpHeader,      // The IP header contradicts itself.
  kBadUdpLength,     // The UDP length does not fit into the IP packet.
  kEncrypted,        // Behind IPsec's ESP, 802.11's protection or PPP's encryption.
  kAggregated,       // Several frames in one of 802.11 (A-MSDU), which are not taken apart.
  kLinkFragment,     // A piece of a frame of 802.11's or batman's, which are not put together.
  kBadCarrier,       // A carrier's header contradicts itself, or is of no version that is known.
  kTooDeep,          // More than kCarriersMax carriers within each other.
  kInFlight,         // A note in a recording of ours: a datagram was under way when it ended.
};
inline constexpr std::size_t kSkipReasonCount = 17;

// A word for it, as it stands in summaries and JSON: "link_type", "not_ip", "not_udp", "fragment",
// "fragment_overlap", "bad_fragment", "extension_header", "snapped", "truncated", "bad_ip_header",
// "bad_udp_length", "encrypted", "aggregated", "link_fragment", "bad_carrier", "too_deep",
// "in_flight".
std::string_view to_string(SkipReason reason);

// How often each was met.
using SkipCounts = std::array<std::uint64_t, kSkipReasonCount>;
std::uint64_t sum_of(const SkipCounts& counts);

// A frame that holds no datagram for us.
struct Skipped {
  SkipReason reason{};
  Carriers carriers{};  // That were passed on the way to what it says.
};

// A UDP datagram and what its frame says about it.
struct Frame {
  Address source;
  Address destination;
  std::span<const std::byte> payload;  // Lies in the frame that was decoded.
  PacketType type = PacketType::kUnknown;
  std::uint32_t interface = 0;       // The interface's index; 0 where the link type has none.
  std::uint16_t vlan = 0;            // The innermost VLAN's number; 0 where there is none.
  LinkAddress link_address{};        // The sender's Ethernet address, or zeros.
  std::uint32_t identification = 0;  // IPv4's 16-bit identification, or IPv6's 20-bit flow label.
  std::uint8_t ttl = kRecordingTtl;
  Carriers carriers{};  // On the way to the datagram.
  // It is no datagram but a note in a recording of ours: that one was under way when it ended.
  bool in_flight = false;
  // Ignored by encode_frame(), which writes good ones. IPv6 has no header checksum: good.
  Checksum ip_checksum = Checksum::kGood;
  Checksum udp_checksum = Checksum::kGood;
};

// Whether a host would throw it away because of that.
inline bool has_bad_checksum(const Frame& frame) {
  return frame.udp_checksum == Checksum::kBad || frame.ip_checksum == Checksum::kBad;
}

using Decoded = std::variant<Frame, Skipped>;

// A piece of an IP packet that may carry UDP.
struct Fragment {
  Frame packet;                      // What the headers say: addresses without ports, no payload.
  std::uint32_t identification = 0;  // What the packet's pieces share: 16 bits, or IPv6's 32.
  std::uint8_t protocol = 0;         // What the packet carries; in IPv6 only the first piece knows.
  std::uint32_t offset = 0;          // Where in the packet it belongs: a multiple of 8, to 65528.
  bool more = false;                 // It is not the last one.
  unsigned depth = 0;                // How many carriers are around it.
  std::span<const std::byte> bytes;  // Lie in the frame that was decoded.
};

struct DecodeOptions {
  // Filled in when what is decoded is kFragment, if there is one.
  Fragment* fragment = nullptr;
  // Of a datagram that carries packets itself (VXLAN, Geneve, GTP-U) what is inside counts instead.
  bool inner = false;
  // Notes are decoded as frames, and not as kInFlight.
  bool notes = false;
  // Filled in where the frame has an IP packet: the outermost one, and what is behind it.
  std::span<const std::byte>* packet = nullptr;
};

// Takes apart a frame, of which `original_bytes` were on the wire; where that is less than there
// is, the frame is believed. Bytes behind the IP packet (Ethernet's padding) are not part of the
// datagram. Of IPv6's extension headers hop-by-hop options, destination options, a routing header
// that was followed to its end and the header of an unfragmented "atomic fragment" (RFC 6946) are
// passed. What is said of the link, and by the IP header, is what stands closest to the datagram.
Decoded decode_frame(int link_type, std::span<const std::byte> frame, std::size_t original_bytes,
                     const DecodeOptions& options = {});

// The same for a packet that was put together: its first fragment, with the bytes of all of them.
Decoded decode_packet(const Fragment& whole, const DecodeOptions& options = {});

// What a datagram carries as VXLAN, Geneve or GTP-U, its carriers included; nothing when it is none
// of them, whatever its port. Its payload must still be there.
std::optional<Decoded> decode_inside(const Frame& datagram);

// The most bytes that encode_frame() writes: the headers of SLL2, IPv6 and UDP, and the payload.
// Other links have shorter ones.
inline constexpr std::size_t kFrameBytesMax = 20 + 40 + 8 + kPayloadBytesMax;

// Writes a frame, or the note in its place, with good checksums to the front of `buffer`, and gives
// its size. The identification is cut to its field's width, and IPv4's Don't Fragment is set. The
// link type is LINUX_SLL2, LINUX_SLL, Ethernet or RAW, and a note none of RAW; without a mark of
// ours an interface is in LINUX_SLL2 alone, and which way the frame goes not in Ethernet. The
// source and the destination are of one family, which can carry the payload, and the buffer holds
// the frame: else std::logic_error.
std::size_t encode_frame(const Frame& frame, std::span<std::byte> buffer,
                         int link_type = kLinkTypeLinuxSll2);

}  // namespace lossy
