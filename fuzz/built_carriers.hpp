// Writes what carries packets, byte by byte, after the RFCs and descriptions that carrier.hpp
// names, with nothing of what takes it apart: from the inside to the outside.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lossy/fuzz/built_octets.hpp>
#include <lossy/harness/capture/frame.hpp>

namespace lossy::fuzz {

// What is carried, and the ether type that says what it is: 0x6558 is a whole Ethernet frame, and
// what is below 1536 the length of a frame of IEEE 802.3.
struct Content {
  Octets octets;
  std::uint64_t ether_type = 0x0800;

  bool is_ip() const { return ether_type == 0x0800 || ether_type == 0x86DD; }
  bool is_ethernet() const { return ether_type == 0x6558; }
  bool is_length() const { return ether_type < 0x0600; }
  bool is_mpls() const { return ether_type == 0x8847; }
  bool has_ppp_number() const { return is_ip() || is_mpls(); }
};

// One more layer: which, and how it is to be.
struct Wrap {
  enum class Kind : std::uint8_t {
    kVlan,
    kVnTag,
    kLlc,
    kPppoe,
    kMpls,
    kEthernet,
    kBatman,
    kGre,
    kPptp,
    kErspan,
    kErspan3,
    kIpInIp,
    kAuthentication,
    kEtherIp,
    kMplsInIp,
    kVxlan,
    kGeneve,
    kGtpU,
  };
  static constexpr std::size_t kKinds = 18;

  Kind kind = Kind::kVlan;
  std::uint8_t how = 0;
};

// Whether a layer of this kind may carry that.
inline bool can_carry(Wrap::Kind kind, const Content& content) {
  using Kind = Wrap::Kind;
  switch (kind) {
    case Kind::kVlan:
      return !content.is_ethernet();
    case Kind::kVnTag:
      return !content.is_ethernet() && !content.is_length();
    case Kind::kLlc:  // Its length stands where a type would, and is 1500 at most (IEEE 802.3).
      return !content.is_ethernet() && !content.is_length() && content.octets.size() + 8 <= 1500;
    case Kind::kEthernet:
      return !content.is_ethernet();
    case Kind::kPppoe:
    case Kind::kPptp:
      return content.has_ppp_number();
    case Kind::kMpls:
      return content.is_ip() || content.is_ethernet();
    case Kind::kBatman:
    case Kind::kErspan:
    case Kind::kErspan3:
    case Kind::kEtherIp:
    case Kind::kVxlan:
      return content.is_ethernet();
    case Kind::kGre:
    case Kind::kGeneve:
      return !content.is_length();
    case Kind::kIpInIp:
    case Kind::kAuthentication:
    case Kind::kGtpU:
      return content.is_ip();
    case Kind::kMplsInIp:
      break;
  }
  return content.is_mpls();
}

// What of a frame the layers around a datagram say, of which those next to it count.
struct Said {
  Carriers carriers{};
  bool has_vlan = false;
  std::uint16_t vlan = 0;
  bool has_address = false;
  LinkAddress address{};

