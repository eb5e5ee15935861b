// Gives items back in the order of their due times, and those due at the same instant in the order
// they came.
//
// Most paths keep order, so an item that is not due before the last one just queues up behind it,
// in constant time. Only one that is due earlier goes through a heap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <lossy/core/clock.hpp>
#include <lossy/core/random.hpp>
#include <lossy/harness/link/ring.hpp>

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
      rise(overtaking_.size() - 1, entry);
    }
    return first;
  }

  // The queue must not be empty.
  const Entry& front() const { return heap_is_first() ? overtaking_.front() : in_order_.front(); }

  void pop() {
    if (heap_is_first()) {
      pop_heap();
    } else {
      in_order_.pop_front();
    }
  }

  // Whether so many more can be pushed, whatever their order, before it grows. The first that
  // overtakes does not count, because on most paths none does.
  bool has_places(std::size_t count) const {
    return in_order_.has_places(count) &&
           (overtaking_.capacity() == 0 || count <= overtaking_.capacity() - overtaking_.size());
  }

  // What it has taken from the system, and giving that back; the queue must be empty.
  std::size_t bytes_reserved() const {
    return (in_order_.capacity() + overtaking_.capacity()) * sizeof(Entry);
  }
  void release_memory() {
    in_order_ = {};
    overtaking_ = {};
  }

 private:
  // One comparison of 128 bits, without branches: nobody could predict them.
  static bool before(const Entry& a, const Entry& b) { return key(a) < key(b); }
  static Uint128 key(const Entry& entry) {
    constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
    const auto due = static_cast<std::uint64_t>(entry.due.time_since_epoch().count()) ^ kSign;
    return Uint128{due} << 64 | entry.sequence;
  }

  bool heap_is_first() const {
    return !overtaking_.empty() &&
           (in_order_.empty() || before(overtaking_.front(), in_order_.front()));
  }

  // Puts an entry where it belongs between the free place `at` and the root.
  void rise(std::size_t at, const Entry& entry) {
    while (at > 0 && before(entry, overtaking_[(at - 1) / 2])) {
      overtaking_[at] = overtaking_[(at - 1) / 2];
      at = (at - 1) / 2;
    }
    overtaking_[at] = entry;
  }

  // The free place sinks to the bottom past the earlier children, and the last entry rises from
  // there: it seldom rises far.
  void pop_heap() {
    const Entry last = overtaking_.back();
    overtaking_.pop_back();
    const std::size_t size = overtaking_.size();
    if (size == 0) return;
    std::size_t at = 0;
    std::size_t child = 2;
    for (; child < size; child = 2 * at + 2) {
      child -= before(overtaking_[child - 1], overtaking_[child]) ? 1 : 0;
      overtaking_[at] = overtaking_[child];
      at = child;
    }
    if (child == size) {
      overtaking_[at] = overtaking_[child - 1];
      at = child - 1;
    }
    rise(at, last);
  }

  Ring<Entry> in_order_;
  std::vector<Entry> overtaking_;
  std::uint64_t last_sequence_ = 0;
};

}  // namespace lossy
