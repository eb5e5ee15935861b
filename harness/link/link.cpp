#include "harness/link/link.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "core/check.hpp"
#include "core/endpoint.hpp"
#include "harness/link/text.hpp"

namespace lossy {

bool operator==(const Slots& a, const Slots& b) {
  const auto fields = [](const Slots& s) {
    return std::tuple(s.enabled, s.interval_min, s.interval_max, s.table_delay, s.table_jitter,
                      s.datagrams_max, s.bytes_max, s.table != nullptr);
  };
  return fields(a) == fields(b) && (!a.table || *a.table == *b.table);
}

std::uint64_t LinkCounters::lost() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : lost_by) sum += count;
  return sum;
}

Link::Link(const LinkOptions& options, std::unique_ptr<FateSource> fates)
    : Link(LinkPlan{.options = options}, std::move(fates)) {}

Link::Link(LinkPlan plan, std::unique_ptr<FateSource> fates)
    : plan_(std::move(plan)), fates_(std::move(fates)) {
  check(fates_ != nullptr, "Link: no source of fates");
  for (const auto& phase : plan_.options.phases()) {
    const LinkOptions& options = phase.value;
    check(options.delay >= Duration::zero() && options.delay <= kDurationMax,
          "LinkOptions: delay outside its range");
    check(options.rate.bits_per_second <= kRateMax && options.header_bytes <= 1000,
          "LinkOptions: rate or header size outside its range");
  }
}

Offer Link::handle_datagram(Instant now, std::span<const std::byte> payload) {
  check(payload.size() <= kPayloadBytesMax, "Link: more bytes than a UDP datagram can have");
  Offer offer{.number = ++last_number_, .fate = &fates_->decide(now, last_number_, payload.size())};
  ++counters_.offered;
  if (!offer.fate->lost()) {
    const PayloadPool::Slot original = payloads_.add(payload);
    for (const CopyFate& fate : offer.fate->copies()) {
      const auto index = static_cast<std::uint8_t>(&fate - offer.fate->copy.data());
      const auto loss = send_copy(now, fate,
                                  {.number = offer.number,
                                   .offered = now,
                                   .payload = original,
                                   .original = original,
                                   .copy = index});
      if (loss) {
        offer.loss = *loss;
        ++counters_.copies_dropped;
      } else if (offer.copies_in_flight++ > 0) {
        ++counters_.duplicated;
      }
    }
    payloads_.release(original);
  }
  if (offer.copies_in_flight == 0) {
    ++counters_.lost_by[static_cast<std::size_t>(offer.loss)];
    counters_.copies_dropped -= offer.fate->copies_count;
  }
  return offer;
}

std::optional<LossReason> Link::send_copy(Instant now, const CopyFate& fate, Copy copy) {
  const LinkOptions& options = plan_.options.at(now);
  const std::size_t bytes = payloads_.bytes(copy.original).size();
  if (in_flight_.size() >= options.in_flight_max ||
      payloads_.bytes_used() > options.in_flight_bytes_max) {
    return LossReason::kInFlight;
  }
  const std::optional<Instant> departure = serialise(now, bytes);
  if (!departure) return LossReason::kQueue;

  payloads_.retain(copy.original);
  if (fate.flips_count > 0) {
    copy.payload = payloads_.add(payloads_.bytes(copy.original));
    copy.corrupted = flip(copy.payload, fate);
    counters_.corrupted += copy.corrupted ? 1 : 0;
  }
  copy.held_back = fate.held_back;
  counters_.held_back += copy.held_back ? 1 : 0;

  // A listed fate may ask for less delay than there is: nothing arrives before it has left.
  Instant due = std::max(*departure, saturating_add(*departure, options.delay + fate.extra_delay));
  if (options.keeps_order) {
    due = std::max(due, last_due_);
    if (!fate.held_back) last_due_ = due;
  }
  in_flight_.push(due, copy);
  return std::nullopt;
}

std::optional<Delivery> Link::poll_transmit(Instant now) {
  if (lent_) {
    payloads_.release(lent_->original);
    if (lent_->payload != lent_->original) payloads_.release(lent_->payload);
    lent_.reset();
  }
  if (in_flight_.empty() || in_flight_.front().due > now) return std::nullopt;
  const Instant due = in_flight_.front().due;
  lent_ = in_flight_.front().item;
  in_flight_.pop();

  Delivery delivery{.number = lent_->number,
                    .offered = lent_->offered,
                    .due = due,
                    .copy = lent_->copy,
                    .first_arrival = !payloads_.mark(lent_->original),
                    .held_back = lent_->held_back,
                    .corrupted = lent_->corrupted,
                    .payload = payloads_.bytes(lent_->payload)};
  if (delivery.first_arrival) {
    ++counters_.delivered;
    delivery.reordered = delivery.number < highest_arrived_;
    counters_.reordered += delivery.reordered ? 1 : 0;
    highest_arrived_ = std::max(highest_arrived_, delivery.number);
  }
  return delivery;
}

std::optional<Instant> Link::serialise(Instant now, std::size_t payload_bytes) {
  const LinkOptions& options = plan_.options.at(now);
  if (options.rate.bits_per_second == 0) return now;
  while (!departures_.empty() && departures_.front() <= now) departures_.pop_front();
  // One of them is being sent, the others wait.
  if (departures_.size() > options.queue_datagrams_max) return std::nullopt;
  if (free_at_ < now) {
    free_at_ = now;
    free_at_fraction_ = 0;
  }
  const std::uint64_t rate = options.rate.bits_per_second;
  // At most 66,507 * 8 * 10^9 + kRateMax: far below 2^64.
  const std::uint64_t scaled =
      (payload_bytes + options.header_bytes) * 8 * 1'000'000'000 + free_at_fraction_;
  free_at_ = saturating_add(free_at_, Duration(static_cast<Duration::rep>(scaled / rate)));
  free_at_fraction_ = scaled % rate;
  departures_.push_back(free_at_);
  return free_at_;
}

bool Link::flip(PayloadPool::Slot slot, const CopyFate& fate) {
  const std::span<std::byte> bytes = payloads_.bytes(slot);
  bool flipped = false;
  for (const std::uint32_t bit : fate.flips()) {
    if (bit / 8 >= bytes.size()) {
      ++counters_.flips_missed;
      continue;
    }
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    flipped = true;
  }
  return flipped;
}

}  // namespace lossy