  void number(std::uint64_t tag) {
    if (has_vlan) return;
    has_vlan = true;
    vlan = static_cast<std::uint16_t>(tag & 0xFFF);
  }
  void sender(const LinkAddress& of) {
    if (has_address) return;
    has_address = true;
    address = of;
  }
};

inline void put_mac(Octets& to, const LinkAddress& address) {
  for (const std::uint8_t octet : address) put(to, octet, 1);
}

// An IP packet around something, with a good checksum.
inline Content ip_around(bool is_v6, std::uint64_t protocol, const Octets& carried) {
  Octets packet = no_octets();
  if (is_v6) {
    put(packet, 0x60000000, 4);
    put(packet, carried.size(), 2);
    put(packet, protocol << 8 | 64, 2);
    for (const std::uint64_t host : {1u, 2u}) {
      put(packet, 0xFD00000000000000, 8);
      put(packet, host, 8);
    }
  } else {
    put(packet, 0x4500, 2);
    put(packet, 20 + carried.size(), 2);
    put(packet, 0x00074000, 4);
    put(packet, 64 << 8 | protocol, 2);
    put(packet, 0, 2);
    put(packet, 0x0A000001, 4);
    put(packet, 0x0A000002, 4);
    put_at(packet, 10, static_cast<std::uint16_t>(~internet_sum(packet)));
  }
  put(packet, carried);
  return {std::move(packet), is_v6 ? 0x86DDu : 0x0800u};
}

// One without a checksum, which says nothing.
inline Octets datagram_around(std::uint64_t port, const Octets& carried) {
  Octets datagram = no_octets();
  put(datagram, std::uint64_t{50000} << 16 | port, 4);
  put(datagram, (8 + carried.size()) << 16, 4);
  put(datagram, carried);
  return datagram;
}

inline void put_ppp(Octets& to, const Content& content, bool in_hdlc, bool is_short) {
  if (in_hdlc) put(to, 0xFF03, 2);
  const std::uint64_t number = content.is_mpls()              ? 0x0281u
                               : content.ether_type == 0x0800 ? 0x21u
                                                              : 0x57u;
  put(to, number, is_short && number < 256 ? 1 : 2);
  put(to, content.octets);
}

inline Octets ethernet_around(const Content& content, const LinkAddress& sender) {
  Octets frame = no_octets();
  put(frame, 0x020000000009, 6);
  put_mac(frame, sender);
  put(frame, content.ether_type, 2);
  put(frame, content.octets);
  return frame;
}

inline Octets gre_around(const Content& content, std::uint8_t how) {
  Octets gre = no_octets();
  put(gre, (how & 1 ? 0x8000 : 0) | (how & 2 ? 0x2000 : 0) | (how & 4 ? 0x1000 : 0), 2);
  put(gre, content.ether_type, 2);
  if (how & 1) put(gre, 0x12340000, 4);
  if (how & 2) put(gre, 0x00C0FFEE, 4);
  if (how & 4) put(gre, 0x00000007, 4);
  put(gre, content.octets);
  return gre;
}

inline Octets pptp_around(const Content& content, std::uint8_t how) {
  Octets ppp = no_octets();
  put_ppp(ppp, content, how & 2, how & 4);
  Octets gre = no_octets();
  put(gre, how & 1 ? 0x3081 : 0x3001, 2);
  put(gre, 0x880B, 2);
  put(gre, ppp.size(), 2);
  put(gre, 7, 2);
  put(gre, 1, 4);
  if (how & 1) put(gre, 2, 4);
  put(gre, ppp);
  return gre;
}

inline Octets erspan_around(const Content& content, std::uint8_t how) {
  const bool is_second = how & 1;
  Octets gre = no_octets();
  put(gre, is_second ? 0x100088BE : 0x000088BE, 4);
  if (is_second) {
    put(gre, 7, 4);
    put(gre, 0x1064080100000000, 8);
  }
  put(gre, content.octets);
  return gre;
}

inline Octets erspan3_around(const Content& content, std::uint8_t how) {
  Octets gre = no_octets();
  put(gre, 0x100022EB, 4);
  put(gre, 7, 4);
  put(gre, 0x20640801, 4);
  put(gre, 0x12345678, 4);
  put(gre, 0, 2);
  put(gre, (how & 1) | 0x03F8, 2);  // An Ethernet frame.
  if (how & 1) put(gre, 0x0102030405060708, 8);
  put(gre, content.octets);
  return gre;
}

inline Octets batman_around(const Content& content, std::uint8_t how) {
  constexpr std::array<std::array<std::uint64_t, 3>, 2> kTypes = {
      {{0x40, 0x42, 0x01}, {0x03, 0x09, 0x04}}};
  const std::size_t kind = how / 2 % 3u;
  Octets frame = no_octets();
  put(frame, kTypes[how % 2][kind], 1);
  put(frame, how % 2 == 0 ? 15 : 14, 1);
  put(frame, 0x3201, 2);
  if (kind == 2) put(frame, 0x00000001, 4);
  put(frame, 0x020000000009, 6);
  if (kind == 1) put(frame, 0x0200000000080100, 8);
  put(frame, content.octets);
  return frame;
}

inline Octets geneve_around(const Content& content, std::uint8_t how) {
  const std::size_t words = how % 64u;
  Octets geneve = no_octets();
  put(geneve, words << 8 | (how & 64), 2);
  put(geneve, content.ether_type, 2);
  put(geneve, 0x00000700, 4);
  geneve.insert(geneve.end(), 4 * words, std::byte{0xA5});
  put(geneve, content.octets);
  return geneve;
}

inline Octets gtp_around(const Content& content, std::uint8_t how) {
  const std::uint64_t optional = how & 7;
  const std::size_t extensions = optional & 4 ? 1 + how / 8 % 3u : 0;
  Octets body = no_octets();
  if (optional != 0) {
    put(body, 0x000700, 3);
    put(body, 0x85, 1);  // What follows; without the flag it says nothing.
    for (std::size_t i = 1; i <= extensions; ++i) {
      put(body, i, 1);
      body.insert(body.end(), 4 * i - 2, std::byte{0x5A});
      put(body, i < extensions ? 0xC0 : 0, 1);
    }
  }
  put(body, content.octets);
  Octets gtp = no_octets();
  put(gtp, 0x30 | optional, 1);
  put(gtp, 0xFF, 1);
  put(gtp, body.size(), 2);
  put(gtp, 0x00000001, 4);
  put(gtp, body);
  return gtp;
}

// Wraps what may be wrapped so, and notes what that says.
inline Content wrap(const Wrap& layer, const Content& content, Said& said) {
  using Kind = Wrap::Kind;
  const std::uint8_t how = layer.how;
  const bool in_v6 = how & 128;
  Content around{no_octets()};
  switch (layer.kind) {
    case Kind::kVlan:
      said.number(how * 257u);
      put(around.octets, how * 257u, 2);
      put(around.octets, content.ether_type, 2);
      put(around.octets, content.octets);
      around.ether_type = how % 2 == 0 ? 0x8100 : 0x88A8;
      return around;
    case Kind::kVnTag:
      said.carriers.add(Carrier::kVnTag);
      put(around.octets, 0x80010002 + how, 4);
      put(around.octets, content.ether_type, 2);
      put(around.octets, content.octets);
      around.ether_type = 0x8926;
      return around;
    case Kind::kLlc:
      said.carriers.add(Carrier::kLlc);
      put(around.octets, how % 2 == 0 ? 0xAAAA03000000 : 0xAAAA030000F8, 6);
      put(around.octets, content.ether_type, 2);
      put(around.octets, content.octets);
      around.ether_type = around.octets.size();
      return around;
    case Kind::kPppoe: {
      said.carriers.add(Carrier::kPppoe);
      Octets ppp = no_octets();
      put_ppp(ppp, content, false, how & 1);
      put(around.octets, 0x11000007, 4);
      put(around.octets, ppp.size(), 2);
      put(around.octets, ppp);
      around.ether_type = 0x8864;
      return around;
    }
    case Kind::kMpls:
      said.carriers.add(Carrier::kMpls);
      for (std::size_t i = 0; i < how % 4u; ++i) put(around.octets, 0x00010040 + (i << 12), 4);
      put(around.octets, 0x00020140, 4);
      if (content.is_ethernet()) put(around.octets, how, 4);  // The control word.
      put(around.octets, content.octets);
      around.ether_type = 0x8847;
      return around;
    case Kind::kEthernet: {
      const LinkAddress sender = {2, 0, how, 0xEE, 0, 1};
      said.sender(sender);
      return {ethernet_around(content, sender), 0x6558};
    }
    case Kind::kBatman:
      said.carriers.add(Carrier::kBatman);
      return {batman_around(content, how), 0x4305};
    case Kind::kGre:
      said.carriers.add(Carrier::kGre);
      return ip_around(in_v6, 47, gre_around(content, how));
    case Kind::kPptp:
      said.carriers.add(Carrier::kGre);
      said.carriers.add(Carrier::kPpp);
      return ip_around(in_v6, 47, pptp_around(content, how));
    case Kind::kErspan:
    case Kind::kErspan3:
      said.carriers.add(Carrier::kGre);
      said.carriers.add(Carrier::kErspan);
      return ip_around(
          in_v6, 47,
          layer.kind == Kind::kErspan ? erspan_around(content, how) : erspan3_around(content, how));
    case Kind::kIpInIp:
      said.carriers.add(content.ether_type == 0x0800 ? Carrier::kIpv4InIp : Carrier::kIpv6InIp);
      return ip_around(in_v6, content.ether_type == 0x0800 ? 4 : 41, content.octets);
    case Kind::kAuthentication: {
      said.carriers.add(Carrier::kAuthentication);
      said.carriers.add(content.ether_type == 0x0800 ? Carrier::kIpv4InIp : Carrier::kIpv6InIp);
      const std::size_t words = 1 + 2 * (how % 8u);  // So that it fits IPv6, too.
      put(around.octets, content.ether_type == 0x0800 ? 4 : 41, 1);
      put(around.octets, 1 + words, 1);
      put(around.octets, 0, 2);
      put(around.octets, 0x0000000100000001, 8);
      around.octets.insert(around.octets.end(), 4 * words, std::byte{0x1C});
      put(around.octets, content.octets);
      return ip_around(in_v6, 51, around.octets);
    }
    case Kind::kEtherIp:
      said.carriers.add(Carrier::kEtherIp);
      put(around.octets, 0x3000, 2);
      put(around.octets, content.octets);
      return ip_around(in_v6, 97, around.octets);
    case Kind::kMplsInIp:
      return ip_around(in_v6, 137, content.octets);
    case Kind::kVxlan:
      said.carriers.add(Carrier::kVxlan);
      put(around.octets, how & 2 ? 0x8800002A00000700 : 0x0800000000000700, 8);
      put(around.octets, content.octets);
      return ip_around(in_v6, 17, datagram_around(how & 1 ? 8472 : 4789, around.octets));
    case Kind::kGeneve:
      said.carriers.add(Carrier::kGeneve);
      return ip_around(in_v6, 17, datagram_around(6081, geneve_around(content, how)));
    case Kind::kGtpU:
      break;
  }
  said.carriers.add(Carrier::kGtpU);
  return ip_around(in_v6, 17, datagram_around(2152, gtp_around(content, how)));
}

// A layer of one of the kinds that can carry that, as a byte of an input chooses.
inline Wrap wrap_from(std::uint8_t byte, const Content& content) {
  std::vector<Wrap::Kind> kinds;
  for (std::size_t i = 0; i < Wrap::kKinds; ++i) {
    const auto kind = static_cast<Wrap::Kind>(i);
    if (can_carry(kind, content)) kinds.push_back(kind);
  }
  return {kinds[byte % kinds.size()], static_cast<std::uint8_t>(byte / kinds.size() * 37u)};
}

}  // namespace lossy::fuzz
