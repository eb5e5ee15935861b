// Which datagrams of a flow a capture shows once more: on other interfaces, or both as they leave
// and as they arrive, as a capture of all interfaces does; or the same packet twice, as a bridge
// beside its ports and a switch's mirror port do.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/clock.hpp"
#include "harness/capture/frame.hpp"

namespace lossy {

class FlowViews {
 public:
  enum class Copies : std::uint8_t {
    kSightings,  // A packet that comes twice was seen twice.
    kArrivals,   // It came twice: nothing mirrors what the capture shows.
  };
  explicit FlowViews(Copies copies = Copies::kSightings) : copies_(copies) {}

  // A packet that is seen again is so within this time. A network's duplicate looks the same.
  static constexpr Duration kSamePacketMax = std::chrono::milliseconds(2);

  // Whether the datagram was seen before. Call it for all of one flow, in their order. What each
  // direction is first seen as stands for it, and all other views of it are repetitions; there a
  // packet is the same that has the same IPv4 identification, but 0, and content, unless they
  // all have it.
  bool seen_before(const Frame& frame, bool uplink, Instant time);

 private:
  struct View {
    std::uint32_t interface = 0;
    PacketType type = PacketType::kUnknown;
    friend bool operator==(const View&, const View&) = default;
  };
  struct Packet {
    Instant time;
    std::uint64_t content = 0;
  };
  static constexpr std::size_t kPacketsKept = 8;
  struct Way {
    std::optional<View> view;
    // The latest ones. An identification of 0 is none.
    std::array<std::uint16_t, kPacketsKept> identifications{};
    std::array<Packet, kPacketsKept> packets{};
    std::size_t next = 0;
  };

  Copies copies_;
  std::array<Way, 2> ways_;
  bool unnumbered_ = false;  // Packets that differ had the same identification.
};

}  // namespace lossy
