// The link types that can be decoded, by the numbers that they have in files.
#pragma once

#include <algorithm>
#include <array>

namespace lossy {

inline constexpr int kLinkTypeNull = 0;         // BSD's loopback: the family in the host's order.
inline constexpr int kLinkTypeEthernet = 1;     // With any number of VLAN tags.
inline constexpr int kLinkTypePpp = 9;          // With HDLC's address and control, or without.
inline constexpr int kLinkTypeRaw = 12;         // IPv4 or IPv6, as the first four bits say.
inline constexpr int kLinkTypeRawOpenBsd = 14;  // The same.
inline constexpr int kLinkTypePppHdlc = 50;     // PPP, or Cisco's HDLC, as the first byte says.
inline constexpr int kLinkTypePppoe = 51;       // A PPPoE session, from its header on.
inline constexpr int kLinkTypeRawFile = 101;    // As RAW, by its number in files.
inline constexpr int kLinkTypeCiscoHdlc = 104;
inline constexpr int kLinkTypeWlan = 105;      // IEEE 802.11, without anything in front of it.
inline constexpr int kLinkTypeLoop = 108;      // OpenBSD's loopback: the family in network order.
inline constexpr int kLinkTypeLinuxSll = 113;  // What `tcpdump -i any` recorded in the past.
inline constexpr int kLinkTypeRadiotap = 127;  // 802.11 behind what the radio noticed.
inline constexpr int kLinkTypePktapMacOs =
    149;                                      // PKTAP as macOS numbers it; a private number else.
inline constexpr int kLinkTypePppPppd = 166;  // PPP, with the direction in place of the address.
inline constexpr int kLinkTypePpi = 192;      // Another link type behind what was noticed.
inline constexpr int kLinkTypePppDirection = 204;  // PPP behind a byte for the direction.
inline constexpr int kLinkTypeMpls = 219;
inline constexpr int kLinkTypeIpv4 = 228;
inline constexpr int kLinkTypeIpv6 = 229;
inline constexpr int kLinkTypeNflog = 239;      // What Linux's netfilter logs.
inline constexpr int kLinkTypePktap = 258;      // macOS: another link type behind what is known.
inline constexpr int kLinkTypeLinuxSll2 = 276;  // What `tcpdump -i any` records.

// New ones come last: the fuzzers' inputs choose by the place.
inline constexpr std::array kLinkTypes = {
    kLinkTypeNull,       kLinkTypeEthernet,  kLinkTypeRaw,      kLinkTypeRawOpenBsd,
    kLinkTypeRawFile,    kLinkTypeLoop,      kLinkTypeLinuxSll, kLinkTypeIpv4,
    kLinkTypeIpv6,       kLinkTypeLinuxSll2, kLinkTypePpp,      kLinkTypePppHdlc,
    kLinkTypePppoe,      kLinkTypeCiscoHdlc, kLinkTypeWlan,     kLinkTypeRadiotap,
    kLinkTypePktapMacOs, kLinkTypePppPppd,   kLinkTypePpi,      kLinkTypePppDirection,
    kLinkTypeMpls,       kLinkTypeNflog,     kLinkTypePktap};

// RAW is the one whose number on an interface differs from one system to the other.
constexpr int link_type_in_file(int link_type) {
  const bool raw = link_type == kLinkTypeRaw || link_type == kLinkTypeRawOpenBsd;
  return raw ? kLinkTypeRawFile : link_type;
}

constexpr bool is_link_type_supported(int link_type) {
  return std::find(kLinkTypes.begin(), kLinkTypes.end(), link_type) != kLinkTypes.end();
}

}  // namespace lossy
