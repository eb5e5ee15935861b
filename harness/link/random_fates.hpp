// Fates by chance.
//
// Each impairment draws from a stream of its own, keyed by seed and direction, and what concerns a
// copy from one keyed by the copy too. What has a memory, as a loss model has, counts the
// datagrams' numbers and not what became of them. So switching one impairment on never moves
// another's decisions, and raising a rate only adds events.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <lossy/core/random.hpp>
#include <lossy/harness/link/correlated_stream.hpp>
#include <lossy/harness/link/delay_table.hpp>
#include <lossy/harness/link/direction.hpp>
#include <lossy/harness/link/early.hpp>
#include <lossy/harness/link/fate.hpp>
#include <lossy/harness/link/loss_model.hpp>
#include <lossy/harness/link/loss_process.hpp>
#include <lossy/harness/link/timeline.hpp>

namespace lossy {

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
  // A copy goes without `delay`, which is the link's, and without jitter, and so passes earlier
  // ones, unless it is held back, too.
  Early early{};
  Duration delay{};
  // A copy has so many bits of its payload flipped, 1 to CopyFate::kFlipsMax. One without payload
  // is left alone.
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

// All random numbers of one direction come from streams below this one.
RandomStream direction_stream(std::uint64_t seed, Direction direction);
// Those of LinkPlan::slot_intervals, apart from the ones of any fate.
RandomStream slot_stream(std::uint64_t seed, Direction direction);

class RandomFates final : public FateSource {
 public:
  // std::logic_error when an impairment is outside its range. A phase begins with the first
  // datagram decided in it: a Markov chain starts anew and a gap is counted anew, unless nothing is
  // changed about them. All else is a function of the datagram's number.
  RandomFates(Timeline<Impairments> impairments, std::uint64_t seed, Direction direction);

  const Fate& decide(Instant now, std::uint64_t number, std::size_t payload_bytes) override;

 private:
  static constexpr std::size_t kCopiesMax = 2;

  // What decides about one copy of each datagram.
  struct CopyStreams {
    CopyStreams(const Impairments& impairments, RandomStream base, std::uint64_t copy,
                std::uint64_t first_number);

    ChanceStream reorder;
    EarlyProcess early;
    ChanceStream corrupt;
    ChanceStream truncate;
    CorrelatedStream jitter;
    RandomStream corrupted_bit;
    RandomStream kept_bytes;
  };

  struct Streams {
    Streams(const Impairments& impairments, RandomStream base, std::uint64_t first_number);

    LossProcess loss;
    ChanceStream checksum;
    ChanceStream duplicate;
    std::array<CopyStreams, kCopiesMax> copies;
    bool spares_copies;  // No copy is touched.
    bool counts_early;   // Copies of every number count, be they there or not.
  };

  void begin_phase(std::size_t phase, std::uint64_t number);
  void decide_copy(const Impairments& impairments, CopyStreams& streams, std::uint64_t number,
                   std::size_t payload_bytes, CopyFate& copy) const;

  Timeline<Impairments> impairments_;
  RandomStream base_;
  std::size_t phase_ = 0;
  Streams streams_;
  Fate fate_;
};

}  // namespace lossy
