// What a link with given fates does, in the simplest form that is still exact: a list of copies
// that is searched from end to end, and times from formulas over all that was sent, not from what
// the last datagram left over.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <lossy/core/clock.hpp>
#include <lossy/core/random.hpp>
#include <lossy/harness/link/fate.hpp>
#include <lossy/harness/link/link_options.hpp>

namespace lossy::fuzz {

class LinkReference {
 public:
  struct Copy {
    std::uint64_t number = 0;
    std::size_t copy = 0;
    std::size_t whole_bytes = 0;  // Of the payload that was offered.
    std::size_t kept_bytes = 0;   // Of what arrives of it.
    bool damaged = false;         // It needs memory of its own.
    Instant due;                  // When it has travelled; slots may keep it longer.
  };
  struct Outcome {
    std::size_t copies = 0;  // That set out.
    LossReason loss = LossReason::kDrop;
  };

  LinkReference(const LinkOptions& options, const std::vector<Outage>& outages,
                RandomStream slot_intervals)
      : options_(options), outages_(outages), slot_intervals_(slot_intervals) {}

  Outcome offered(Instant now, std::size_t payload_bytes, const Fate& fate) {
    ++number_;
    const std::size_t ip_bytes = payload_bytes + options_.header_bytes;
    if (fate.lost()) return {0, fate.loss};
    for (const Outage& outage : outages_) {
      if (outage.start <= now && now < outage.end) return {0, LossReason::kOutage};
    }
    if (options_.mtu_bytes > 0 && ip_bytes > options_.mtu_bytes) return {0, LossReason::kMtu};
    Outcome outcome;
    for (std::size_t i = 0; i < fate.copies_count; ++i) {
      if (in_flight_.size() >= options_.in_flight_max ||
          bytes_in_flight(payload_bytes) > options_.in_flight_bytes_max) {
        outcome.loss = LossReason::kInFlight;
      } else if (!queue_has_room(now, ip_bytes)) {
        outcome.loss = LossReason::kQueue;
      } else {
        ++outcome.copies;
        const CopyFate& copy = fate.copy[i];
        in_flight_.push_back({number_, i, payload_bytes,
                              std::min<std::size_t>(payload_bytes, copy.kept_bytes),
                              copy.flips_count > 0 || copy.kept_bytes != CopyFate::kWhole,
                              due(departure(now, ip_bytes), copy)});
      }
    }
    return outcome;
  }

  std::size_t in_flight() const { return in_flight_.size(); }

  // When the next copy arrives, and which one.
  std::optional<Instant> next() const {
    if (in_flight_.empty()) return std::nullopt;
    const Instant came = first()->due;
    if (!options_.slots.enabled) return came;
    return came <= slot_opens_ ? slot_opens_ : saturating_add(came, slot_interval(slot_ + 1));
  }
  Copy take() {
    const Instant leaves = *next();
    const auto place = first();
    const Copy copy = *place;
    in_flight_.erase(place);
    if (options_.slots.enabled) pass_slot(copy, leaves);
    return copy;
  }

 private:
  // Of equal ones the first that was put in.
  std::vector<Copy>::const_iterator first() const {
    return std::ranges::min_element(in_flight_, {}, &Copy::due);
  }

  // What memory holds while the latest datagram is offered: each payload once however many copies
  // it has, and each that is damaged.
  std::size_t bytes_in_flight(std::size_t offered_bytes) const {
    const auto piece = [](std::size_t bytes) {
      return std::bit_ceil(std::max<std::size_t>(bytes, 64));
    };
    std::size_t sum = piece(offered_bytes);
    for (auto copy = in_flight_.begin(); copy != in_flight_.end(); ++copy) {
      if (copy->damaged) sum += piece(copy->kept_bytes);
      const bool counted = copy->number == number_ ||
                           std::any_of(in_flight_.begin(), copy, [copy](const Copy& other) {
                             return other.number == copy->number;
                           });
      if (!counted) sum += piece(copy->whole_bytes);
    }
    return sum;
  }

  std::uint64_t line_bytes(std::uint64_t ip_bytes) const {
    const std::uint64_t cell = options_.rate.cell_bytes;
    return cell == 0 ? ip_bytes : (ip_bytes + cell - 1) / cell * cell;
  }

  bool queue_has_room(Instant now, std::size_t ip_bytes) {
    if (options_.rate.bits_per_second == 0) return true;
    std::erase_if(on_the_line_, [now](const auto& sent) { return sent.left <= now; });
    if (on_the_line_.empty()) return true;
    std::size_t waiting_bytes = ip_bytes;
    for (std::size_t i = 1; i < on_the_line_.size(); ++i) waiting_bytes += on_the_line_[i].ip_bytes;
    return on_the_line_.size() - 1 < options_.queue_datagrams_max &&
           waiting_bytes <= options_.queue_bytes_max;
  }

  // When all bits have left that came since the line was last idle.
  Instant departure(Instant now, std::size_t ip_bytes) {
    const std::uint64_t rate = options_.rate.bits_per_second;
    if (rate == 0) return now;
    if (line_free_ < now) {
      busy_since_ = now;
      busy_bits_ = 0;
    }
    busy_bits_ += line_bytes(ip_bytes) * 8;
    const Uint128 time = Uint128{busy_bits_} * 1'000'000'000 / rate;
    line_free_ = saturating_add(busy_since_, Duration(static_cast<Duration::rep>(time)));
    on_the_line_.push_back({line_free_, ip_bytes});
    return line_free_;
  }

  Instant due(Instant departure, const CopyFate& copy) {
    Instant due = std::max(departure, saturating_add(departure, options_.delay + copy.extra_delay));
    if (options_.keeps_order && !copy.early) due = std::max(due, latest_in_order_);
    if (!copy.held_back && !copy.early) latest_in_order_ = std::max(latest_in_order_, due);
    return due;
  }

  Duration slot_interval(std::uint64_t slot) const {
    const Slots& slots = options_.slots;
    const auto spread =
        static_cast<std::uint64_t>((slots.interval_max - slots.interval_min).count());
    return slots.interval_min + Duration(static_cast<Duration::rep>(
                                    uniform_below(slot_intervals_.at(slot), spread + 1)));
  }

  void pass_slot(const Copy& copy, Instant leaves) {
    if (copy.due > slot_opens_) {
      ++slot_;
      slot_opens_ = leaves;
      in_slot_ = in_slot_bytes_ = 0;
    }
    ++in_slot_;
    in_slot_bytes_ += copy.kept_bytes + options_.header_bytes;
    const Slots& slots = options_.slots;
    if ((slots.datagrams_max > 0 && in_slot_ == slots.datagrams_max) ||
        (slots.bytes_max > 0 && in_slot_bytes_ >= slots.bytes_max)) {
      slot_opens_ = saturating_add(slot_opens_, slot_interval(++slot_));
      in_slot_ = in_slot_bytes_ = 0;
    }
  }

  struct Sent {
    Instant left;
    std::size_t ip_bytes = 0;
  };

  LinkOptions options_;
  std::vector<Outage> outages_;
  RandomStream slot_intervals_;
  std::uint64_t number_ = 0;
  std::vector<Copy> in_flight_;
  std::vector<Sent> on_the_line_;
  Instant line_free_ = Instant::min();
  Instant busy_since_;
  std::uint64_t busy_bits_ = 0;
  Instant latest_in_order_ = Instant::min();
  std::uint64_t slot_ = 0;
  Instant slot_opens_ = Instant::min();
  std::uint64_t in_slot_ = 0;
  std::uint64_t in_slot_bytes_ = 0;
};

}  // namespace lossy::fuzz
