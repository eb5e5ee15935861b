// Invariant: whatever a link's options are and whatever it is offered, it does what a plain
// reference does (link_reference.hpp): nothing arrives early or late, no copy twice, and none that
// was not decided, with just the damage that was decided; order is kept where that is promised;
// what is in flight is bounded; and in the end everything was delivered or lost, and counted as
// that.
//
// An input chooses the options; then each datagram is a few bytes: when, how long, and its fate.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <lossy/fuzz/input.hpp>
#include <lossy/fuzz/link_reference.hpp>
#include <lossy/fuzz/property.hpp>
#include <lossy/fuzz/trace.hpp>
#include <lossy/harness/link/link.hpp>

namespace lossy::fuzz {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kDatagramsMax = 64;

// What the fuzzer decides next.
class DecidedFates final : public FateSource {
 public:
  explicit DecidedFates(const Fate& fate) : fate_(fate) {}
  const Fate& decide(Instant, std::uint64_t, std::size_t) override { return fate_; }

 private:
  const Fate& fate_;
};

LinkPlan plan_from(Input& input) {
  LinkOptions options;
  options.delay = input.of(std::array<Duration, 4>{0ns, 1ns, 20ms, kDurationMax});
  const std::uint8_t flags = input.byte();
  options.keeps_order = flags % 2 == 1;
  options.rate.bits_per_second =
      input.of(std::array<std::uint64_t, 5>{0, 0, 8'000, 3'000'000, 999'999'937});
  options.rate.cell_bytes = flags & 2 ? 53 : 0;
  const std::uint8_t queue = input.byte();
  options.queue_datagrams_max = std::array<std::size_t, 4>{1000, 0, 1, 3}[queue % 4];
  if (queue & 64) options.queue_bytes_max = queue & 128 ? 300 : 100;
  options.mtu_bytes = input.of(std::array<std::size_t, 3>{0, 40, 100});
  options.in_flight_max = input.of(std::array<std::size_t, 4>{1 << 20, 1, 2, 5});
  options.in_flight_bytes_max = flags & 4 ? 200 : std::size_t{1} << 30;
  options.slots.enabled = flags & 8;
  options.slots.interval_min = 1ms;
  options.slots.interval_max = flags & 16 ? 1ms : 30ms;
  options.slots.datagrams_max = flags & 32 ? 2 : 0;
  options.slots.bytes_max = flags & 128 ? 150 : 0;
  LinkPlan plan{.options = options, .slot_intervals = RandomStream(flags)};
  if (flags & 64) plan.outages.push_back({Instant(10ms), Instant(30ms)});
  return plan;
}

Fate fate_from(Input& input) {
  Fate fate;
  const std::uint8_t what = input.byte();
  if (what < 128) return fate;
  fate.copies_count = what % 4;
  fate.loss = what & 4 ? LossReason::kChecksum : LossReason::kDrop;
  for (std::size_t i = 0; i < fate.copies_count; ++i) {
    CopyFate& copy = fate.copy[i];
    const std::uint8_t how = input.byte();
    copy.extra_delay = input.of(std::array<Duration, 5>{0ns, 1ns, -1ns, 5ms, -30ms});
    copy.held_back = how % 4 == 1;
    copy.early = how % 4 == 2;
    copy.flips_count = static_cast<std::uint8_t>(how / 4 % 4);
    for (std::size_t bit = 0; bit < copy.flips_count; ++bit) copy.flipped_bits[bit] = input.byte();
    if (how & 64) copy.kept_bytes = input.byte();
  }
  return fate;
}

// The bytes of a copy that has its fate.
std::vector<std::byte> damaged(std::vector<std::byte> payload, const CopyFate& fate) {
  for (const std::uint32_t bit : fate.flips()) {
    if (bit / 8 < payload.size()) payload[bit / 8] ^= std::byte{1} << (bit % 8);
  }
  if (fate.kept_bytes < payload.size()) payload.resize(fate.kept_bytes);
  return payload;
}

class LinkRun {
 public:
  explicit LinkRun(Input& input)
      : plan_(plan_from(input)),
        reference_(plan_.options.phases().front().value, plan_.outages, plan_.slot_intervals),
        link_(LinkPlan(plan_), std::make_unique<DecidedFates>(fate_)) {
    offered_.reserve(kDatagramsMax);
    for (std::size_t i = 0; i < kDatagramsMax && !input.done(); ++i) {
      const Duration step = input.of(std::array<Duration, 6>{0ns, 1ns, 1ms, 7ms, 20ms, 1s});
      take_until(now_ + step);
      offer(input);
    }
    finish();
  }

 private:
  struct Offered {
    Instant when;
    Fate fate;
    std::vector<std::byte> payload;
    std::size_t arrivals = 0;
  };

  void offer(Input& input) {
    fate_ = fate_from(input);
    const std::size_t size = input.below(128);
    Offered offered{.when = now_, .fate = fate_, .payload = {}};
    offered.payload.resize(size);
    for (std::size_t i = 0; i < size; ++i) {
      offered.payload[i] = static_cast<std::byte>(offered_.size() + i);
    }
    const Offer offer = link_.handle_datagram(now_, offered.payload);
    const LinkReference::Outcome expected = reference_.offered(now_, size, fate_);
    must(offer.number == offered_.size() + 1, "datagrams are numbered in the order offered");
    must(*offer.fate == fate_, "the fate is the one that was decided");
    must(offer.copies_in_flight == expected.copies,
         "as many copies set out as fate, outage, MTU and bounds let through");
    must(offer.copies_in_flight > 0 || offer.loss == expected.loss,
         "what is lost is lost for its reason");
    if (expected.copies == 0) {
      ++expected_.lost_by[static_cast<std::size_t>(expected.loss)];
    } else {
      expected_.duplicated += expected.copies - 1;
      expected_.copies_dropped += fate_.copies_count - expected.copies;
    }
    offered_.push_back(std::move(offered));
    check_waiting();
  }

  void check_waiting() const {
    must(link_.in_flight() == reference_.in_flight(),
         "what has set out is in flight until it arrives");
    must(link_.poll_timeout() == reference_.next(), "what is next arrives neither early nor late");
  }

  void take_until(Instant until) {
    while (const auto due = reference_.next()) {
      if (*due > until) break;
      if (*due > now_) {
        must(!link_.poll_transmit(*due - 1ns), "nothing arrives before it is due");
      }
      now_ = std::max(now_, *due);
      const auto delivery = link_.poll_transmit(now_);
      must(delivery.has_value(), "what is due arrives");
      must(delivery->due == *due, "a delivery has its times");
      check(*delivery, reference_.take());
      check_waiting();
    }
    must(!link_.poll_transmit(std::max(now_, until)), "nothing arrives that is not due");
    now_ = std::max(now_, until);
  }

  void check(const Delivery& delivery, const LinkReference::Copy& expected) {
    must(delivery.number == expected.number && delivery.copy == expected.copy,
         "copies arrive when they are due, and those due at once in the order they came");
    Offered& offered = offered_[delivery.number - 1];
    must(delivery.offered == offered.when, "a delivery has its times");
    const bool first = ++offered.arrivals == 1;
    must(delivery.first_arrival == first, "the first arrival is known");
    must(delivery.reordered == (first && delivery.number < highest_),
         "a datagram is reordered when a later one came first");
    highest_ = std::max(highest_, delivery.number);
    expected_.delivered += first ? 1 : 0;
    expected_.reordered += delivery.reordered ? 1 : 0;

    const CopyFate& fate = offered.fate.copy[delivery.copy];
    must(std::ranges::equal(delivery.payload, damaged(offered.payload, fate)),
         "a copy has the damage that was decided");
    must(delivery.held_back == fate.held_back, "what was held back is known");
    must(delivery.truncated == (fate.kept_bytes < offered.payload.size()), "a cut is known");
    const bool flipped = std::ranges::any_of(
        fate.flips(), [&](std::uint32_t bit) { return bit / 8 < offered.payload.size(); });
    must(delivery.corrupted == flipped, "a flip is known");
    Trace::add(static_cast<std::uint64_t>(delivery.due.time_since_epoch().count()));
    Trace::add(delivery.payload);
  }

  void finish() {
    while (const auto due = reference_.next()) take_until(*due);  // Each takes one at least.
    must(link_.in_flight() == 0 && !link_.poll_timeout(), "in the end nothing is in flight");
    const LinkCounters& counters = link_.counters();
    must(counters.offered == offered_.size() &&
             counters.offered == counters.delivered + counters.lost(),
         "every datagram is delivered or lost");
    must(counters.delivered == expected_.delivered && counters.lost_by == expected_.lost_by &&
             counters.duplicated == expected_.duplicated &&
             counters.copies_dropped == expected_.copies_dropped &&
             counters.reordered == expected_.reordered,
         "everything is counted for what it was");
    Trace::add(counters.delivered);
  }

  LinkPlan plan_;
  Fate fate_;
  LinkReference reference_;
  Link link_;
  Instant now_{};
  std::vector<Offered> offered_;
  std::uint64_t highest_ = 0;
  LinkCounters expected_;
};

}  // namespace
}  // namespace lossy::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lossy::fuzz::Input input(data, size);
  const lossy::fuzz::LinkRun run(input);
  return 0;
}
