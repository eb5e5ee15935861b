// Puts fragmented IP packets together (RFC 791, RFC 815, RFC 8200), in front of the one decoder and
// behind it: a datagram comes out with the record that completes it. What is put together may be a
// piece of a packet that it carries.
//
// Nothing that a capture holds makes it grow without bound: packets that wait for pieces are
// limited in number, in bytes and in age, and what exceeds a limit pushes out the oldest. Pieces
// that overlap are refused with their packet (RFC 5722, and the same for IPv4), because which of
// two contents a host would have taken cannot be known; an exact copy is a copy, and harmless.
#pragma once

#include <bitset>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <vector>

#include <lossy/core/clock.hpp>
#include <lossy/harness/capture/capture_record.hpp>
#include <lossy/harness/capture/frame.hpp>

namespace lossy {

struct ReassemblyLimits {
  std::size_t packets_max = 1024;                // That wait for pieces at a time.
  std::size_t bytes_max = std::size_t{1} << 24;  // That they take, all in all: 256 KiB at least.
  // From a packet's first piece on, by the capture's clock: RFC 8200 section 4.5 and RFC 1122
  // section 3.3.2 say 60 s. A clock that goes back by more lets a packet go, too.
  Duration age_max = std::chrono::seconds(60);
};

struct ReassemblyCounters {
  std::uint64_t whole = 0;    // Packets that were put together.
  std::uint64_t refused = 0;  // Packets whose pieces overlap or contradict each other.
  std::uint64_t expired = 0;  // Packets whose pieces did not all come in time.
  std::uint64_t evicted = 0;  // Packets that had to go because a limit was reached.
  std::uint64_t copies = 0;   // Pieces that had been there already.
  // Records that were decoded as kFragment, and whose packet became whole: nothing of them is lost.
  std::uint64_t joined = 0;
};

// Takes from what was skipped the pieces of packets that became whole.
inline void leave_out_joined(SkipCounts& skipped, const ReassemblyCounters& counters) {
  skipped[static_cast<std::size_t>(SkipReason::kFragment)] -= counters.joined;
}

class Reassembler {
 public:
  explicit Reassembler(const ReassemblyLimits& limits = {});

  // As decode_frame(), for the frames of one capture in their order. What is decoded is valid until
  // the next call, and as long as the frame is.
  Decoded decode(const CaptureRecord& record);

  const ReassemblyCounters& counters() const { return counters_; }
  // Packets that still wait for pieces.
  std::size_t waiting() const { return waiting_; }
  // The memory that packets take which are not whole.
  std::size_t bytes() const { return bytes_; }

 private:
  // Offsets count blocks of 8 bytes.
  static constexpr std::size_t kBlockBytes = 8;
  static constexpr std::size_t kPacketBytesMax = 65'535;
  static constexpr std::size_t kBlocksMax = (kPacketBytesMax + kBlockBytes - 1) / kBlockBytes;

  // What pieces of one packet share. Interfaces, directions and VLANs may each show the same
  // packet.
  struct Key {
    Address source;
    Address destination;
    std::uint32_t identification = 0;
    std::uint32_t captured_on = 0;  // The capture's interface.
    std::uint32_t interface = 0;    // The one that the frame names.
    PacketType type = PacketType::kUnknown;
    std::uint16_t vlan = 0;
    std::uint8_t protocol = 0;  // Of IPv4: in IPv6 not every piece knows.
    friend auto operator<=>(const Key&, const Key&) = default;
  };

  struct Packet {
    Key key;
    Instant first_seen;
    Fragment first;                          // The piece at offset 0, once that is there.
    Checksum ip_checksum = Checksum::kGood;  // The worst of all pieces.
    std::vector<std::byte> bytes;            // To the end of the furthest piece.
    std::optional<std::size_t> size;         // Of all it carries, once the last piece is there.
    std::size_t blocks = 0;                  // How many are present.
    std::uint64_t pieces = 0;                // Copies included.
    std::bitset<kBlocksMax> present;
    std::bitset<kBlocksMax> starts;  // Those at which a piece begins.
    std::optional<SkipReason> refusal;
  };
  using Packets = std::list<Packet>;

  // Nothing when the packet is whole: then `whole` is what decode_packet() wants.
  std::optional<SkipReason> add(const CaptureRecord& record, const Fragment& fragment,
                                Fragment& whole);
  Packet& packet_of(const CaptureRecord& record, const Fragment& fragment);
  // Why the piece cannot be taken into the packet, or nothing.
  static std::optional<SkipReason> objection(const Packet& packet, const Fragment& fragment);
  static bool is_copy(const Packet& packet, const Fragment& fragment);
  void store(Packet& packet, const Fragment& fragment);
  SkipReason refuse(Packet& packet, SkipReason reason);
  void drop(Packets::iterator packet);
  bool is_too_old(const Packet& packet, Instant now) const;
  void expire(Instant now);
  void evict();

  ReassemblyLimits limits_;
  ReassemblyCounters counters_;
  Packets packets_;  // In the order of their first pieces.
  std::map<Key, Packets::iterator> index_;
  std::size_t waiting_ = 0;  // Those that were not refused.
  std::size_t bytes_ = 0;
  std::vector<std::byte> whole_;  // What the last packet that was put together carries.
};

}  // namespace lossy
