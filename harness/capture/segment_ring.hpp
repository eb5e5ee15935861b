// Has the kernel tell which packets of an interface are merged ones (see segments.hpp), and how
// long their datagrams are: through a packet socket beside LiveCapture's, which libpcap does not
// let us ask for that. Only the beginning of each packet comes, in a ring of memory that is shared
// with the kernel, so that reading it takes no system call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include <lossy/harness/capture/live.hpp>
#include <lossy/harness/capture/segment_sizes.hpp>

namespace lossy {

// After open() it needs no privilege any more.
class SegmentRing {
 public:
  // Of a capture's interface: why it cannot, in a sentence without a full stop, or the ring.
  // Packets that came before are not told of. Of those that come after, the kernel tells here
  // before it hands them to the capture.
  static std::variant<SegmentRing, std::string> open(const LiveCapture& capture,
                                                     std::size_t capture_buffer_bytes);

  SegmentRing(SegmentRing&& other) noexcept;
  SegmentRing& operator=(SegmentRing&&) = delete;
  ~SegmentRing();

  // Remembers the merged packets that the kernel has told of by now. Never waits.
  void drain(SegmentSizes& sizes);

  // How many packets went by untold since open().
  struct Missed {
    std::uint64_t merged = 0;  // Before Linux 6.2 the kernel has no words for them.
    std::uint64_t any = 0;     // Merged or not: the ring was full.
  };
  Missed missed();

 private:
  SegmentRing() = default;
  std::byte* slot(std::size_t number) const;

  int fd_ = -1;
  std::byte* memory_ = nullptr;
  std::size_t bytes_ = 0;
  std::size_t slots_ = 0;
  std::size_t next_ = 0;
  bool was_full_ = false;
  Missed missed_;
};

}  // namespace lossy
