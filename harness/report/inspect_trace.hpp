// The records of a capture as a ladder, a line each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include <lossy/core/protocol.hpp>
#include <lossy/harness/capture/describe.hpp>
#include <lossy/harness/capture/inspector.hpp>
#include <lossy/harness/report/line_style.hpp>

namespace lossy {

// Prints while the capture is read. The client stands on the left and the server on the right;
// times count from the first record. A recording of both hosts shows each datagram twice, or says
// that it was lost; a capture of one host shows it once:
//
//      0.000 ms  |----->         |  1.uplink.3       5 bytes "Tracy"
//     20.000 ms  |         ----->|  1.uplink.3       5 bytes "Tracy"
//     40.000 ms  |-----x         |  1.uplink.4       5 bytes "Sarah"  lost
//     40.000 ms  |----->         |  1.uplink.5       4 bytes "Anna"  in flight
//      0.000 ms  |-------------->|  1.uplink         7 bytes "Michael"
//      0.002 ms  |-------------->|  1.uplink         7 bytes "Michael"  seen before
//
// To tell what is lost the lines of a recording of both hosts wait until its arrival is read, or
// the end. No more than 65,536 of them wait, and 16 MiB; beyond that it is left open.
class InspectTrace {
 public:
  // `out` must outlive this. With `hex` the payload's bytes follow each line. Without `describe`
  // bytes are quoted and escaped.
  InspectTrace(std::FILE* out, bool hex, const LineStyle& style = {},
               Protocol::Describe describe = {})
      : out_(out), hex_(hex), style_(style), describe_(std::move(describe)) {}

  void print(const CaptureRecord& record, const Sight& sight);
  // The capture has ended.
  void finish();

 private:
  struct Line {
    std::string text;
    std::size_t picture_at = 0;
    std::size_t remarks_end = 0;
    LineMood mood = LineMood::kPlain;
    std::uint64_t key = 0;  // Of the datagram that it waits for; or 0.
    bool uplink = true;
  };

  Line line_of(const CaptureRecord& record, const Sight& sight);
  enum class End : std::uint8_t { kArrived, kLost, kInFlight };

  // What was waited for has arrived, or will not.
  void settle(std::uint64_t key, End end);
  void print_front();

  std::FILE* out_;
  bool hex_;
  LineStyle style_;
  Protocol::Describe describe_;
  std::optional<Instant> first_;
  std::deque<Line> held_;      // The lines behind the first that waits, and that one.
  std::uint64_t printed_ = 0;  // Lines before those.
  std::size_t held_bytes_ = 0;
  std::unordered_map<std::uint64_t, std::uint64_t> waiting_;  // By key: which line, from 0.
};

}  // namespace lossy
