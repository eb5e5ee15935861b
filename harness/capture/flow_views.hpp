// Which datagrams of a flow a capture shows once more: on other interfaces, or both as they leave
// and as they arrive, as a capture of all interfaces does; or the same packet twice, as a bridge
// beside its ports and a switch's mirror port do.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lossy/core/clock.hpp>
#include <lossy/harness/capture/frame.hpp>

namespace lossy {

class FlowViews {
 public:
  enum class Copies : std::uint8_t {
    kSightings,  // A packet that comes twice was seen twice.
    kArrivals,   // It came twice: nothing mirrors what the capture shows.
  };
  explicit FlowViews(Copies copies = Copies::kSightings) : copies_(copies) {}

  // A packet that one view shows again does so within this time. A network's duplicate looks the
  // same.
  static constexpr Duration kSamePacketMax = std::chrono::milliseconds(2);
  // Another view shows it within this one.
  static constexpr Duration kOtherViewMax = std::chrono::seconds(1);

  // Whether the datagram was seen before. Call it for all of one flow, in their order, with the
  // interface that the file names. The same packet is one with the same content and the same IPv4
  // identification, as far as packets have one each: in another view, which shows each once, or in
  // the same, where nothing but an identification tells it from one that was sent again.
  bool seen_before(const Frame& frame, std::uint32_t interface, bool uplink, Instant time);

 private:
  struct View {
    std::uint32_t file_interface = 0;
    std::uint32_t interface = 0;
    PacketType type = PacketType::kUnknown;
    friend bool operator==(const View&, const View&) = default;
  };
  struct Packet {
    Instant time;  // When it was seen last.
    std::uint64_t content = 0;
    std::uint8_t view = 0;   // The first that showed it, and
    std::uint8_t other = 0;  // the latest other one; from 1.
  };
  static constexpr std::size_t kPacketsKept = 16;
  static constexpr std::size_t kViewsMax = 255;
  struct Way {
    // The latest ones. An identification of 0 is none.
    std::array<std::uint16_t, kPacketsKept> identifications{};
    std::array<Packet, kPacketsKept> packets{};
    std::size_t seen = 0;
  };

  // From 1. What is more than can be told apart is the last one.
  std::uint8_t number_of(const View& view);
  bool is_again(Packet& before, std::uint8_t view, std::uint16_t identification,
                Instant time) const;

  Copies copies_;
  std::vector<View> views_;
  std::array<Way, 2> ways_;
  bool unnumbered_ = false;  // Packets that differ had the same identification.
};

}  // namespace lossy
