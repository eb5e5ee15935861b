#include <lossy/fuzz/script_mutator.hpp>

#include <algorithm>
#include <numeric>

namespace lossy::fuzz {
namespace {

// Counts of time units around which timeouts lie.
constexpr std::array<std::uint16_t, 16> kTimes{0,   1,   2,   3,   5,    20,   60,   99,
                                               100, 101, 199, 200, 1000, 3000, 5000, 0xFFFF};

// A fuzzer keeps the shortest script that does what it does. What is made of it should have the
// length at which something can come of it.
constexpr std::size_t kOperationsUseful = 10;

constexpr std::size_t kSliceMax = 4;  // Operations that are taken out or repeated at once.

std::ptrdiff_t at(std::size_t place) {
  return static_cast<std::ptrdiff_t>(place);
}

bool has_time(OperationKind kind) {
  return kind >= OperationKind::kTimeoutLate && kind <= OperationKind::kWait;
}

}  // namespace

ScriptMutator::Weights ScriptMutator::weights_of(const Script& script) {
  std::uint64_t key = 0;
  for (const std::uint8_t option : script.options) key = key * 8 + option;
  const RandomStream stream(key);
  constexpr std::array<std::uint8_t, 4> kWeights{0, 1, 2, 6};
  Weights weights{};
  for (std::size_t kind = 0; kind < weights.size(); ++kind) {
    weights[kind] = kWeights[stream.at(kind) >> 62];
  }
  // Without these nothing happens that others could work on.
  for (const OperationKind kind : {OperationKind::kGreet, OperationKind::kDeliver}) {
    std::uint8_t& weight = weights[static_cast<std::size_t>(kind)];
    weight = std::max<std::uint8_t>(weight, 2);
  }
  return weights;
}

void ScriptMutator::mutate(Script& script, std::size_t operations_max) {
  do {
    edit(script);
  } while (one_in(3) || (script.operations.size() < kOperationsUseful && !one_in(3)));
  if (script.operations.size() > operations_max) script.operations.resize(operations_max);
}

void ScriptMutator::make(Script& script, std::size_t operations_max) {
  script.operations.clear();
  for (std::size_t i = 0; i < kScriptOptionCount; ++i) {
    script.options[i] =
        static_cast<std::uint8_t>(below(text_of(static_cast<ScriptOption>(i)).words.size()));
  }
  const Weights weights = weights_of(script);
  const std::size_t count = below(operations_max + 1);
  for (std::size_t i = 0; i < count; ++i) script.operations.push_back(random_operation(weights));
}

void ScriptMutator::cross(const Script& a, const Script& b, std::size_t operations_max,
                          Script& result) {
  result.options = one_in(2) ? a.options : b.options;
  const auto& from = a.operations;
  const auto& other = b.operations;
  const std::size_t place = below(from.size() + 1);
  const std::size_t first = below(other.size() + 1);
  const std::size_t last = first + below(other.size() - first + 1);
  result.operations.assign(from.begin(), from.begin() + at(place));
  result.operations.insert(result.operations.end(), other.begin() + at(first),
                           other.begin() + at(last));
  if (one_in(2)) {
    result.operations.insert(result.operations.end(), from.begin() + at(place), from.end());
  }
  if (result.operations.size() > operations_max) result.operations.resize(operations_max);
}

void ScriptMutator::edit(Script& script) {
  Operations& operations = script.operations;
  const Weights weights = weights_of(script);
  if (operations.empty()) return insert(operations, weights);
  switch (below(16)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
      return insert(operations, weights);
    case 5:
    case 6:
      return remove(operations);
    case 7:
    case 8:
      return move(operations);
    case 9:
    case 10:
      return repeat(operations);
    case 11:
      return change_option(script);
    default:
      return change(operations[below(operations.size())], weights);
  }
}

void ScriptMutator::insert(Operations& operations, const Weights& weights) {
  const std::size_t place = below(operations.size() + 1);
  const std::size_t count = one_in(2) ? 1 : 1 + below(kSliceMax);
  for (std::size_t i = 0; i < count; ++i) {
    operations.insert(operations.begin() + at(place), random_operation(weights));
  }
}

void ScriptMutator::remove(Operations& operations) {
  const std::size_t first = below(operations.size());
  const std::size_t count = 1 + below(std::min(kSliceMax, operations.size() - first));
  operations.erase(operations.begin() + at(first), operations.begin() + at(first + count));
}

void ScriptMutator::move(Operations& operations) {
  const std::size_t from = below(operations.size());
  const std::size_t to = below(operations.size());
  const auto first = operations.begin() + at(std::min(from, to));
  const auto last = operations.begin() + at(std::max(from, to)) + 1;
  std::rotate(first, from < to ? first + 1 : last - 1, last);
}

void ScriptMutator::repeat(Operations& operations) {
  const std::size_t first = below(operations.size());
  const std::size_t count = 1 + below(std::min(kSliceMax, operations.size() - first));
  std::array<Operation, kSliceMax> slice;
  std::copy_n(operations.begin() + at(first), count, slice.begin());
  const std::size_t place = below(operations.size() + 1);
  operations.insert(operations.begin() + at(place), slice.begin(), slice.begin() + at(count));
}

void ScriptMutator::change(Operation& operation, const Weights& weights) {
  if (one_in(4)) {
    operation = random_operation(weights);
    return;
  }
  std::array<std::uint8_t, 3> arguments = operation.arguments;
  if (one_in(2)) {
    arguments = random_arguments(operation.kind);
  } else {
    std::uint8_t& argument = arguments[below(arguments.size())];
    argument = static_cast<std::uint8_t>(one_in(2) ? argument + 1 : argument - 1);
  }
  operation = canonical(static_cast<std::uint8_t>(operation.kind), arguments);
}

void ScriptMutator::change_option(Script& script) {
  const std::size_t option = below(kScriptOptionCount);
  script.options[option] =
      static_cast<std::uint8_t>(below(text_of(static_cast<ScriptOption>(option)).words.size()));
}

Operation ScriptMutator::random_operation(const Weights& weights) {
  std::size_t left = below(std::accumulate(weights.begin(), weights.end(), std::size_t{0}));
  std::size_t kind = 0;
  while (left >= weights[kind]) left -= weights[kind++];
  return canonical(static_cast<std::uint8_t>(kind),
                   random_arguments(static_cast<OperationKind>(kind)));
}

std::array<std::uint8_t, 3> ScriptMutator::random_arguments(OperationKind kind) {
  const auto byte = [this](std::size_t bound) { return static_cast<std::uint8_t>(below(bound)); };
  if (has_time(kind) && !one_in(4)) {
    const std::uint16_t count = kTimes[below(kTimes.size())];
    return {byte(4), static_cast<std::uint8_t>(count % 256),
            static_cast<std::uint8_t>(count / 256)};
  }
  // Few names meet each other more often than many, and few datagrams are on their way.
  if (kind == OperationKind::kGreet && !one_in(4)) return {byte(3), 0, 0};
  if (kind == OperationKind::kInject && !one_in(2)) return {byte(4), byte(3), byte(3)};
  const std::size_t bound = one_in(8) ? 256 : 8;
  return {byte(bound), byte(bound), byte(one_in(4) ? 256 : 4)};
}

}  // namespace lossy::fuzz
