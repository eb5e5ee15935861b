#include <lossy/harness/link/slot_gate.hpp>

#include <algorithm>

namespace lossy {

Instant SlotGate::leaves(Instant came, const Slots& slots) const {
  // Slots may have ended while copies wait for one: what comes then does not pass them.
  if (!slots.enabled) return std::max(came, left_);
  return came <= opens_ ? opens_ : saturating_add(came, interval(slot_ + 1, slots));
}

void SlotGate::pass(Instant came, std::size_t ip_bytes, const Slots& slots) {
  left_ = leaves(came, slots);
  if (!slots.enabled) return;
  if (came > opens_) {
    opens_ = left_;
    ++slot_;
    datagrams_ = bytes_ = 0;
  }
  ++datagrams_;
  bytes_ += ip_bytes;
  const bool full = (slots.datagrams_max > 0 && datagrams_ >= slots.datagrams_max) ||
                    (slots.bytes_max > 0 && bytes_ >= slots.bytes_max);
  if (full) {
    opens_ = saturating_add(opens_, interval(++slot_, slots));
    datagrams_ = bytes_ = 0;
  }
}

Duration SlotGate::interval(std::uint64_t slot, const Slots& slots) const {
  const std::uint64_t draw = intervals_.at(slot);
  if (slots.table) {
    return std::max(Duration::zero(),
                    slots.table_delay + slots.table->at(draw, slots.table_jitter));
  }
  const auto spread = static_cast<std::uint64_t>((slots.interval_max - slots.interval_min).count());
  return slots.interval_min + Duration(static_cast<Duration::rep>(uniform_below(draw, spread + 1)));
}

}  // namespace lossy
