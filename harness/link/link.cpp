#include <lossy/harness/link/link.hpp>

#include <algorithm>
#include <utility>

#include <lossy/core/check.hpp>
#include <lossy/core/endpoint.hpp>

namespace lossy {
namespace {

// What a copy's traits say: its index, and what happened to it.
constexpr std::uint32_t kIndex = 0xff;
constexpr std::uint32_t kHeldBack = 0x100;
constexpr std::uint32_t kCorrupted = 0x200;
constexpr std::uint32_t kTruncated = 0x400;
static_assert(Fate::kCopiesMax <= kIndex);

// What an empty link may keep of a budget, so that one at work need not allocate all the time; once
// that is scarce, nothing.
constexpr std::size_t kKeptBytes = 16 * 1024;

// Whether a copy needs bytes of its own.
bool is_damaged(const CopyFate& fate) {
  return fate.flips_count > 0 || fate.kept_bytes != CopyFate::kWhole;
}

}  // namespace

std::uint64_t LinkCounters::lost() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : lost_by) sum += count;
  return sum;
}

LinkCounters& LinkCounters::operator+=(const LinkCounters& other) {
  // Whoever adds a counter sees here that it must be summed, too.
  static_assert(sizeof(LinkCounters) == (11 + kLossReasonCount) * sizeof(std::uint64_t));
  offered += other.offered;
  delivered += other.delivered;
  for (std::size_t i = 0; i < kLossReasonCount; ++i) lost_by[i] += other.lost_by[i];
  duplicated += other.duplicated;
  copies_dropped += other.copies_dropped;
  held_back += other.held_back;
  early += other.early;
  corrupted += other.corrupted;
  truncated += other.truncated;
  reordered += other.reordered;
  flips_missed += other.flips_missed;
  cuts_missed += other.cuts_missed;
  return *this;
}

Link::Link(const LinkOptions& options, std::unique_ptr<FateSource> fates)
    : Link(LinkPlan{.options = options}, std::move(fates)) {}

Link::Link(LinkPlan plan, std::unique_ptr<FateSource> fates)
    : plan_(std::move(plan)), fates_(std::move(fates)), gate_(plan_.slot_intervals) {
  check(fates_ != nullptr, "Link: no source of fates");
  check_plan(plan_);
  const auto& phases = plan_.options.phases();
  has_slots_ = std::any_of(phases.begin(), phases.end(),
                           [](const auto& phase) { return phase.value.slots.enabled; });
}

Offer Link::handle_datagram(Instant now, std::span<const std::byte> payload, Tag tag) {
  check(payload.size() <= kPayloadBytesMax, "Link: more bytes than a UDP datagram can have");
  Offer offer{.number = ++last_number_, .fate = &fates_->decide(now, last_number_, payload.size())};
  ++counters_.offered;
  const LinkOptions& options = plan_.options.at(now);
  if (offer.fate->lost()) {
    offer.loss = offer.fate->loss;
  } else if (tag.cut || in_outage(now)) {
    offer.loss = LossReason::kOutage;
  } else if (options.mtu_bytes > 0 && payload.size() + options.header_bytes > options.mtu_bytes) {
    offer.loss = LossReason::kMtu;
  } else {
    send_copies(now, payload, tag.label, options, offer);
  }
  if (offer.copies_in_flight == 0) ++counters_.lost_by[static_cast<std::size_t>(offer.loss)];
  return offer;
}

bool Link::in_outage(Instant now) {
  const std::vector<Outage>& outages = plan_.outages;
  while (next_outage_ < outages.size() && outages[next_outage_].end <= now) ++next_outage_;
  return next_outage_ < outages.size() && outages[next_outage_].start <= now;
}

void Link::send_copies(Instant now, std::span<const std::byte> payload, std::uint64_t label,
                       const LinkOptions& options, Offer& offer) {
  if (memory_.is_bounded() && !has_places(now, payload.size(), options, *offer.fate) &&
      !memory_.may_grow()) {
    offer.loss = LossReason::kInFlight;
    return;
  }
  const PayloadPool::Slot whole =
      keep(payload, {.number = offer.number, .offered = now, .label = label});
  origins_[whole].whole = whole;
  const std::size_t ip_bytes = payload.size() + options.header_bytes;
  std::uint32_t index = 0;
  for (const CopyFate& fate : offer.fate->copies()) {
    if (in_flight_.size() >= options.in_flight_max ||
        payloads_.bytes_used() > options.in_flight_bytes_max) {
      offer.loss = LossReason::kInFlight;
    } else if (!serialiser_.has_room(now, ip_bytes, options)) {
      offer.loss = LossReason::kQueue;
    } else {
      ++offer.copies_in_flight;
      const Instant departure = serialiser_.send(now, ip_bytes, options);
      send_copy(departure, fate, options, {whole, index});
    }
    ++index;
  }
  payloads_.release(whole);
  if (memory_.is_bounded()) memory_.set(memory_bytes());
  if (offer.copies_in_flight == 0) return;
  counters_.duplicated += offer.copies_in_flight - 1;
  counters_.copies_dropped += offer.fate->copies_count - offer.copies_in_flight;
}

bool Link::has_places(Instant now, std::size_t payload_bytes, const LinkOptions& options,
                      const Fate& fate) {
  const auto copies = fate.copies();
  const auto slots =
      1 + static_cast<std::size_t>(std::count_if(copies.begin(), copies.end(), is_damaged));
  // Those that are cut may be of another size; that none takes a slot of another's is near enough.
  return in_flight_.has_places(copies.size()) &&
         serialiser_.has_places(now, copies.size(), options) &&
         payloads_.free_slots(payload_bytes) >= slots &&
         std::all_of(copies.begin(), copies.end(), [&](const CopyFate& copy) {
           return !is_damaged(copy) || payloads_.free_slots(std::min<std::size_t>(
                                           payload_bytes, copy.kept_bytes)) >= slots;
         });
}

