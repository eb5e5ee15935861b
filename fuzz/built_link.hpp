// Writes the headers of links, byte by byte, after their descriptions, with nothing of what takes
// them apart.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lossy/fuzz/built_carriers.hpp>
#include <lossy/fuzz/built_octets.hpp>
#include <lossy/harness/capture/frame.hpp>

namespace lossy::fuzz {

// What a link's header is to say, where it has something of the kind, and how.
struct LinkPlan {
  int link_type = kLinkTypeLinuxSll2;
  PacketType type = PacketType::kUnknown;
  std::uint32_t interface = 0;
  LinkAddress sender{};
  std::vector<std::uint16_t> vlans{};  // From the outermost on.
  bool other_order = false;            // Of numbers in the host's order: not this machine's.
  std::uint32_t family = 24;           // IPv6's, in NULL and LOOP.
  std::uint8_t how = 0;                // What else may differ, bit by bit.

  // PPP_HDLC may be Cisco's, PPI carry Ethernet or 802.11, and PKTAP Ethernet or IP.
  bool is_first_kind() const { return how & 1; }
};

inline bool has_tags(int link_type) {
  return link_type == kLinkTypeEthernet || link_type == kLinkTypeLinuxSll ||
         link_type == kLinkTypeLinuxSll2;
}

// Whether the link may carry that.
inline bool can_carry(const LinkPlan& link, const Content& content) {
  const bool has_ether_type = !content.is_ethernet() && !content.is_length();
  switch (link.link_type) {
    case kLinkTypeEthernet:
      return !content.is_ethernet();
    case kLinkTypePpi:
      return has_ether_type || (link.is_first_kind() && content.is_length());
    case kLinkTypePktap:
    case kLinkTypePktapMacOs:
      return link.is_first_kind() ? !content.is_ethernet() : content.is_ip();
    case kLinkTypePppHdlc:
      return link.is_first_kind() ? has_ether_type : content.has_ppp_number();
    case kLinkTypeLinuxSll:
    case kLinkTypeLinuxSll2:
    case kLinkTypeCiscoHdlc:
    case kLinkTypeWlan:
    case kLinkTypeRadiotap:
      return has_ether_type;
    case kLinkTypePpp:
    case kLinkTypePppPppd:
    case kLinkTypePppDirection:
    case kLinkTypePppoe:
      return content.has_ppp_number();
    case kLinkTypeMpls:
      return content.is_mpls();
    case kLinkTypeIpv4:
      return content.ether_type == 0x0800;
    case kLinkTypeIpv6:
      return content.ether_type == 0x86DD;
    default:
      return content.is_ip();
  }
}

inline void put_in_either_order(Octets& to, std::uint64_t value, int bytes, bool little) {
  for (int i = 0; i < bytes; ++i) put(to, value >> 8 * (little ? i : bytes - 1 - i) & 0xFF, 1);
}

inline std::uint64_t linux_way(PacketType type) {
  return type == PacketType::kOutgoing ? 4 : type == PacketType::kIncoming ? 0 : 3;
}

// 802.11, whose flags tell which of the addresses is the sender's, around SNAP.
inline Octets wlan_around(const LinkPlan& link, const Content& content, bool padded) {
  const bool to = link.how & 2;
  const bool from = link.how & 4;
  const bool has_qos = link.how & 8;
  const bool has_control = link.how & 16;  // Without QoS it says something else.
  const LinkAddress others = {2, 0, 0, 0, 0, 9};
  Octets frame = no_octets();
  put(frame, has_qos ? 0x88 : 0x08, 1);
  put(frame, (to ? 1 : 0) | (from ? 2 : 0) | (has_control ? 0x80 : 0) | 0x38, 1);
  put(frame, 0x2C00, 2);
  put_mac(frame, others);
  put_mac(frame, !from ? link.sender : others);
  put_mac(frame, from && !to ? link.sender : others);
  put(frame, 0xF07F, 2);  // No fragment.
  if (to && from) put_mac(frame, link.sender);
  if (has_qos) put(frame, 0x7F00, 2);
  if (has_qos && has_control) put(frame, 0x12345678, 4);
  while (padded && frame.size() % 4 != 0) put(frame, 0xEE, 1);
  put(frame, 0xAAAA03000000, 6);
  put(frame, content.ether_type, 2);
  put(frame, content.octets);
  return frame;
}

inline Octets radiotap_around(const LinkPlan& link, const Content& content) {
  const bool padded = link.how & 32;
  const bool has_time = link.how & 64;
  const std::size_t words = 1 + link.how / 128 % 2u;
  const std::uint32_t present = 2u | (has_time ? 1u : 0u);
  Octets header = no_octets();
  for (std::size_t i = 1; i < words; ++i)
    put_in_either_order(header, present | 0x80000000, 4, true);
  put_in_either_order(header, words > 1 ? 4 : present, 4, true);
  if (has_time) {
    while (header.size() % 8 != 4) put(header, 0, 1);  // Four more stand in front.
    put(header, 0x0102030405060708, 8);
  }
  put(header, padded ? 0x30 : 0xDF, 1);
  Octets frame = no_octets();
  put(frame, 0, 2);
  put_in_either_order(frame, 4 + header.size(), 2, true);
  put(frame, header);
  put(frame, wlan_around(link, content, padded));
  return frame;
}

inline Octets nflog_around(const LinkPlan& link, const Content& content) {
  const bool little = !link.other_order;
  Octets frame = no_octets();
  put(frame, content.ether_type == 0x0800 ? 2 : 10, 1);
  put(frame, 0x000001, 3);
  const auto attribute = [&](std::uint64_t type, const Octets& value) {
    put_in_either_order(frame, 4 + value.size(), 2, little);
    put_in_either_order(frame, type, 2, little);
    put(frame, value);
  };
  for (std::size_t i = 0; i < link.how % 4u; ++i) {
    const std::size_t size = i * 3 + link.how / 4 % 4u;
    attribute(i + 1, Octets(size, std::byte{0x77}));
    frame.insert(frame.end(), (4 - size % 4) % 4, std::byte{0});
  }
  attribute(9, content.octets);
  return frame;
}

inline Octets pktap_around(const LinkPlan& link, const Content& content) {
  const std::size_t rest = link.how / 2;
  Octets frame = no_octets();
  put_in_either_order(frame, 40 + rest, 4, true);
  put_in_either_order(frame, 1, 4, true);
  put_in_either_order(frame, link.is_first_kind() ? 1 : 12, 4, true);
  put(frame, 0x656E3000, 4);
  frame.insert(frame.end(), 20, std::byte{0});
  put_in_either_order(frame,
                      link.type == PacketType::kIncoming   ? 1
                      : link.type == PacketType::kOutgoing ? 2
                                                           : 0,
                      4, true);
  frame.insert(frame.end(), rest, std::byte{0x3C});
  put(frame, link.is_first_kind() ? ethernet_around(content, link.sender) : content.octets);
  return frame;
}

inline Octets ppi_around(const LinkPlan& link, const Content& content) {
  const std::size_t rest = link.how / 2;
  Octets frame = no_octets();
  put(frame, 0, 2);
  put_in_either_order(frame, 8 + rest, 2, true);
  put_in_either_order(frame, link.is_first_kind() ? 1 : 105, 4, true);
  frame.insert(frame.end(), rest, std::byte{0x3C});
  put(frame, link.is_first_kind() ? ethernet_around(content, link.sender)
                                  : wlan_around(link, content, false));
  return frame;
}

inline Octets sll_around(const LinkPlan& link, const Content& content) {
  Octets frame = no_octets();
  put(frame, linux_way(link.type), 2);
  put(frame, 0x00010006, 4);
  put_mac(frame, link.sender);
  put(frame, 0, 2);
  put(frame, content.ether_type, 2);
  put(frame, content.octets);
  return frame;
}

inline Octets sll2_around(const LinkPlan& link, const Content& content) {
  Octets frame = no_octets();
  put(frame, content.ether_type << 16, 4);
  put(frame, link.interface, 4);
  put(frame, 1, 2);
  put(frame, linux_way(link.type), 1);
  put(frame, 6, 1);
  put_mac(frame, link.sender);
  put(frame, 0, 2);
  put(frame, content.octets);
  return frame;
}

inline Octets family_around(const LinkPlan& link, const Content& content) {
  const std::uint32_t family = content.ether_type == 0x0800 ? 2 : link.family;
  Octets frame = no_octets();
  put_in_either_order(frame, family, 4, link.link_type == kLinkTypeNull && !link.other_order);
  put(frame, content.octets);
  return frame;
}

inline Octets cisco_around(const LinkPlan& link, const Content& content) {
  Octets frame = no_octets();
  put(frame, link.how & 2 ? 0x0F00 : 0x8F00, 2);
  put(frame, content.ether_type, 2);
  put(frame, content.octets);
  return frame;
}

// PPP, behind the direction where the link has one: in place of HDLC's address, or in front of it.
inline Octets ppp_around(const LinkPlan& link, const Content& content) {
  Octets frame = no_octets();
  bool in_hdlc = link.how & 2;
  if (link.link_type == kLinkTypePppPppd || link.link_type == kLinkTypePppDirection) {
    put(frame, link.type == PacketType::kOutgoing ? 1 : 0, 1);
    if (link.link_type == kLinkTypePppPppd) {
      put(frame, 3, 1);
      in_hdlc = false;
    }
  }
  put_ppp(frame, content, in_hdlc, link.how & 4);
  return frame;
}

// What says who sent it, and which way it went.
inline bool has_sender(const LinkPlan& link) {
  const bool has_kinds = link.link_type == kLinkTypePktap || link.link_type == kLinkTypePktapMacOs;
  return has_tags(link.link_type) || link.link_type == kLinkTypeWlan ||
         link.link_type == kLinkTypeRadiotap || link.link_type == kLinkTypePpi ||
         (has_kinds && link.is_first_kind());
}
inline bool has_type(const LinkPlan& link) {
  return link.link_type == kLinkTypeLinuxSll || link.link_type == kLinkTypeLinuxSll2 ||
         link.link_type == kLinkTypePktap || link.link_type == kLinkTypePktapMacOs;
}
inline bool has_way(const LinkPlan& link) {
  return link.link_type == kLinkTypePppPppd || link.link_type == kLinkTypePppDirection;
}

// Puts GRE, and what that needs, around what the link cannot carry, and then the link's header.
inline Octets link_around(const LinkPlan& link, Content content, Said& said) {
  for (auto tag = link.vlans.rbegin(); tag != link.vlans.rend() && !content.is_ethernet(); ++tag) {
    Octets tagged = no_octets();
    put(tagged, *tag, 2);
    put(tagged, content.ether_type, 2);
    put(tagged, content.octets);
    const auto place = link.vlans.rend() - tag - 1;  // From the outermost on.
    content = {std::move(tagged), place == 0 ? 0x8100u : place % 2 == 1 ? 0x88A8u : 0x9100u};
    said.number(*tag);
  }
  const std::uint8_t family = link.link_type == kLinkTypeIpv6 ? 128 : 0;
  if (!can_carry(link, content) && content.is_length()) {
    content = wrap({Wrap::Kind::kEthernet, 0}, content, said);
  }
  if (!can_carry(link, content) && link.link_type != kLinkTypeMpls) {
    content = wrap({Wrap::Kind::kGre, family}, content, said);
  }
  if (!can_carry(link, content) && !can_carry(Wrap::Kind::kMpls, content)) {
    content = wrap({Wrap::Kind::kGre, family}, content, said);
  }
  if (!can_carry(link, content)) content = wrap({Wrap::Kind::kMpls, link.how}, content, said);
  if (has_sender(link)) said.sender(link.sender);
  switch (link.link_type) {
    case kLinkTypeNull:
    case kLinkTypeLoop:
      return family_around(link, content);
    case kLinkTypeEthernet:
      return ethernet_around(content, link.sender);
    case kLinkTypeLinuxSll:
      return sll_around(link, content);
    case kLinkTypeLinuxSll2:
      return sll2_around(link, content);
    case kLinkTypeCiscoHdlc:
      return cisco_around(link, content);
    case kLinkTypePppHdlc:
      if (link.is_first_kind()) return cisco_around(link, content);
      [[fallthrough]];
    case kLinkTypePpp:
    case kLinkTypePppPppd:
    case kLinkTypePppDirection:
      said.carriers.add(Carrier::kPpp);
      return ppp_around(link, content);
    case kLinkTypePppoe: {
      Said same;
      said.carriers.add(Carrier::kPppoe);
      return wrap({Wrap::Kind::kPppoe, link.how}, content, same).octets;
    }
    case kLinkTypeNflog:
      return nflog_around(link, content);
    case kLinkTypePktap:
    case kLinkTypePktapMacOs:
      return pktap_around(link, content);
    case kLinkTypePpi:
      if (!link.is_first_kind()) said.carriers.add(Carrier::kWlan);
      return ppi_around(link, content);
    case kLinkTypeRadiotap:
      said.carriers.add(Carrier::kWlan);
      return radiotap_around(link, content);
    case kLinkTypeWlan:
      said.carriers.add(Carrier::kWlan);
      return wlan_around(link, content, false);
    default:
      return content.octets;
  }
}

}  // namespace lossy::fuzz
