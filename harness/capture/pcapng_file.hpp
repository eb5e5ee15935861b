// Reads pcapng (draft-ietf-opsawg-pcapng): sections of either byte order, each with interfaces of
// its own, which differ in link type, snapshot length and time as they like, and are declared
// anywhere in front of their packets.
//
// Packets come in Enhanced, Simple and (obsolete) Packet Blocks. All other blocks (names,
// statistics, secrets, what is somebody's own) are passed over. Snapshot lengths are not believed:
// what is in the file counts. Only of a Simple Packet Block they tell packet and padding apart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include <lossy/harness/capture/capture_format.hpp>
#include <lossy/harness/capture/timestamp_unit.hpp>

namespace lossy {

class PcapngFile final : public CaptureFormat {
 public:
  // The bounds of what is read: a block, and how many interfaces a file has.
  static constexpr std::size_t kBlockBytesMax = std::size_t{1} << 24;
  static constexpr std::size_t kInterfacesMax = std::size_t{1} << 16;

  using CaptureFormat::CaptureFormat;

  // Whether what begins so is a pcapng.
  static bool is_start(std::span<const std::byte> bytes);

  bool begin() override;
  bool next(CaptureRecord& record) override;

 private:
  // An interface of a section.
  struct Interface {
    std::uint32_t index = 0;  // Among those of the file.
    int link_type = 0;
    std::uint32_t snap_bytes = 0;
    TimestampUnit unit{};
  };

  std::uint16_t load16(std::span<const std::byte> bytes, std::size_t at) const;
  std::uint32_t load32(std::span<const std::byte> bytes, std::size_t at) const;
  std::uint64_t load64(std::span<const std::byte> bytes, std::size_t at) const;
  template <typename Take>
  bool each_option(std::span<const std::byte> options, Take&& take) const;

  bool read_block();
  bool begin_section();
  bool add_interface();
  bool take_packet(CaptureRecord& record, std::uint32_t interface);
  bool take_simple_packet(CaptureRecord& record);
  PacketType direction_in(std::span<const std::byte> options) const;
  bool fail_too_short();

  bool swapped_ = false;  // The section's byte order is not this machine's.
  std::vector<Interface> section_;
  // The file's interfaces, by where they stand in a section, what they are and what they are
  // called. Of captures one behind the other each section has the same ones again.
  std::map<std::tuple<std::size_t, int, std::string>, std::uint32_t> known_;
  std::uint32_t type_ = 0;
  std::span<const std::byte> body_;
  std::size_t block_bytes_ = 0;  // Of the latest block, which the window is still on.
};

}  // namespace lossy
