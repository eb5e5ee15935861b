// Reads what snoop of Solaris writes (RFC 1761), of Ethernet and what looks like it.
#pragma once

#include <cstddef>
#include <span>

#include <lossy/harness/capture/capture_format.hpp>

namespace lossy {

class SnoopFile final : public CaptureFormat {
 public:
  using CaptureFormat::CaptureFormat;

  // Whether what begins so is one; so many bytes are enough to tell.
  static bool is_start(std::span<const std::byte> bytes);
  static constexpr std::size_t kStartBytes = 8;

  bool begin() override;
  bool next(CaptureRecord& record) override;

 private:
  std::size_t record_bytes_ = 0;  // Of the latest record, which the window is still on.
};

}  // namespace lossy
