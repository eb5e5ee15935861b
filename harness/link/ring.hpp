// A first-in first-out queue that allocates only while it grows, unlike std::deque.
#pragma once

#include <cstddef>
#include <vector>

namespace lossy {

template <typename T>
class Ring {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return items_.size(); }
  // Whether so many more can be pushed before it grows.
  bool has_places(std::size_t count) const { return count <= items_.size() - size_; }

  const T& front() const { return items_[head_]; }
  const T& back() const { return items_[(head_ + size_ - 1) & (items_.size() - 1)]; }

  void push_back(const T& item) {
    if (size_ == items_.size()) grow();
    items_[(head_ + size_++) & (items_.size() - 1)] = item;
  }

  void pop_front() {
    head_ = (head_ + 1) & (items_.size() - 1);
    --size_;
  }

 private:
  void grow() {
    std::vector<T> larger(items_.empty() ? 16 : items_.size() * 2);
    for (std::size_t i = 0; i < size_; ++i) larger[i] = items_[(head_ + i) & (items_.size() - 1)];
    items_.swap(larger);
    head_ = 0;
  }

  std::vector<T> items_;  // A power of two of places, or none.
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace lossy
