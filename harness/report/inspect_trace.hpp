// The records of a capture as a ladder, a line each.
#pragma once

#include <cstdio>
#include <optional>

#include "harness/capture/inspector.hpp"

namespace lossy {

// Prints while the capture is read. The client stands on the left and the server on the right;
// times count from the first record. A recording of both hosts shows each datagram twice, a
// capture of one host once:
//
//      0.000 ms  |----->         |  1.uplink.3       "Michael"
//     20.000 ms  |         ----->|  1.uplink.3       "Michael"
//      0.000 ms  |-------------->|  1.uplink         "Michael"
class InspectTrace {
 public:
  // `out` must outlive this. With `hex` the payload's bytes follow each line.
  InspectTrace(std::FILE* out, bool hex) : out_(out), hex_(hex) {}

  // Bytes from the network are escaped.
  void print(const CaptureRecord& record, const Sight& sight);

 private:
  std::FILE* out_;
  bool hex_;
  std::optional<Instant> first_;
};

}  // namespace lossy
