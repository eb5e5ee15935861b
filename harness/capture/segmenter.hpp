// Hands frames of an interface on with merged ones taken apart: those of which the kernel has told
// how.
#pragma once

#include <cstdint>

#include <lossy/harness/capture/capture_record.hpp>
#include <lossy/harness/capture/segment_sizes.hpp>
#include <lossy/harness/capture/segments.hpp>

namespace lossy {

class Segmenter {
 public:
  // What the kernel tells goes here, before the frame that it is about is handed on.
  SegmentSizes& sizes() { return sizes_; }

  // Hands on the frame, or its datagrams one by one, until no more are wanted.
  void hand_on(const CaptureRecord& record, const TakeRecord& take);

  struct Counters {
    std::uint64_t packets = 0;    // Merged ones that were taken apart,
    std::uint64_t datagrams = 0;  // into so many, as far as they were wanted.
    // Handed on as they were: a tunnel's, of which what is inside was merged.
    std::uint64_t carried = 0;
  };
  const Counters& counters() const { return counters_; }

 private:
  SegmentSizes sizes_;
  Counters counters_;
};

}  // namespace lossy
