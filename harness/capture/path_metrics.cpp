#include <lossy/harness/capture/path_metrics.hpp>

#include <algorithm>

namespace lossy {
namespace {

constexpr std::size_t kDatagramsMin = 64;
constexpr std::size_t kDatagramsMax = std::size_t{1} << 16;
constexpr std::size_t kGapsMax = 1024;

}  // namespace

void PathTracker::sent(std::uint32_t identification, Instant time, PathMetrics& metrics,
                       PathBudget& budget) {
  grow_for(identification, budget);
  if (datagrams_.empty()) return;  // There is no memory to learn what becomes of it.
  ++counters_.sent;
  ++metrics.counters.sent;
  Datagram& slot = slot_of(identification);
  if (slot.number != 0) settle(slot, metrics);
  slot = {time, {}, counters_.sent, identification, false, false};
}

// Makes room until the slot is free, as far as there may be more room.
void PathTracker::grow_for(std::uint32_t identification, PathBudget& budget) {
  while (datagrams_.empty() || (slot_of(identification).number != 0 &&
                                slot_of(identification).identification != identification)) {
    const std::size_t size = std::max(kDatagramsMin, datagrams_.size() * 2);
    const std::size_t more = size - datagrams_.size();
    if (size > kDatagramsMax || more > budget.datagrams) return;
    budget.datagrams -= more;
    std::vector<Datagram> larger(size);
    // What did not share a slot does not share one among more of them.
    for (const Datagram& datagram : datagrams_) {
      if (datagram.number != 0) larger[datagram.identification & (size - 1)] = datagram;
    }
    datagrams_ = std::move(larger);
  }
}

void PathTracker::arrived(std::uint32_t identification, Instant time, PathMetrics& metrics,
                          PathBudget& budget) {
  Datagram* const datagram = datagrams_.empty() ? nullptr : &slot_of(identification);
  if (datagram == nullptr || datagram->number == 0 || datagram->identification != identification) {
    ++counters_.unmatched;
    ++metrics.counters.unmatched;
    return;
  }
  if (datagram->arrived) {
    ++counters_.duplicated;
    ++metrics.counters.duplicated;
    return;
  }
  datagram->arrived = true;
  datagram->delay = saturating_between(datagram->sent, time);
  metrics.delay.add(datagram->delay);
  ++counters_.arrived;
  ++metrics.counters.arrived;
  ++arrivals_;
  const std::uint64_t number = datagram->number;
  if (number >= next_expected_) {
    if (number > next_expected_) remember_gap(next_expected_, number - 1, budget);
    next_expected_ = number + 1;
    return;
  }
  ++counters_.reordered;
  ++metrics.counters.reordered;
  const std::uint64_t extent = extent_of(number);
  metrics.extent_max = std::max(metrics.extent_max, extent);
  metrics.extent_sum += extent;
}

void PathTracker::in_flight(std::uint32_t identification) {
  Datagram* const datagram = datagrams_.empty() ? nullptr : &slot_of(identification);
  if (datagram == nullptr || datagram->number == 0 || datagram->identification != identification) {
    return;
  }
  datagram->in_flight = !datagram->arrived;
}

void PathTracker::remember_gap(std::uint64_t first, std::uint64_t last, PathBudget& budget) {
  if (gaps_.size() == gaps_.capacity()) {
    const std::size_t size = std::max<std::size_t>(4, gaps_.size() * 2);
    if (size > kGapsMax || size - gaps_.size() > budget.gaps) {
      if (gaps_.empty()) return;
      gaps_.erase(gaps_.begin(), gaps_.begin() + std::ssize(gaps_) / 2);
    } else {
      budget.gaps -= size - gaps_.size();
      gaps_.reserve(size);
    }
  }
  gaps_.push_back({first, last, arrivals_});
}

// The earliest arrival of a later one is the one that passed over this number: whatever came before
// that had lower numbers.
std::uint64_t PathTracker::extent_of(std::uint64_t number) const {
  const auto gap = std::lower_bound(
      gaps_.begin(), gaps_.end(), number,
      [](const Gap& candidate, std::uint64_t wanted) { return candidate.last < wanted; });
  return gap == gaps_.end() ? 1 : arrivals_ - gap->position;
}

void PathTracker::settle(const Datagram& datagram, PathMetrics& metrics) {
  if (datagram.in_flight) {
    ++counters_.in_flight;
    ++metrics.counters.in_flight;
    loss_run_ = 0;
    return;
  }
  if (!datagram.arrived) {
    ++counters_.lost;
    ++metrics.counters.lost;
    if (++loss_run_ == 1) ++metrics.loss_periods;
    metrics.longest_loss_period = std::max(metrics.longest_loss_period, loss_run_);
    return;
  }
  if (settled_ != 0 && settled_ + 1 == datagram.number) {
    const Duration variation = datagram.delay - settled_delay_;
    metrics.delay_variation.add(variation < Duration::zero() ? -variation : variation);
  }
  loss_run_ = 0;
  settled_ = datagram.number;
  settled_delay_ = datagram.delay;
}

void PathTracker::finish(PathMetrics& metrics) {
  std::erase_if(datagrams_, [](const Datagram& datagram) { return datagram.number == 0; });
  std::sort(datagrams_.begin(), datagrams_.end(),
            [](const Datagram& a, const Datagram& b) { return a.number < b.number; });
  for (const Datagram& datagram : datagrams_) settle(datagram, metrics);
  datagrams_ = {};
}

}  // namespace lossy
