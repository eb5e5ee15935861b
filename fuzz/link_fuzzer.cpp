// Invariant: whatever a link's options are and whatever it is offered, nothing arrives early, no
// copy twice, and none that was not decided, with just the damage that was decided; order is kept
// where that is promised and where nothing would change it; what is in flight is bounded; and in
// the end everything was delivered or lost, and counted as that.
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

#include "fuzz/input.hpp"
#include "fuzz/property.hpp"
#include "fuzz/trace.hpp"
#include "harness/link/link.hpp"

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
      input.of(std::array<std::uint64_t, 5>{0, 0, 8'000, 1'000'000, 999'999'937});
  options.rate.cell_bytes = flags & 2 ? 53 : 0;
  options.queue_datagrams_max = input.of(std::array<std::size_t, 4>{1000, 0, 1, 3});
  options.mtu_bytes = input.of(std::array<std::size_t, 3>{0, 40, 100});
  options.in_flight_max = input.of(std::array<std::size_t, 4>{1 << 20, 1, 2, 5});
  options.in_flight_bytes_max = flags & 4 ? 200 : std::size_t{1} << 30;
  options.slots.enabled = flags & 8;
  options.slots.interval_min = 1ms;
  options.slots.interval_max = flags & 16 ? 1ms : 30ms;
  options.slots.datagrams_max = flags & 32 ? 2 : 0;
  LinkPlan plan{.options = options, .slot_intervals = RandomStream(flags)};
  if (flags & 64) plan.outages.push_back({Instant(10ms), Instant(30ms)});
  return plan;
}

Fate fate_from(Input& input, bool& plain) {
  Fate fate;
  const std::uint8_t what = input.byte();
  if (what < 128) return fate;
  plain = false;
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
        options_(plan_.options.phases().front().value),
        link_(LinkPlan(plan_), std::make_unique<DecidedFates>(fate_)) {
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
    std::size_t copies = 0;  // That set out.
    std::array<bool, Fate::kCopiesMax> arrived{};
    std::size_t arrivals = 0;
  };

  bool in_outage() const {
    for (const Outage& outage : plan_.outages) {
      if (outage.start <= now_ && now_ < outage.end) return true;
    }
    return false;
  }

  void offer(Input& input) {
    fate_ = fate_from(input, all_plain_);
    const std::size_t size = input.below(128);
    Offered offered{.when = now_, .fate = fate_, .payload = {}};
    for (std::size_t i = 0; i < size; ++i) {
      offered.payload.push_back(static_cast<std::byte>(offered_.size() + i));
    }
    const Offer offer = link_.handle_datagram(now_, offered.payload);
    must(offer.number == offered_.size() + 1, "datagrams are numbered in the order offered");
    must(*offer.fate == fate_, "the fate is the one that was decided");
    must(offer.copies_in_flight <= fate_.copies_count, "no more copies set out than were decided");
    const bool too_large =
        options_.mtu_bytes > 0 && size + options_.header_bytes > options_.mtu_bytes;
    if (fate_.lost()) {
      must(offer.copies_in_flight == 0 && offer.loss == fate_.loss, "what fate loses is lost");
    } else if (in_outage()) {
      must(offer.copies_in_flight == 0 && offer.loss == LossReason::kOutage,
           "nothing gets through an outage");
    } else if (too_large) {
      must(offer.copies_in_flight == 0 && offer.loss == LossReason::kMtu,
           "what is larger than the MTU vanishes");
    } else if (offer.copies_in_flight < fate_.copies_count) {
      must(offer.loss == LossReason::kQueue || offer.loss == LossReason::kInFlight,
           "only a bound drops what fate, outage and MTU let through");
    }
    offered.copies = offer.copies_in_flight;
    set_out_ += offered.copies;
    offered_.push_back(std::move(offered));
    must(link_.in_flight() <= options_.in_flight_max, "what is in flight is bounded");
    must(link_.in_flight() == set_out_ - arrived_,
         "what has set out is in flight until it arrives");
  }

  void take_until(Instant until) {
    while (const auto due = link_.poll_timeout()) {
      must(*due >= now_, "nothing is due in the past");
      if (*due > until) break;
      if (*due > now_) {
        must(!link_.poll_transmit(*due - 1ns), "nothing arrives before it is due");
      }
      now_ = *due;
      const auto delivery = link_.poll_transmit(now_);
      must(delivery.has_value(), "what is due arrives");
      check(*delivery);
    }
    must(!link_.poll_transmit(std::max(now_, until)), "nothing arrives that is not due");
    now_ = std::max(now_, until);
  }

  void check(const Delivery& delivery) {
    must(delivery.number >= 1 && delivery.number <= offered_.size(), "what arrives was offered");
    Offered& offered = offered_[delivery.number - 1];
    must(delivery.copy < offered.fate.copies_count && !offered.arrived[delivery.copy],
         "no copy arrives twice, and none that was not decided");
    must(delivery.first_arrival == (offered.arrivals == 0), "the first arrival is known");
    must(delivery.reordered == (offered.arrivals == 0 && delivery.number < highest_),
         "a datagram is reordered when a later one came first");
    offered.arrived[delivery.copy] = true;
    must(++offered.arrivals <= offered.copies, "no more copies arrive than set out");
    ++arrived_;
    highest_ = std::max(highest_, delivery.number);

    const CopyFate& fate = offered.fate.copy[delivery.copy];
    must(delivery.due == now_ && delivery.offered == offered.when, "a delivery has its times");
    check_time(offered, fate);
    const std::vector<std::byte> expected = damaged(offered.payload, fate);
    must(std::ranges::equal(delivery.payload, expected), "a copy has the damage that was decided");
    must(delivery.held_back == fate.held_back, "what was held back is known");
    must(delivery.truncated == (fate.kept_bytes < offered.payload.size()), "a cut is known");

    const auto place = std::pair(delivery.number, delivery.copy);
    const bool overtakes = fate.held_back || fate.early;
    if (all_plain_ || (options_.keeps_order && !overtakes)) {
      must(place > last_in_order_, "order is kept where it is promised");
    }
    if (!overtakes) last_in_order_ = std::max(last_in_order_, place);
    Trace::add(static_cast<std::uint64_t>(delivery.due.time_since_epoch().count()));
    Trace::add(delivery.payload);
  }

  void check_time(const Offered& offered, const CopyFate& fate) {
    Duration least{};
    if (options_.rate.bits_per_second > 0) {
      const std::uint64_t bytes = offered.payload.size() + options_.header_bytes;
      least = Duration(
          static_cast<Duration::rep>(bytes * 8 * 1'000'000'000 / options_.rate.bits_per_second));
    }
    const Duration way = std::max(Duration::zero(), options_.delay + fate.extra_delay);
    must(now_ >= offered.when + least + way, "nothing arrives early");
    if (options_.rate.bits_per_second == 0 && !options_.slots.enabled && !options_.keeps_order) {
      must(now_ == offered.when + way, "nothing arrives late that nothing holds up");
    }
  }

  void finish() {
    while (const auto due = link_.poll_timeout()) take_until(*due);  // Each takes one at least.
    must(link_.in_flight() == 0 && !link_.poll_timeout(), "in the end nothing is in flight");
    must(arrived_ == set_out_, "in the end everything that set out has arrived");
    const LinkCounters& counters = link_.counters();
    must(counters.offered == offered_.size() &&
             counters.offered == counters.delivered + counters.lost(),
         "every datagram is delivered or lost");
    Trace::add(counters.delivered);
  }

  LinkPlan plan_;
  LinkOptions options_;
  Fate fate_;
  Link link_;
  Instant now_{};
  std::vector<Offered> offered_;
  std::size_t set_out_ = 0;
  std::size_t arrived_ = 0;
  std::uint64_t highest_ = 0;
  bool all_plain_ = true;  // No fate changes the order.
  std::pair<std::uint64_t, std::size_t> last_in_order_{};
};

}  // namespace
}  // namespace lossy::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lossy::fuzz::Input input(data, size);
  const lossy::fuzz::LinkRun run(input);
  return 0;
}
