// What a capture file says about one frame.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <lossy/core/clock.hpp>
#include <lossy/harness/capture/frame.hpp>

namespace lossy {

struct CaptureRecord {
  std::uint64_t number = 0;  // Its place in the file, from 1.
  Instant time;              // Since 1970-01-01T00:00:00Z, up to the year 2116, in any order.
  std::span<const std::byte> frame;
  std::size_t original_bytes = 0;  // On the wire; more than there is when it was snapped.
  int link_type = 0;               // As libpcap numbers them.
  std::uint32_t interface = 0;     // Which of its capture's, from 0: PcapReader::interfaces().
  PacketType direction = PacketType::kUnknown;  // Across that interface, where the file says so.
  bool inner = false;  // As DecodeOptions has it: whoever reads the file asked for that.
};

// Takes its frame apart, as the record's own link type has it.
inline Decoded decode_record(const CaptureRecord& record, DecodeOptions options = {}) {
  options.inner = record.inner;
  return decode_frame(record.link_type, record.frame, record.original_bytes, options);
}

}  // namespace lossy
