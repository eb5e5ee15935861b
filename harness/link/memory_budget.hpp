// One bound on the memory that what is in flight on many links takes.
//
// No link grows while it has as much as is left for all: one that is flooded takes half, the next
// half of what that left, and so on, until what is in flight has arrived. So one flood does not
// lock out the others. What finds a place in the memory that its link has asks for none. A link at
// most doubles what it has at a time, so the bound holds to within
// the last datagrams of each.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace lossy {

class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  std::size_t bytes_used() const { return bytes_used_; }
  // How often a link was not allowed to grow: datagrams that were lost for it.
  std::uint64_t refused() const { return refused_; }

 private:
  friend class MemoryShare;

  std::size_t left() const { return bytes_max_ - std::min(bytes_used_, bytes_max_); }

  std::size_t bytes_max_;
  std::size_t bytes_used_ = 0;
  std::uint64_t refused_ = 0;
};

// What one link has of a budget, given back when it goes; without a budget there is no bound.
class MemoryShare {
 public:
  MemoryShare() = default;
  // The budget must outlive this.
  explicit MemoryShare(MemoryBudget& budget) : budget_(&budget) {}
  MemoryShare(MemoryShare&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryShare& operator=(MemoryShare&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MemoryShare() {
    if (is_bounded()) set(0);
  }

  bool is_bounded() const { return budget_ != nullptr; }

  // Whether more may be taken by a datagram that has no place in what there is; a refusal, which
  // loses it, is counted. Only of one that is bounded, as the rest.
  bool may_grow() {
    if (bytes_ < budget_->left()) return true;
    ++budget_->refused_;
    return false;
  }
  // Whether others have so much that what lies idle should be given back.
  bool is_scarce() const { return budget_->left() < budget_->bytes_max_ / 2; }
  std::size_t bytes() const { return bytes_; }
  // What it has from now on.
  void set(std::size_t bytes) {
    budget_->bytes_used_ += bytes - bytes_;
    bytes_ = bytes;
  }

 private:
  MemoryBudget* budget_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace lossy
