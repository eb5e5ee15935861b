// What holds from which moment on.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "core/check.hpp"
#include "core/clock.hpp"

namespace lossy {

template <typename Value>
class Timeline {
 public:
  // `value` holds from the beginning of time. Implicit: what never changes is a timeline, too.
  Timeline(Value value) { phases_.push_back({Instant::min(), std::move(value)}); }

  // From `start` on `value` holds, at last. Starts must increase.
  void add(Instant start, Value value) {
    check(start > phases_.back().start, "Timeline: a start that is not after the one before");
    phases_.push_back({start, std::move(value)});
    if (now_ + 2 == phases_.size()) changes_at_ = start;
  }

  struct Phase {
    Instant start;
    Value value;
  };
  const std::vector<Phase>& phases() const { return phases_; }

  // Where the timeline stands at `now`, an index into phases(). Times must not decrease.
  std::size_t advance(Instant now) {
    if (now >= changes_at_) [[unlikely]] {
      now_ = index_at(now);
      changes_at_ = now_ + 1 < phases_.size() ? phases_[now_ + 1].start : Instant::max();
    }
    return now_;
  }
  const Value& at(Instant now) { return phases_[advance(now)].value; }

  // What holds at any time, which moves nothing.
  const Value& look_up(Instant when) const {
    const bool is_now = when < changes_at_ && when >= phases_[now_].start;
    return phases_[is_now ? now_ : index_at(when)].value;
  }

 private:
  std::size_t index_at(Instant when) const {
    const auto after = std::ranges::upper_bound(phases_, when, {}, &Phase::start);
    return static_cast<std::size_t>(after - phases_.begin()) - 1;
  }

  std::vector<Phase> phases_;
  std::size_t now_ = 0;
  Instant changes_at_ = Instant::max();  // The start of the next phase.
};

}  // namespace lossy
