// netem's reordering: a datagram that jumps the delay, and so overtakes those before it.
#pragma once

#include <cstdint>

#include <lossy/core/random.hpp>
#include <lossy/harness/link/correlated_stream.hpp>

namespace lossy {

// Once gap - 1 datagrams in a row did not jump, each further one does with the given chance, until
// one has: 1 / (gap - 1 + 1 / probability) of them.
struct Early {
  Chance chance{};
  std::uint64_t gap = 1;  // At least 1.

  friend bool operator==(const Early&, const Early&) = default;
};

class EarlyProcess {
 public:
  // Counts from the datagram `first` on.
  EarlyProcess(const Early& early, RandomStream stream, std::uint64_t first = 1)
      : chance_(early.chance, stream), gap_(early.gap), last_number_(first - 1) {}

  bool never() const { return chance_.never(); }

  // Whether each number takes a step, asked for or not.
  bool counts() const { return gap_ > 1 && !chance_.never(); }

  // Whether the datagram `number` jumps. Numbers do not decrease, from `first` on; those that are
  // left out count as if they had been asked for, and cost as much.
  bool jumps(std::uint64_t number) {
    if (!counts()) return chance_.happens(number);
    while (last_number_ < number) {
      ++last_number_;
      jumped_ = in_gap_ >= gap_ - 1 && chance_.happens(last_number_);
      in_gap_ = jumped_ ? 0 : in_gap_ + 1;
    }
    return jumped_;
  }

 private:
  ChanceStream chance_;
  std::uint64_t gap_;
  std::uint64_t in_gap_ = 0;  // How many did not jump since the last that did.
  std::uint64_t last_number_;
  bool jumped_ = false;  // The last number.
};

}  // namespace lossy
