// What the headers of Ethernet, IP and UDP look like: for those who take frames apart and put them
// together, and for nobody else.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include <lossy/core/address.hpp>

namespace lossy::wire {

inline constexpr std::size_t kNullHeaderBytes = 4;
inline constexpr std::size_t kEthernetHeaderBytes = 14;
inline constexpr std::size_t kVlanTagBytes = 4;
inline constexpr std::size_t kSllHeaderBytes = 16;
inline constexpr std::size_t kSll2HeaderBytes = 20;
inline constexpr std::size_t kIpv4HeaderBytes = 20;
inline constexpr std::size_t kIpv6HeaderBytes = 40;
inline constexpr std::size_t kUdpHeaderBytes = 8;

inline constexpr std::uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr std::uint16_t kEtherTypeIpv6 = 0x86DD;
inline constexpr std::uint16_t kEtherTypeVlan = 0x8100;         // IEEE 802.1Q.
inline constexpr std::uint16_t kEtherTypeServiceVlan = 0x88A8;  // IEEE 802.1ad.
inline constexpr std::uint16_t kEtherTypeOldQinq = 0x9100;      // What came before that.

// The address families in the header of NULL and LOOP. IPv4 is 2 everywhere.
inline constexpr std::uint32_t kFamilyIpv4 = 2;
inline constexpr std::uint32_t kFamilyIpv6Linux = 10;
inline constexpr std::uint32_t kFamilyIpv6Bsd = 24;  // NetBSD and OpenBSD.
inline constexpr std::uint32_t kFamilyIpv6FreeBsd = 28;
inline constexpr std::uint32_t kFamilyIpv6Darwin = 30;

inline constexpr std::uint16_t kEtherTypesFrom = 0x0600;  // Below it is a length.
inline constexpr std::uint16_t kVlanNumber = 0x0FFF;      // Of a tag; above are priorities.
inline constexpr std::uint16_t kEtherTypeNote = 0x88B5;   // For experiments (IEEE 802): our notes.
inline constexpr std::uint16_t kEtherTypeMpls = 0x8847;
inline constexpr std::uint16_t kEtherTypeEthernet = 0x6558;  // Bridged, behind GRE say.

inline constexpr std::uint16_t kPlacedAddressOctets = 8;  // In LINUX_SLL: of our recordings.
inline constexpr std::uint16_t kArphrdEthernet = 1;
inline constexpr std::uint16_t kArphrdRadiotap = 803;
inline constexpr std::uint16_t kLinux8022 = 4;  // In place of an ether type: IEEE 802.2 follows.
// The packet types of LINUX_SLL and LINUX_SLL2.
inline constexpr std::uint16_t kToUs = 0;
inline constexpr std::uint16_t kMulticast = 2;  // 1 is broadcast.
inline constexpr std::uint16_t kToSomeoneElse = 3;
inline constexpr std::uint16_t kSentByUs = 4;

inline constexpr std::uint16_t kDontFragment = 0x4000;
inline constexpr std::uint16_t kMoreFragments = 0x2000;
inline constexpr std::uint16_t kFragmentOffset = 0x1FFF;

inline constexpr std::uint8_t kProtocolIpv4 = 4;
inline constexpr std::uint8_t kProtocolUdp = 17;
inline constexpr std::uint8_t kProtocolIpv6 = 41;
inline constexpr std::uint8_t kProtocolGre = 47;
inline constexpr std::uint8_t kProtocolEtherIp = 97;
inline constexpr std::uint8_t kProtocolMpls = 137;
inline constexpr std::uint8_t kHopByHopOptions = 0;
inline constexpr std::uint8_t kRoutingHeader = 43;
inline constexpr std::uint8_t kFragmentHeader = 44;
inline constexpr std::uint8_t kEncapsulatedSecurity = 50;
inline constexpr std::uint8_t kAuthentication = 51;
inline constexpr std::uint8_t kDestinationOptions = 60;
inline constexpr std::uint8_t kMobility = 135;
inline constexpr std::uint8_t kHostIdentity = 139;
inline constexpr std::uint8_t kShim6 = 140;

// Numbers in network order. The caller has made sure that they lie in the bytes.
inline std::uint8_t load8(std::span<const std::byte> bytes, std::size_t at) {
  return std::to_integer<std::uint8_t>(bytes[at]);
}

inline std::uint16_t load16(std::span<const std::byte> bytes, std::size_t at) {
  return static_cast<std::uint16_t>((load8(bytes, at) << 8) | load8(bytes, at + 1));
}

inline std::uint32_t load32(std::span<const std::byte> bytes, std::size_t at) {
  return (std::uint32_t{load16(bytes, at)} << 16) | load16(bytes, at + 2);
}

// The same in the other order.
inline std::uint16_t load16_little(std::span<const std::byte> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(load8(bytes, at) | (load8(bytes, at + 1) << 8));
}

inline std::uint32_t load32_little(std::span<const std::byte> bytes, std::size_t at) {
  return load16_little(bytes, at) | (std::uint32_t{load16_little(bytes, at + 2)} << 16);
}

template <std::size_t size>
std::array<std::uint8_t, size> load_octets(std::span<const std::byte> bytes, std::size_t at) {
  std::array<std::uint8_t, size> octets{};
  std::memcpy(octets.data(), bytes.subspan(at, size).data(), size);
  return octets;
}

inline void store8(std::byte* at, std::uint8_t value) {
  *at = std::byte{value};
}

inline void store16(std::byte* at, std::uint16_t value) {
  store8(at, static_cast<std::uint8_t>(value >> 8));
  store8(at + 1, static_cast<std::uint8_t>(value & 0xFF));
}

inline void store32(std::byte* at, std::uint32_t value) {
  store16(at, static_cast<std::uint16_t>(value >> 16));
  store16(at + 2, static_cast<std::uint16_t>(value & 0xFFFF));
}

inline std::span<const std::byte> octets_of(const Address& address) {
  return std::as_bytes(std::span(address.octets())).first(address.is_v6() ? 16 : 4);
}

}  // namespace lossy::wire
