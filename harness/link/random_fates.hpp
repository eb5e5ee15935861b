// Fates by chance: independent loss, duplication, reordering, corruption and jitter.
//
// Each impairment draws from a stream of its own, keyed by seed and direction, and what concerns a
// copy from one keyed by the copy too. So switching one impairment on never moves another's
// decisions, and raising a rate only adds events.
#pragma once

#include <array>
#include <memory>

#include "core/random.hpp"
#include "harness/link/delay_table.hpp"
#include "harness/link/direction.hpp"
#include "harness/link/fate.hpp"
#include "harness/link/loss_model.hpp"
#include "harness/link/timeline.hpp"

namespace lossy {

// netem's reordering: a datagram that jumps the delay.
struct Early {
  Chance chance{};
  // Only after gap - 1 others that did not. At least 1.
  std::uint64_t gap = 1;

  friend bool operator==(const Early&, const Early&) = default;
};

struct Impairments {
  // A datagram is lost.
  LossModel loss{};
  // A datagram that is not lost so is damaged, the receiver's checksum sees it, and that is a loss,
  // too.
  Chance checksum{};
  // A datagram that is not lost arrives as two copies.
  Chance duplicate{};
  // A copy is held back by reorder_delay, so that later ones pass it.
  Chance reorder{};
  Duration reorder_delay = std::chrono::milliseconds(10);
  // A copy goes without `delay` and jitter.
  Early early{};
  Duration delay{};
  // A copy has so many bits of its payload flipped, 1 to CopyFate::kFlipsMax, or all that there
  // are.
  Chance corrupt{};
  unsigned corrupt_bits = 1;
  // A copy keeps the first bytes of its payload only: any number of them below its size, equally
  // likely. One without payload is left alone.
  Chance truncate{};
  // A copy is up to this much early or late, each nanosecond equally likely; with a distribution,
  // by this much times what is drawn from it.
  Duration jitter{};
  Probability jitter_correlation{};
  std::shared_ptr<const DelayTable> distribution{};
};

class RandomFates final : public FateSource {
 public:
  // std::logic_error when an impairment is outside its range.
  RandomFates(Timeline<Impairments> impairments, std::uint64_t seed, Direction direction);

  const Fate& decide(Instant now, std::uint64_t number, std::size_t payload_bytes) override;

 private:
  static constexpr std::size_t kCopiesMax = 2;

  struct CopyStreams {
    RandomStream reorder;
    RandomStream corrupt;
    RandomStream corrupted_bit;
    RandomStream jitter;
  };

  void decide_copy(const CopyStreams& streams, std::uint64_t number, std::size_t payload_bytes,
                   CopyFate& copy) const;

  Impairments impairments_;
  RandomStream drop_;
  RandomStream duplicate_;
  std::array<CopyStreams, kCopiesMax> copies_;
  Fate fate_;
};

}  // namespace lossy
