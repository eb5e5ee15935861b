// Remembers of packets in which the kernel has merged datagrams how long the datagrams are, until
// the packets themselves come by another way (LiveCapture). A packet is known by the bytes that it
// begins with, and where several begin the same, by the time that the kernel gave it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include <lossy/core/clock.hpp>

namespace lossy {

// IPv6's header and UDP's, and as much of the payload as tells most datagrams of a flow apart: in
// IPv6 headers alone do not.
inline constexpr std::size_t kPacketBeginningBytes = 64;
// Zeros stand where the packet is shorter.
using PacketBeginning = std::array<std::byte, kPacketBeginningBytes>;
PacketBeginning beginning_of(std::span<const std::byte> packet);

// A merged packet, as the kernel tells of it.
struct MergedPacket {
  PacketBeginning beginning{};  // From the IP header on.
  Instant time{};
  std::uint16_t segment_bytes = 0;  // Of payload in each datagram but the last.
  // Where in the packet the UDP header is whose datagrams were merged: in a tunnel's packet it is
  // further inside. 0 where the kernel does not say.
  std::uint16_t udp_at = 0;
};

class SegmentSizes {
 public:
  struct Limits {
    std::size_t packets_max = std::size_t{1} << 17;
    // Packets come by the other way in the order of their times, but for so much.
    Duration disorder_max = std::chrono::seconds(1);
    // Two sockets may give one packet times that differ by so much, unless a packet has shown that
    // they give the same.
    Duration difference_max = std::chrono::milliseconds(1);
  };

  SegmentSizes() : SegmentSizes(Limits{}) {}
  explicit SegmentSizes(const Limits& limits) : limits_(limits) {}

  // When there is no room, the oldest one goes.
  void remember(const MergedPacket& merged);

  // The packet that begins like this and that the kernel saw at this time, or closest to it;
  // nothing when it is no merged one. It is forgotten, and so are those that should have come long
  // before it: somebody has filtered them out.
  std::optional<MergedPacket> take(std::span<const std::byte> packet, Instant time);

  std::size_t size() const { return index_.size(); }
  bool empty() const { return index_.empty(); }
  // How many went while their packets may still have been on their way.
  std::uint64_t lost() const { return lost_; }

 private:
  struct Kept {
    MergedPacket merged;
    std::uint64_t number = 0;
  };
  using Index = std::multimap<std::pair<PacketBeginning, Instant>, Kept>;

  void forget(Index::iterator one);

  Limits limits_;
  Index index_;
  std::map<std::uint64_t, Index::iterator> arrivals_;  // By number, in the order they came.
  std::uint64_t remembered_ = 0;
  bool times_are_exact_ = false;
  std::uint64_t lost_ = 0;
};

}  // namespace lossy
