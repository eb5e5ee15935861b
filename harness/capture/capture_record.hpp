// What a capture file says about one frame.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/clock.hpp"

namespace lossy {

struct CaptureRecord {
  std::uint64_t number = 0;  // Its place in the file, from 1.
  Instant time;              // Since 1970-01-01T00:00:00Z. It may be any, in any order.
  std::span<const std::byte> frame;
  std::size_t original_bytes = 0;  // On the wire; more than there is when it was snapped.
};

}  // namespace lossy
