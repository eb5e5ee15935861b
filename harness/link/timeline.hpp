// What holds from which moment on.
#pragma once

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
  }

  struct Phase {
    Instant start;
    Value value;
  };
  const std::vector<Phase>& phases() const { return phases_; }

  // Where the timeline stands at `now`, an index into phases(). Times must not decrease.
  std::size_t advance(Instant now) {
    while (next_ < phases_.size() && phases_[next_].start <= now) ++next_;
    return next_ - 1;
  }
  const Value& at(Instant now) { return phases_[advance(now)].value; }

 private:
  std::vector<Phase> phases_;
  std::size_t next_ = 1;
};

}  // namespace lossy
