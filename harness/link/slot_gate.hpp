// The end of a link with slots: what has travelled waits here for its slot to open.
#pragma once

#include <cstddef>
#include <cstdint>

#include <lossy/core/clock.hpp>
#include <lossy/core/random.hpp>
#include <lossy/harness/link/link_options.hpp>

namespace lossy {

// Copies come to the gate in the order of their times, and leave in that order. A slot costs two
// draws at the most, however long nothing came.
class SlotGate {
 public:
  explicit SlotGate(RandomStream intervals) : intervals_(intervals) {}

  // When the next copy leaves, which came at `came`. As often as you like: it moves nothing.
  Instant leaves(Instant came, const Slots& slots) const;
  // It leaves then.
  void pass(Instant came, std::size_t ip_bytes, const Slots& slots);

 private:
  Duration interval(std::uint64_t slot, const Slots& slots) const;

  RandomStream intervals_;
  std::uint64_t slot_ = 0;          // The latest slot, counted from 1.
  Instant opens_ = Instant::min();  // When it opens, or opened; it has room left.
  std::uint64_t datagrams_ = 0;     // What left in it.
  std::uint64_t bytes_ = 0;
  Instant left_ = Instant::min();  // When the last copy left.
};

}  // namespace lossy
