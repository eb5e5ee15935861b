// Fates by chance: independent loss, duplication, reordering, corruption and jitter.
//
// Each impairment draws from a stream of its own, keyed by seed and direction, and what concerns a
// copy from one keyed by the copy too. So switching one impairment on never moves another's
// decisions, and raising a rate only adds events.
#pragma once

#include <array>

#include "core/random.hpp"
#include "harness/link/direction.hpp"
#include "harness/link/fate.hpp"

namespace lossy {

struct Impairments {
  // A datagram is lost.
  Probability drop{};
  // A datagram that is not lost arrives as two copies.
  Probability duplicate{};
  // A copy is held back by reorder_delay, so that later ones pass it.
  Probability reorder{};
  Duration reorder_delay = std::chrono::milliseconds(10);
  // A copy has one bit of its payload flipped; one without payload is left alone.
  Probability corrupt{};
  // A copy is up to this much early or late, each nanosecond equally likely. At most the link's
  // delay.
  Duration jitter{};
};

class RandomFates final : public FateSource {
 public:
  RandomFates(const Impairments& impairments, std::uint64_t seed, Direction direction);

  const Fate& decide(std::uint64_t number, std::size_t payload_bytes) override;

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
