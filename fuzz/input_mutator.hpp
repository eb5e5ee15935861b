// Changes the inputs of protocol_target.hpp the way people would: by operations, not by bytes. A
// mutation puts operations in, takes some out, moves, repeats or changes them; settings and calls
// change rarely. Each lineage of inputs is a swarm of its own: how often it gains which kind of
// operation, some of them never, follows from its settings and calls. (Groce et al., "Swarm
// testing", ISSTA 2012.)
//
// The same seed and input give the same result.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <lossy/core/protocol.hpp>
#include <lossy/core/random.hpp>
#include <lossy/harness/sim/network_script.hpp>

namespace lossy::fuzz {

class InputMutator {
 public:
  InputMutator(const Protocol& protocol, std::uint64_t seed) : protocol_(protocol), stream_(seed) {}

  // Leaves at most `bytes_max` bytes.
  void mutate(std::vector<std::byte>& input, std::size_t bytes_max) {
    take_apart(input);
    do {
      edit();
    } while (one_in(3) || (operations_.size() < kOperationsUseful && !one_in(3)));
    put_together(input, bytes_max);
  }

  // Part of the one and part of the other.
  std::vector<std::byte> cross(std::span<const std::byte> a, std::span<const std::byte> b,
                               std::size_t bytes_max) {
    take_apart(b);
    const std::vector<Operation> other = operations_;
    const std::vector<std::byte> other_head = head_;
    take_apart(a);
    if (one_in(2)) head_ = other_head;
    const std::size_t place = below(operations_.size() + 1);
    const std::size_t first = below(other.size() + 1);
    const std::size_t last = first + below(other.size() - first + 1);
    if (one_in(2)) operations_.resize(place);
    operations_.insert(at(place), other.begin() + static_cast<std::ptrdiff_t>(first),
                       other.begin() + static_cast<std::ptrdiff_t>(last));
    std::vector<std::byte> result;
    put_together(result, bytes_max);
    return result;
  }

 private:
  using Operation = std::array<std::byte, kInputOperationBytes>;

  // A fuzzer keeps the shortest input that does what it does. What is made of it should have the
  // length at which something can come of it.
  static constexpr std::size_t kOperationsUseful = 10;
  static constexpr std::size_t kSliceMax = 4;  // Operations that are taken out or repeated at once.

  std::size_t below(std::size_t bound) { return uniform_below(stream_.at(++drawn_), bound); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  std::vector<Operation>::iterator at(std::size_t place) {
    return operations_.begin() + static_cast<std::ptrdiff_t>(place);
  }

  void take_apart(std::span<const std::byte> input) {
    const std::size_t head = input_head_bytes(protocol_, input);
    head_.assign(head, std::byte{0});
    std::copy_n(input.begin(), std::min(head, input.size()), head_.begin());
    operations_.clear();
    for (std::size_t i = head; i + kInputOperationBytes <= input.size();
         i += kInputOperationBytes) {
      operations_.push_back({input[i], input[i + 1]});
    }
  }

  void put_together(std::vector<std::byte>& input, std::size_t bytes_max) const {
    input = head_;
    for (const Operation& operation : operations_) {
      input.insert(input.end(), operation.begin(), operation.end());
    }
    if (input.size() > bytes_max) input.resize(bytes_max);
  }

  void edit() {
    if (operations_.empty()) return insert();
    const std::size_t place = below(operations_.size());
    const std::size_t count = 1 + below(std::min(kSliceMax, operations_.size() - place));
    switch (below(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        return insert();
      case 5:
      case 6:
        operations_.erase(at(place), at(place + count));
        return;
      case 7:
      case 8:
        return move(place, below(operations_.size()));
      case 9:
      case 10:
        return repeat(place, count);
      case 11:
        return change_head();
      default:
        return change(operations_[place]);
    }
  }

  void insert() {
    const std::size_t count = one_in(2) ? 1 : 1 + below(kSliceMax);
    for (std::size_t i = 0; i < count; ++i) {
      const Operation operation{random_kind(), random_argument()};
      operations_.insert(at(below(operations_.size() + 1)), operation);
    }
  }

  void move(std::size_t from, std::size_t to) {
    const auto first = at(std::min(from, to));
    const auto last = at(std::max(from, to)) + 1;
    std::rotate(first, from < to ? first + 1 : last - 1, last);
  }

  void repeat(std::size_t place, std::size_t count) {
    const std::vector<Operation> slice(at(place), at(place + count));
    operations_.insert(at(below(operations_.size() + 1)), slice.begin(), slice.end());
  }

  void change_head() {
    if (head_.empty()) return;
    head_[below(head_.size())] = static_cast<std::byte>(below(8));
    head_.resize(input_head_bytes(protocol_, head_));  // More calls, or fewer.
  }

  void change(Operation& operation) {
    if (one_in(4)) operation[0] = random_kind();
    const auto argument = std::to_integer<std::size_t>(operation[1]);
    operation[1] = one_in(2) ? random_argument()
                             : static_cast<std::byte>(one_in(2) ? argument + 1 : argument - 1);
  }

  // What all inputs of a lineage have more or less of.
  std::byte random_kind() {
    std::uint64_t key = 0;
    for (const std::byte byte : head_) key = key * 31 + std::to_integer<std::uint64_t>(byte);
    const RandomStream swarm(key);
    constexpr std::array<std::size_t, 4> kWeights{0, 1, 2, 6};
    std::array<std::size_t, kInputKinds> weights{};
    std::size_t sum = 0;
    for (std::size_t kind = 0; kind < kInputKinds; ++kind) {
      weights[kind] = kWeights[swarm.at(kind) >> 62];
      // Without deliveries nothing happens that others could work on.
      if (kind <= 1) weights[kind] = std::max<std::size_t>(weights[kind], 2);
      sum += weights[kind];
    }
    std::size_t left = below(sum);
    std::size_t kind = 0;
    while (left >= weights[kind]) left -= weights[kind++];
    return static_cast<std::byte>(kind);
  }

  // Few datagrams are on their way at a time.
  std::byte random_argument() { return static_cast<std::byte>(below(one_in(4) ? 256 : 8)); }

  const Protocol& protocol_;
  RandomStream stream_;
  std::uint64_t drawn_ = 0;
  std::vector<std::byte> head_;
  std::vector<Operation> operations_;
};

}  // namespace lossy::fuzz
