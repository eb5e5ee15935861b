// Gives items back in the order of their due times, and those due at the same instant in the order
// they came.
//
// Most paths keep order, so an item that is not due before the last one just queues up behind it,
// in constant time. Only one that is due earlier goes through a heap.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/clock.hpp"
#include "harness/link/ring.hpp"

namespace lossy {

template <typename T>
class DueQueue {
 public:
  struct Entry {
    Instant due;
    std::uint64_t sequence = 0;
    T item{};
  };

  bool empty() const { return in_order_.empty() && overtaking_.empty(); }
  std::size_t size() const { return in_order_.size() + overtaking_.size(); }

  // Whether the item is the first now.
  bool push(Instant due, const T& item) {
    const bool first = empty() || due < front().due;
    const Entry entry{due, ++last_sequence_, item};
    if (in_order_.empty() || due >= in_order_.back().due) {
      in_order_.push_back(entry);
    } else {
      overtaking_.push_back(entry);
      std::push_heap(overtaking_.begin(), overtaking_.end(), later);
    }
    return first;
  }

  // The queue must not be empty.
  const Entry& front() const { return heap_is_first() ? overtaking_.front() : in_order_.front(); }

  void pop() {
    if (heap_is_first()) {
      std::pop_heap(overtaking_.begin(), overtaking_.end(), later);
      overtaking_.pop_back();
    } else {
      in_order_.pop_front();
    }
  }

 private:
  static bool later(const Entry& a, const Entry& b) {
    return a.due != b.due ? a.due > b.due : a.sequence > b.sequence;
  }
  bool heap_is_first() const {
    return !overtaking_.empty() &&
           (in_order_.empty() || later(in_order_.front(), overtaking_.front()));
  }

  Ring<Entry> in_order_;
  std::vector<Entry> overtaking_;
  std::uint64_t last_sequence_ = 0;
};

}  // namespace lossy
