// Writes packets byte by byte, after RFC 768, 791 and 8200, with nothing of what takes packets
// apart: what that sees can be held against what was meant.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lossy/fuzz/built_carriers.hpp>
#include <lossy/fuzz/built_link.hpp>
#include <lossy/fuzz/built_octets.hpp>
#include <lossy/harness/capture/frame.hpp>

namespace lossy::fuzz {

// What a packet is to say, and how.
struct PacketPlan {
  Frame frame;  // Without payload; the addresses are of one family.
  Octets payload;
  LinkPlan link;
  std::vector<std::uint8_t> layers;  // Between the link and the packet, from the inside on.
  std::size_t option_words = 0;      // Of IPv4.
  // Of IPv6: each a header's number and how many units of 8 bytes it has beyond the first.
  std::vector<std::pair<std::uint8_t, std::uint8_t>> extensions;
  std::size_t trailing = 0;  // Bytes behind the datagram within its IP packet.
  std::size_t padding = 0;   // Behind the IP packet.

  bool is_v6() const { return frame.source.is_v6(); }
};

inline void put_address(Octets& to, const Address& address) {
  for (std::size_t i = 0; i < (address.is_v6() ? 16 : 4); ++i) put(to, address.octets()[i], 1);
}

// A checksum that is not `good`, nor 0, which says that there is none.
inline std::uint16_t wrong_checksum(std::uint16_t good) {
  return good ^ (good == 0x0101 ? 0x0202 : 0x0101);
}

inline Octets pseudo_header(const PacketPlan& plan, std::size_t udp_bytes) {
  Octets header = no_octets();
  put_address(header, plan.frame.source);
  put_address(header, plan.frame.destination);
  put(header, 17, 2);
  put(header, udp_bytes, 2);
  return header;
}

// What stands in the checksum's place to `kind`.
inline std::uint16_t udp_checksum(const PacketPlan& plan, const Octets& udp, Checksum kind) {
  if (kind == Checksum::kAbsent) return 0;
  Octets covered = pseudo_header(plan, udp.size());
  if (kind == Checksum::kOffloaded) return internet_sum(covered);
  put(covered, udp);
  const auto sum = static_cast<std::uint16_t>(~internet_sum(covered));
  const std::uint16_t good = sum == 0 ? 0xFFFF : sum;
  return kind == Checksum::kGood ? good : wrong_checksum(good);
}

inline Octets udp_of(const PacketPlan& plan) {
  Octets udp = no_octets();
  put(udp, plan.frame.source.port(), 2);
  put(udp, plan.frame.destination.port(), 2);
  put(udp, 8 + plan.payload.size(), 2);
  put(udp, 0, 2);
  put(udp, plan.payload);
  put_at(udp, 6, udp_checksum(plan, udp, plan.frame.udp_checksum));
  return udp;
}

// Where a piece stands in its packet; a whole packet is no piece.
struct Piece {
  std::uint32_t identification = 0;
  std::size_t offset = 0;
  bool more = false;
};

inline void put_ipv4(Octets& to, const PacketPlan& plan, const Octets& carried,
                     const Piece* piece) {
  const std::size_t header = to.size();
  put(to, 0x45 + plan.option_words, 1);
  put(to, 0, 1);
  put(to, 20 + 4 * plan.option_words + carried.size(), 2);
  put(to, piece ? piece->identification : plan.frame.identification, 2);
  put(to, piece ? (piece->more ? 0x2000 : 0) + piece->offset / 8 : 0x4000, 2);
  put(to, plan.frame.ttl, 1);
  put(to, 17, 1);
  put(to, 0, 2);
  put_address(to, plan.frame.source);
  put_address(to, plan.frame.destination);
  for (std::size_t i = 0; i < plan.option_words; ++i) put(to, 0x01010101, 4);
  const auto sum = static_cast<std::uint16_t>(~internet_sum(to, header));
  put_at(to, header + 10, plan.frame.ip_checksum == Checksum::kGood ? sum : wrong_checksum(sum));
  put(to, carried);
}

inline void put_ipv6(Octets& to, const PacketPlan& plan, const Octets& carried,
                     const Piece* piece) {
  Octets body = no_octets();
  std::vector<std::uint8_t> kinds;
  kinds.reserve(plan.extensions.size() + 2);
  for (const auto& [kind, units] : plan.extensions) kinds.push_back(kind);
  if (piece) kinds.push_back(44);
  kinds.push_back(17);
  std::size_t next = 0;
  for (const auto& [kind, units] : plan.extensions) {
    put(body, kinds[++next], 1);
    const std::uint8_t more_units = kind == 44 ? 0 : units;  // Atomic: offset 0, and no more.
    put(body, more_units, 1);
    for (std::size_t i = 2; i < 8 + 8 * std::size_t{more_units}; ++i) put(body, 0, 1);
  }
  if (piece) {
    put(body, 17, 1);
    put(body, 0, 1);
    put(body, piece->offset + (piece->more ? 1 : 0), 2);
    put(body, piece->identification, 4);
  }
  put(body, carried);
  put(to, 0x60000000 + plan.frame.identification, 4);
  put(to, body.size(), 2);
  put(to, kinds.front(), 1);
  put(to, plan.frame.ttl, 1);
  put_address(to, plan.frame.source);
  put_address(to, plan.frame.destination);
  put(to, body);
}

// A frame of a packet that carries this, or of a piece of one, and what it says beside that.
inline Octets frame_of(const PacketPlan& plan, const Octets& carried, const Piece* piece,
                       Said* said = nullptr) {
  Said unheard;
  if (said == nullptr) said = &unheard;
  Content content{no_octets(), plan.is_v6() ? 0x86DDu : 0x0800u};
  if (plan.is_v6()) {
    put_ipv6(content.octets, plan, carried, piece);
  } else {
    put_ipv4(content.octets, plan, carried, piece);
  }
  for (const std::uint8_t layer : plan.layers)
    content = wrap(wrap_from(layer, content), content, *said);
  Octets frame = link_around(plan.link, std::move(content), *said);
  frame.insert(frame.end(), plan.padding, std::byte{0});
  return frame;
}

}  // namespace lossy::fuzz
