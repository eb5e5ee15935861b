// What holds from which moment on.
//
// Copies share the phases and each has a place of its own among them, so that a copy costs little.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include <lossy/core/check.hpp>
#include <lossy/core/clock.hpp>

namespace lossy {

template <typename Value>
class Timeline {
 public:
  // `value` holds from the beginning of time. Implicit: what never changes is a timeline, too.
  Timeline(Value value) : phases_(std::make_shared<Phases>()) {
    phases_->push_back({Instant::min(), std::move(value)});
    stand_at(0);
  }

  // From `start` on `value` holds, at last. Starts must increase.
  void add(Instant start, Value value) {
    check(start > phases_->back().start, "Timeline: a start that is not after the one before");
    if (phases_.use_count() > 1) phases_ = std::make_shared<Phases>(*phases_);
    phases_->push_back({start, std::move(value)});
    stand_at(now_);
  }

  struct Phase {
    Instant start;
    Value value;
  };
  const std::vector<Phase>& phases() const { return *phases_; }

  // Where the timeline stands at `now`, an index into phases(). Times must not decrease.
  std::size_t advance(Instant now) {
    if (now >= changes_at_) [[unlikely]]
      stand_at(index_at(now));
    return now_;
  }
  const Value& at(Instant now) {
    advance(now);
    return phase_->value;
  }

  // What holds at any time, which moves nothing.
  const Value& look_up(Instant when) const {
    const bool is_now = when < changes_at_ && when >= phase_->start;
    return is_now ? phase_->value : (*phases_)[index_at(when)].value;
  }

 private:
  std::size_t index_at(Instant when) const {
    const auto after =
        std::partition_point(phases_->begin(), phases_->end(),
                             [when](const Phase& phase) { return phase.start <= when; });
    return static_cast<std::size_t>(after - phases_->begin()) - 1;
  }
  void stand_at(std::size_t index) {
    now_ = index;
    phase_ = &(*phases_)[now_];
    changes_at_ = now_ + 1 < phases_->size() ? (*phases_)[now_ + 1].start : Instant::max();
  }

  using Phases = std::vector<Phase>;

  std::shared_ptr<Phases> phases_;  // Changed only while nobody else has them.
  std::size_t now_ = 0;
  const Phase* phase_ = nullptr;         // The one where it stands.
  Instant changes_at_ = Instant::max();  // The start of the next phase.
};

}  // namespace lossy