void Link::send_copy(Instant departure, const CopyFate& fate, const LinkOptions& options,
                     Copy copy) {
  payloads_.retain(copy.payload);
  if (is_damaged(fate)) damage(fate, copy);
  // A listed fate may ask for less delay than there is: nothing arrives before it has left.
  Instant due = std::max(departure, saturating_add(departure, options.delay + fate.extra_delay));
  if (options.keeps_order && !fate.early) due = std::max(due, last_due_);
  if (fate.held_back) {
    copy.traits |= kHeldBack;
    ++counters_.held_back;
  } else if (fate.early) {
    ++counters_.early;
  } else {
    last_due_ = std::max(due, last_due_);
  }
  if (in_flight_.push(due, copy)) look_ahead();
}

PayloadPool::Slot Link::keep(std::span<const std::byte> payload, const Origin& origin) {
  const PayloadPool::Slot slot = payloads_.add(payload);
  if (slot >= origins_.size()) origins_.resize(slot + 1);
  origins_[slot] = origin;
  return slot;
}

void Link::damage(const CopyFate& fate, Copy& copy) {
  const Origin origin = origins_[copy.payload];
  const std::span<const std::byte> whole = payloads_.bytes(origin.whole);
  const std::size_t kept = std::min<std::size_t>(whole.size(), fate.kept_bytes);
  copy.payload = keep(whole.first(kept), origin);
  const std::span<std::byte> bytes = payloads_.bytes(copy.payload);
  for (const std::uint32_t bit : fate.flips()) {
    const std::size_t at = bit / 8;
    if (at < whole.size()) {
      if (at < kept) bytes[at] ^= std::byte{1} << (bit % 8);
      copy.traits |= kCorrupted;
    } else {
      ++counters_.flips_missed;
    }
  }
  if (kept < whole.size()) {
    copy.traits |= kTruncated;
    ++counters_.truncated;
  } else if (fate.kept_bytes != CopyFate::kWhole) {
    ++counters_.cuts_missed;
  }
  counters_.corrupted += (copy.traits & kCorrupted) != 0 ? 1 : 0;
}

void Link::look_ahead() {
  if (in_flight_.empty()) return;
  const Instant came = in_flight_.front().due;
  next_due_ = has_slots_ ? gate_.leaves(came, plan_.options.look_up(came).slots) : came;
}

std::optional<Delivery> Link::poll_transmit(Instant now) {
  release_lent();
  std::optional<Delivery> delivery;
  if (in_flight_.empty() || next_due_ > now) {
    if (in_flight_.empty() && memory_.bytes() > 0 &&
        (memory_.bytes() > kKeptBytes || memory_.is_scarce())) {
      release_memory();
    }
    return delivery;
  }
  const Instant came = in_flight_.front().due;
  const Copy copy = in_flight_.front().item;
  in_flight_.pop();
  lent_ = copy.payload;
  const Origin& origin = origins_[copy.payload];
  const std::span<const std::byte> payload = payloads_.bytes(copy.payload);

  Delivery& arrived = delivery.emplace();
  arrived.number = origin.number;
  arrived.offered = origin.offered;
  arrived.due = next_due_;
  arrived.copy = copy.traits & kIndex;
  arrived.held_back = (copy.traits & kHeldBack) != 0;
  arrived.corrupted = (copy.traits & kCorrupted) != 0;
  arrived.truncated = (copy.traits & kTruncated) != 0;
  arrived.label = origin.label;
  arrived.payload = payload;
  arrived.first_arrival = !payloads_.mark(origin.whole);
  if (arrived.first_arrival) {
    ++counters_.delivered;
    arrived.reordered = origin.number < highest_arrived_;
    counters_.reordered += arrived.reordered ? 1 : 0;
    highest_arrived_ = std::max(highest_arrived_, origin.number);
  }
  if (has_slots_) {
    const LinkOptions& options = plan_.options.look_up(came);
    gate_.pass(came, payload.size() + options.header_bytes, options.slots);
  }
  look_ahead();
  return delivery;
}

std::vector<Link::Underway> Link::datagrams_in_flight() const {
  std::vector<Underway> datagrams;
  for (DueQueue<Copy> left = in_flight_; !left.empty(); left.pop()) {
    const Origin& origin = origins_[left.front().item.payload];
    if (!payloads_.is_marked(origin.whole)) datagrams.push_back({origin.number, origin.label});
  }
  std::ranges::sort(datagrams);
  datagrams.erase(std::unique(datagrams.begin(), datagrams.end()), datagrams.end());
  return datagrams;
}

void Link::release_lent() {
  if (!lent_) return;
  const PayloadPool::Slot whole = origins_[*lent_].whole;
  payloads_.release(*lent_);
  if (whole != *lent_) payloads_.release(whole);
  lent_.reset();
}

std::size_t Link::memory_bytes() const {
  return payloads_.bytes_reserved() + payloads_.slots_bytes() + payloads_.slots() * sizeof(Origin) +
         in_flight_.bytes_reserved() + serialiser_.bytes_reserved();
}

void Link::release_memory() {
  payloads_ = PayloadPool();
  origins_ = {};
  in_flight_.release_memory();
  serialiser_.release_memory();
  memory_.set(0);
}

}  // namespace lossy
