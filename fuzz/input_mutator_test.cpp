#include <lossy/fuzz/input_mutator.hpp>

#include <gtest/gtest.h>

#include <set>

#include <lossy/core/tftp/protocol.hpp>

namespace lossy::fuzz {
namespace {

constexpr std::size_t kBytesMax = 64;

// One with settings and calls to choose from.
const Protocol& protocol() {
  static const Protocol protocol = [] {
    Protocol made = tftp::protocol();
    made.settings[0].tried = {8, 100};
    made.call_kinds[0].tried = {"a", "b"};
    made.survives_damage = true;
    return made;
  }();
  return protocol;
}

std::vector<std::byte> random_input(std::uint64_t seed) {
  const RandomStream stream(seed);
  std::vector<std::byte> input(uniform_below(stream.at(1), kBytesMax));
  for (std::size_t i = 0; i < input.size(); ++i) {
    input[i] = static_cast<std::byte>(uniform_below(stream.at(2 + i), 256));
  }
  return input;
}

// Whatever is done to an input leaves one within its bounds, and is the same again.
TEST(InputMutator, GivesInputs) {
  std::size_t changed = 0;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE(seed);
    const std::vector<std::byte> before = random_input(seed);
    std::vector<std::byte> mutated = before;
    std::vector<std::byte> again = before;
    InputMutator(protocol(), seed).mutate(mutated, kBytesMax);
    InputMutator(protocol(), seed).mutate(again, kBytesMax);
    EXPECT_EQ(mutated, again);
    EXPECT_LE(mutated.size(), kBytesMax);
    EXPECT_LE(
        InputMutator(protocol(), seed).cross(before, random_input(seed + 1), kBytesMax).size(),
        kBytesMax);
    changed += mutated != before ? 1 : 0;
  }
  EXPECT_GT(changed, 2500U);
}

// Operations are changed as such: settings and calls stay what they are unless they are what is
// changed, and nobody's arguments become kinds.
TEST(InputMutator, KeepsOperationsWhole) {
  const std::vector<std::byte> head(2 + 2 * 3);  // A setting, the number of calls, three calls.
  std::vector<std::byte> input = head;
  input[1] = std::byte{3};
  ASSERT_EQ(input_head_bytes(protocol(), input), input.size());
  for (int i = 0; i < 12; ++i) input.insert(input.end(), {std::byte{2}, std::byte{200}});
  std::size_t kept = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    std::vector<std::byte> mutated = input;
    InputMutator(protocol(), seed).mutate(mutated, 1000);
    const std::size_t first = input_head_bytes(protocol(), mutated);
    EXPECT_EQ((mutated.size() - first) % kInputOperationBytes, 0U);
    for (std::size_t i = first; i < mutated.size(); i += kInputOperationBytes) {
      EXPECT_LT(mutated[i], std::byte{kInputKinds});
    }
    kept += std::equal(head.begin() + 2, head.end(), mutated.begin() + 2) && first == head.size();
  }
  EXPECT_GT(kept, 350U);
}

// From nothing it comes to every kind of operation, every setting and number of calls.
TEST(InputMutator, ReachesEverything) {
  std::set<NetworkOperation::Kind> kinds;
  std::set<std::size_t> calls;
  std::set<std::int64_t> settings;
  for (std::uint64_t lineage = 0; lineage < 100; ++lineage) {
    std::vector<std::byte> input;
    for (std::uint64_t i = 0; i < 100; ++i) {
      InputMutator(protocol(), 1000 * lineage + i).mutate(input, kBytesMax);
      const NetworkScript script = decode_input(protocol(), input);
      for (const NetworkOperation& operation : script.operations) kinds.insert(operation.kind);
      calls.insert(script.calls.size());
      for (const auto& [name, value] : script.settings) settings.insert(value);
    }
  }
  EXPECT_EQ(kinds.size(), 10U);
  EXPECT_EQ(calls, (std::set<std::size_t>{0, 1, 2, 3}));
  EXPECT_EQ(settings, (std::set<std::int64_t>{8, 100}));
}

}  // namespace
}  // namespace lossy::fuzz
