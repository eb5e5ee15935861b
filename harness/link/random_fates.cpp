#include <lossy/harness/link/random_fates.hpp>

#include <algorithm>
#include <utility>

#include <lossy/core/check.hpp>

namespace lossy {
namespace {

// The places of the streams below a direction's. They are part of what a seed means: never
// renumber.
enum Place : std::uint64_t {
  kDrop = 1,
  kDuplicate,
  kReorder,
  kCorrupt,
  kCorruptedBit,
  kJitter,
  kChecksum,
  kEarly,
  kTruncate,
  kKeptBytes,
  kSlots = 1000,
};

bool within(Duration value, Duration min) {
  return value >= min && value <= kDurationMax;
}

void check_ranges(const Impairments& impairments) {
  check(within(impairments.jitter, Duration::zero()), "Impairments: jitter outside its range");
  check(within(impairments.delay, Duration::zero()), "Impairments: delay outside its range");
  check(within(impairments.reorder_delay, Duration(1)),
        "Impairments: reorder_delay outside its range");
  check(impairments.corrupt_bits >= 1 && impairments.corrupt_bits <= CopyFate::kFlipsMax,
        "Impairments: corrupt_bits outside its range");
  check(impairments.early.gap >= 1, "Impairments: a gap of 0");
}

// Flips `count` different bits of `bits`, each set of them equally likely. Fewer flips of the same
// number are among them.
void flip(RandomStream draws, std::uint64_t number, std::uint64_t bits, unsigned count,
          CopyFate& copy) {
  copy.flips_count = static_cast<std::uint8_t>(std::min<std::uint64_t>(count, bits));
  for (unsigned i = 0; i < copy.flips_count; ++i) {
    // Which of those that are left, and, counted past those that were taken, which of all.
    const std::uint64_t draw = (i == 0 ? draws : draws.stream(i)).at(number);
    auto bit = static_cast<std::uint32_t>(uniform_below(draw, bits - i));
    unsigned place = 0;
    for (; place < i && bit >= copy.flipped_bits[place]; ++place) ++bit;
    std::copy_backward(&copy.flipped_bits[place], &copy.flipped_bits[i], &copy.flipped_bits[i] + 1);
    copy.flipped_bits[place] = bit;
  }
}

}  // namespace

RandomStream direction_stream(std::uint64_t seed, Direction direction) {
  return RandomStream(seed).stream(direction == Direction::kUplink ? 1 : 2);
}

RandomStream slot_stream(std::uint64_t seed, Direction direction) {
  return direction_stream(seed, direction).stream(kSlots);
}

RandomFates::CopyStreams::CopyStreams(const Impairments& impairments, RandomStream base,
                                      std::uint64_t copy, std::uint64_t first_number)
    : reorder(impairments.reorder, base.stream(kReorder).stream(copy)),
      early(impairments.early, base.stream(kEarly).stream(copy), first_number),
      corrupt(impairments.corrupt, base.stream(kCorrupt).stream(copy)),
      truncate(impairments.truncate, base.stream(kTruncate).stream(copy)),
      jitter(base.stream(kJitter).stream(copy), impairments.jitter_correlation),
      corrupted_bit(base.stream(kCorruptedBit).stream(copy)),
      kept_bytes(base.stream(kKeptBytes).stream(copy)) {}

RandomFates::Streams::Streams(const Impairments& impairments, RandomStream base,
                              std::uint64_t first_number)
    : loss(impairments.loss, base.stream(kDrop), first_number),
      checksum(impairments.checksum, base.stream(kChecksum)),
      duplicate(impairments.duplicate, base.stream(kDuplicate)),
      copies{CopyStreams(impairments, base, 1, first_number),
             CopyStreams(impairments, base, 2, first_number)},
      spares_copies(impairments.jitter == Duration::zero() && copies[0].reorder.never() &&
                    copies[0].early.never() && copies[0].corrupt.never() &&
                    copies[0].truncate.never()),
      counts_early(copies[0].early.counts()) {}

RandomFates::RandomFates(Timeline<Impairments> impairments, std::uint64_t seed, Direction direction)
    : impairments_(std::move(impairments)),
      base_(direction_stream(seed, direction)),
      streams_(impairments_.phases().front().value, base_, 1) {
  for (const auto& phase : impairments_.phases()) {
    check_ranges(phase.value);
    // Each model checks itself.
    static_cast<void>(LossProcess(phase.value.loss, base_));
  }
}

void RandomFates::begin_phase(std::size_t phase, std::uint64_t number) {
  const Impairments& before = impairments_.phases()[phase_].value;
  const Impairments& after = impairments_.phases()[phase].value;
  // What stays goes on. A correlated stream would do so anyway, but look back all the way first.
  Streams streams(after, base_, number);
  if (after.loss == before.loss) streams.loss = streams_.loss;
  if (after.checksum == before.checksum) streams.checksum = streams_.checksum;
  if (after.duplicate == before.duplicate) streams.duplicate = streams_.duplicate;
  for (std::size_t i = 0; i < kCopiesMax; ++i) {
    CopyStreams& to = streams.copies[i];
    const CopyStreams& from = streams_.copies[i];
    if (after.reorder == before.reorder) to.reorder = from.reorder;
    if (after.early == before.early) to.early = from.early;
    if (after.corrupt == before.corrupt) to.corrupt = from.corrupt;
    if (after.truncate == before.truncate) to.truncate = from.truncate;
    if (after.jitter_correlation == before.jitter_correlation) to.jitter = from.jitter;
  }
  streams_ = streams;
  phase_ = phase;
  for (std::size_t i = 0; i < kCopiesMax; ++i) fate_.copy[i] = {};
}

const Fate& RandomFates::decide(Instant now, std::uint64_t number, std::size_t payload_bytes) {
  if (const std::size_t phase = impairments_.advance(now); phase != phase_) {
    begin_phase(phase, number);
  }
  // Else those that come after a long time without a second copy, or any, would have to catch up.
  if (streams_.counts_early) {
    for (CopyStreams& copy : streams_.copies) copy.early.jumps(number);
  }
  if (streams_.loss.lost(number)) {
    fate_.copies_count = 0;
    fate_.loss = LossReason::kDrop;
    return fate_;
  }
  if (streams_.checksum.happens(number)) {
    fate_.copies_count = 0;
    fate_.loss = LossReason::kChecksum;
    return fate_;
  }
  fate_.copies_count = streams_.duplicate.happens(number) ? 2 : 1;
  if (streams_.spares_copies) return fate_;
  const Impairments& impairments = impairments_.phases()[phase_].value;
  for (std::size_t i = 0; i < fate_.copies_count; ++i) {
    decide_copy(impairments, streams_.copies[i], number, payload_bytes, fate_.copy[i]);
  }
  return fate_;
}

void RandomFates::decide_copy(const Impairments& impairments, CopyStreams& streams,
                              std::uint64_t number, std::size_t payload_bytes,
                              CopyFate& copy) const {
  copy.extra_delay = Duration::zero();
  copy.early = streams.early.jumps(number);
  if (copy.early) {
    copy.extra_delay = -impairments.delay;
  } else if (impairments.jitter > Duration::zero()) {
    const std::uint64_t draw = streams.jitter.at(number);
    copy.extra_delay = impairments.distribution
                           ? impairments.distribution->at(draw, impairments.jitter)
                           : uniform_spread(draw, impairments.jitter);
  }
  copy.held_back = streams.reorder.happens(number);
  if (copy.held_back) {
    copy.extra_delay += impairments.reorder_delay;
    copy.early = false;
  }

  const bool any_payload = payload_bytes > 0;
  copy.flips_count = 0;
  if (any_payload && streams.corrupt.happens(number)) {
    flip(streams.corrupted_bit, number, payload_bytes * 8, impairments.corrupt_bits, copy);
  }
  copy.kept_bytes = CopyFate::kWhole;
  if (any_payload && streams.truncate.happens(number)) {
    copy.kept_bytes =
        static_cast<std::uint32_t>(uniform_below(streams.kept_bytes.at(number), payload_bytes));
  }
}

}  // namespace lossy
