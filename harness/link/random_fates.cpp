#include "harness/link/random_fates.hpp"

#include "core/check.hpp"

namespace lossy {
namespace {

// The places of the streams below a direction's. They are part of what a seed means: never
// renumber.
enum Place : std::uint64_t { kDrop = 1, kDuplicate, kReorder, kCorrupt, kCorruptedBit, kJitter };

RandomStream direction_stream(std::uint64_t seed, Direction direction) {
  return RandomStream(seed).stream(direction == Direction::kUplink ? 1 : 2);
}

}  // namespace

RandomFates::RandomFates(Timeline<Impairments> impairments, std::uint64_t seed, Direction direction)
    : impairments_(impairments.phases().front().value),
      drop_(direction_stream(seed, direction).stream(kDrop)),
      duplicate_(direction_stream(seed, direction).stream(kDuplicate)),
      copies_([&] {
        const RandomStream base = direction_stream(seed, direction);
        const auto streams = [&](std::uint64_t copy) {
          return CopyStreams{base.stream(kReorder).stream(copy), base.stream(kCorrupt).stream(copy),
                             base.stream(kCorruptedBit).stream(copy),
                             base.stream(kJitter).stream(copy)};
        };
        return std::array<CopyStreams, kCopiesMax>{streams(1), streams(2)};
      }()) {
  check(impairments_.jitter >= Duration::zero() && impairments_.jitter <= kDurationMax,
        "Impairments: jitter outside its range");
  check(impairments_.reorder_delay > Duration::zero() && impairments_.reorder_delay <= kDurationMax,
        "Impairments: reorder_delay outside its range");
}

const Fate& RandomFates::decide(Instant, std::uint64_t number, std::size_t payload_bytes) {
  if (std::get<RandomLoss>(impairments_.loss).chance.probability.happens(drop_.at(number))) {
    fate_.copies_count = 0;
    return fate_;
  }
  fate_.copies_count = impairments_.duplicate.probability.happens(duplicate_.at(number)) ? 2 : 1;
  for (std::size_t i = 0; i < fate_.copies_count; ++i) {
    decide_copy(copies_[i], number, payload_bytes, fate_.copy[i]);
  }
  return fate_;
}

void RandomFates::decide_copy(const CopyStreams& streams, std::uint64_t number,
                              std::size_t payload_bytes, CopyFate& copy) const {
  copy.extra_delay = Duration::zero();
  copy.held_back = false;
  copy.flips_count = 0;
  if (impairments_.jitter > Duration::zero()) {
    copy.extra_delay = uniform_spread(streams.jitter.at(number), impairments_.jitter);
  }
  if (!impairments_.reorder.probability.is_zero() &&
      impairments_.reorder.probability.happens(streams.reorder.at(number))) {
    copy.held_back = true;
    copy.extra_delay += impairments_.reorder_delay;
  }
  if (!impairments_.corrupt.probability.is_zero() && payload_bytes > 0 &&
      impairments_.corrupt.probability.happens(streams.corrupt.at(number))) {
    copy.flips_count = 1;
    copy.flipped_bits[0] = static_cast<std::uint32_t>(
        uniform_below(streams.corrupted_bit.at(number), payload_bytes * 8));
  }
}

}  // namespace lossy
