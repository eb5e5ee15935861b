// The inside of decode_frame(): one frame on its way through the layers.
//
// Each step looks at the front of `rest_`, and either says why the frame is skipped or cuts off
// what it has understood and goes on with the next step. What carries something names that by an
// ether type, so that whatever may be in one of them may be in the others. What is learnt is
// written where it is wanted: copying a frame would take as long as decoding it.
//
// frame.cpp has the steps that most frames take and IP's, link_layers.cpp the other links and
// carriers.cpp what carries packets in between.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <lossy/harness/capture/frame.hpp>

namespace lossy {

class Decoder {
 public:
  using Bytes = std::span<const std::byte>;
  // Why a frame is skipped, or nothing.
  using Refusal = std::optional<SkipReason>;

  Decoder(Bytes bytes, bool snapped, unsigned depth, const DecodeOptions& options, Frame& frame)
      : rest_(bytes), snapped_(snapped), depth_(depth), options_(options), frame_(frame) {}

  Refusal decode_link(int link_type);
  // What an IP packet carries that was put together, and whose addresses the frame has.
  Refusal decode_whole_packet(std::uint8_t protocol);
  // What the frame's datagram carries, as what its port says; nothing when it is not that.
  std::optional<Refusal> decode_inside();

 private:
  SkipReason lacking() const { return snapped_ ? SkipReason::kSnapped : SkipReason::kTruncated; }
  bool has(std::size_t bytes) const { return rest_.size() >= bytes; }
  void cut(std::size_t bytes) { rest_ = rest_.subspan(bytes); }
  // Nothing behind so many bytes belongs to what is looked at. There may be fewer.
  void end_at(std::size_t bytes) { rest_ = rest_.first(std::min(bytes, rest_.size())); }

  // Every way around a circle of steps leads through here, so that each ends.
  Refusal nest() {
    if (++depth_ > kCarriersMax) return SkipReason::kTooDeep;
    return std::nullopt;
  }
  Refusal enter(Carrier carrier) {
    frame_.carriers.add(carrier);
    return nest();
  }

  // frame.cpp.
  Refusal decode_ether_type(std::uint16_t ether_type);
  Refusal decode_ethernet();
  Refusal decode_raw();
  void take_place_by_ethernet();
  void take_place_by_sll();
  Refusal decode_sll();
  Refusal decode_sll2();
  Refusal decode_linux(std::uint16_t hardware, std::uint16_t protocol);
  void take_packet_type(std::uint16_t type);
  void take_link_address(std::size_t bytes, std::size_t at);
  Refusal decode_ipv4();
  Refusal decode_ipv6();
  void take_packet() {
    if (options_.packet == nullptr) return;
    *options_.packet = rest_;
    options_.packet = nullptr;  // Those within it are not asked for.
  }
  Refusal decode_behind_ip(std::uint8_t protocol, bool is_v6, bool complete);
  Refusal decode_fragment_header(bool complete);
  SkipReason fragment(std::uint8_t protocol, std::uint32_t identification, std::uint32_t offset,
                      bool more);
  Refusal decode_udp();

  // link_layers.cpp.
  Refusal decode_rare_link(int link_type);
  Refusal decode_family(bool host_order);
  Refusal decode_hdlc(int link_type);
  Refusal decode_ppp();
  Refusal decode_ppp_direction(std::size_t header_bytes);
  Refusal decode_nflog();
  Refusal decode_pktap();
  Refusal decode_ppi();
  Refusal decode_radiotap();
  Refusal decode_wlan(bool padded);
  Refusal decode_llc();

  // carriers.cpp.
  Refusal decode_rare_ether_type(std::uint16_t ether_type);
  Refusal decode_note();
  Refusal decode_pppoe();
  Refusal decode_mpls();
  Refusal decode_batman();
  // Of what IP carries: not those that carry nothing.
  Refusal decode_carried(std::uint8_t protocol);
  Refusal decode_gre();
  Refusal decode_pptp(std::uint16_t flags);
  Refusal decode_erspan(bool has_header);
  Refusal decode_erspan_3();
  Refusal decode_ether_ip();
  // Cut off a header, and give the ether type of what is behind it; nothing when it is none.
  std::optional<std::uint16_t> open_vxlan();
  std::optional<std::uint16_t> open_geneve();
  std::optional<std::uint16_t> open_gtp_u();

  Bytes rest_;
  Bytes addresses_;  // In the IP header, unless the packet was put together.
  bool snapped_;
  bool reassembled_ = false;  // Since the last IP header.
  unsigned depth_;
  DecodeOptions options_;
  Frame& frame_;
};

}  // namespace lossy
