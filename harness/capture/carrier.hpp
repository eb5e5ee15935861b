// What carries packets between a link and the datagram that counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lossy {

enum class Carrier : std::uint8_t {
  kPpp,             // RFC 1661.
  kPppoe,           // RFC 2516.
  kMpls,            // RFC 3032; with Ethernet in it, RFC 4448.
  kLlc,             // IEEE 802.2, with SNAP (RFC 1042) or without.
  kVnTag,           // Cisco's tag of a virtual interface, which looks like one of a VLAN.
  kBatman,          // B.A.T.M.A.N. advanced, of Linux, in its versions 14 and 15.
  kWlan,            // IEEE 802.11.
  kGre,             // RFC 2784 and 2890, and PPTP's (RFC 2637).
  kErspan,          // Cisco's, in its types I to III.
  kIpv4InIp,        // RFC 2003, and RFC 2473.
  kIpv6InIp,        // RFC 4213, "6in4", and RFC 2473.
  kAuthentication,  // The IP authentication header (RFC 4302).
  kEtherIp,         // RFC 3378.
  // These are datagrams themselves, which count unless what is inside is asked for.
  kVxlan,   // RFC 7348.
  kGeneve,  // RFC 8926.
  kGtpU,    // 3GPP TS 29.281.
};
inline constexpr std::size_t kCarrierCount = 16;

// "ppp", "pppoe", "mpls", "llc", "vn_tag", "batman", "wlan", "gre", "erspan", "ipv4_in_ip",
// "ipv6_in_ip", "authentication", "ether_ip", "vxlan", "geneve", "gtp_u".
std::string_view to_string(Carrier carrier);

// Which of them a datagram to this port may be: those that IANA has registered, and Linux's own for
// VXLAN.
constexpr std::optional<Carrier> carrier_to(std::uint16_t port) {
  switch (port) {
    case 4789:
    case 8472:
      return Carrier::kVxlan;
    case 6081:
      return Carrier::kGeneve;
    case 2152:
      return Carrier::kGtpU;
    default:
      return std::nullopt;
  }
}

// How many of them may be within each other.
inline constexpr unsigned kCarriersMax = 16;

// A set of them: which were met, and not how often, or in which order.
class Carriers {
 public:
  void add(Carrier carrier) { bits_ |= bit(carrier); }
  bool has(Carrier carrier) const { return (bits_ & bit(carrier)) != 0; }
  bool any() const { return bits_ != 0; }
  friend bool operator==(const Carriers&, const Carriers&) = default;

 private:
  static std::uint32_t bit(Carrier carrier) {
    return std::uint32_t{1} << static_cast<unsigned>(carrier);
  }

  std::uint32_t bits_ = 0;
};

}  // namespace lossy
