// Changes scripts the way people would: by operations, not by bytes. A mutation puts operations in,
// takes some out, moves, repeats or changes them. Each lineage of scripts is a swarm of its own:
// how often it gains which kind of operation, some of them never, follows from the script's
// options, which change rarely. (Groce et al., "Swarm testing", ISSTA 2012.)
//
// The same seed and scripts give the same result.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <lossy/core/random.hpp>
#include <lossy/harness/sim/script.hpp>

namespace lossy::fuzz {

class ScriptMutator {
 public:
  explicit ScriptMutator(std::uint64_t seed) : stream_(seed) {}

  // Leaves at most `operations_max` operations.
  void mutate(Script& script, std::size_t operations_max);
  // Part of the one and part of the other. `result` is neither of them.
  void cross(const Script& a, const Script& b, std::size_t operations_max, Script& result);
  // A script from nothing, for a comparison with what is guided.
  void make(Script& script, std::size_t operations_max);

 private:
  using Weights = std::array<std::uint8_t, kOperationKindCount>;
  using Operations = std::vector<Operation>;

  // A number below `bound`, or 0 when that is 0.
  std::size_t below(std::size_t bound) { return uniform_below(stream_.at(++drawn_), bound); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  static Weights weights_of(const Script& script);

  void edit(Script& script);
  void insert(Operations& operations, const Weights& weights);
  void remove(Operations& operations);
  void move(Operations& operations);
  void repeat(Operations& operations);
  void change(Operation& operation, const Weights& weights);
  void change_option(Script& script);
  Operation random_operation(const Weights& weights);
  std::array<std::uint8_t, 3> random_arguments(OperationKind kind);

  RandomStream stream_;
  std::uint64_t drawn_ = 0;
};

}  // namespace lossy::fuzz
