// What one direction of a path did to the datagrams that a two-sided recording shows, in the
// metrics of the RFCs.
//
// A datagram is known by its number, which the recording carries in 16 or 20 bits: sent and
// arrived pair up as long as no more than 65,536 datagrams of a flow are sent in between.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <lossy/core/clock.hpp>
#include <lossy/core/histogram.hpp>

namespace lossy {

struct PathCounters {
  std::uint64_t sent = 0;
  std::uint64_t arrived = 0;     // Of those: copies do not count.
  std::uint64_t lost = 0;        // Sent, and not seen to arrive before the capture ends (RFC 7680).
  std::uint64_t in_flight = 0;   // The same, but known to be under way when it ends: not lost.
  std::uint64_t duplicated = 0;  // Arrivals of what had arrived already (RFC 5560).
  std::uint64_t reordered = 0;   // First arrivals after a datagram that was sent later (RFC 4737).
  std::uint64_t unmatched = 0;   // Arrivals of what was never seen to be sent.
};

struct PathMetrics {
  PathCounters counters;
  // RFC 3357: a loss period is a run of consecutive losses.
  std::uint64_t loss_periods = 0;
  std::uint64_t longest_loss_period = 0;
  // RFC 4737 section 4.2: how many arrivals ago the earliest one came that was sent later. Where
  // that is too long ago to be known, the extent counts as what is known.
  std::uint64_t extent_max = 0;
  std::uint64_t extent_sum = 0;
  Histogram delay;  // One way, of first arrivals (RFC 7679).
  // RFC 3393: how much the delays of datagrams differ that were sent one after the other, without
  // the sign.
  Histogram delay_variation;
};

// Bounds what all the trackers of a capture remember together.
struct PathBudget {
  std::size_t datagrams = std::size_t{1} << 20;  // Of 32 bytes each.
  std::size_t gaps = std::size_t{1} << 18;       // Of 24 bytes each.
};

// One direction of one flow.
class PathTracker {
 public:
  // Metrics and budget are those of all flows, the same ones in each call.
  void sent(std::uint32_t identification, Instant time, PathMetrics& metrics, PathBudget& budget);
  void arrived(std::uint32_t identification, Instant time, PathMetrics& metrics,
               PathBudget& budget);
  // It is under way when the capture ends, unless a copy has arrived.
  void in_flight(std::uint32_t identification);
  // The capture has ended.
  void finish(PathMetrics& metrics);

  const PathCounters& counters() const { return counters_; }

 private:
  struct Datagram {
    Instant sent;
    Duration delay{};
    std::uint64_t number = 0;  // From 1; 0 where the slot is empty.
    std::uint32_t identification = 0;
    bool arrived = false;
    bool in_flight = false;
  };
  // Numbers that were passed over by a later one that arrived first: all that can be reordered.
  struct Gap {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::uint64_t position = 0;  // Of the arrival that passed over them.
  };

  Datagram& slot_of(std::uint32_t identification) {
    return datagrams_[identification & (datagrams_.size() - 1)];
  }
  void grow_for(std::uint32_t identification, PathBudget& budget);
  void settle(const Datagram& datagram, PathMetrics& metrics);
  void remember_gap(std::uint64_t first, std::uint64_t last, PathBudget& budget);
  std::uint64_t extent_of(std::uint64_t number) const;

  std::vector<Datagram> datagrams_;  // By identification; its size is a power of two, or zero.
  std::vector<Gap> gaps_;            // Ascending.
  PathCounters counters_;
  std::uint64_t arrivals_ = 0;
  std::uint64_t next_expected_ = 1;
  // The datagram that was settled last, and the losses up to it.
  std::uint64_t settled_ = 0;
  Duration settled_delay_{};
  std::uint64_t loss_run_ = 0;
};

}  // namespace lossy
