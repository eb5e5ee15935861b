// Writes classic pcap, little-endian on every machine.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include <lossy/harness/capture/capture_writer.hpp>

namespace lossy {

// Of one link type and one interface, whatever the records say. It holds times until 2106.
class PcapWriter final : public CaptureWriter {
 public:
  explicit PcapWriter(const std::string& path, const CaptureHead& head = {},
                      NewFile::Until until = NewFile::Until::kNameless);
  // Writes to an open descriptor, as PieceFile does.
  PcapWriter(int descriptor, const std::string& name, const CaptureHead& head = {});

  void write(const CaptureRecord& record, const PacketNotes& notes) override;
  void write(const CaptureRecord& record) { write(record, {}); }
  void write(Instant time, std::span<const std::byte> frame);
  std::uint64_t bytes_of(const CaptureRecord& record, const PacketNotes& notes) const override;

 private:
  void write_header(int link_type);

  std::int64_t nanoseconds_per_tick_;
};

}  // namespace lossy
