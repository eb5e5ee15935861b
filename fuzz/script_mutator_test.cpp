#include <lossy/fuzz/script_mutator.hpp>

#include <gtest/gtest.h>

#include <set>

#include <lossy/harness/sim/scripts_for_test.hpp>

namespace lossy::fuzz {
namespace {

constexpr std::size_t kOperationsMax = 24;

// Whatever is done to a script leaves a canonical one within its bounds, and is the same again.
TEST(ScriptMutator, GivesScripts) {
  std::size_t changed = 0;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE(seed);
    const Script before = random_script(seed);
    const Script other = random_script(seed + 1);
    Script mutated = before;
    Script crossed;
    ScriptMutator(seed).mutate(mutated, kOperationsMax);
    ScriptMutator(seed).cross(before, other, kOperationsMax, crossed);
    Script again = before;
    ScriptMutator(seed).mutate(again, kOperationsMax);
    EXPECT_EQ(again, mutated);
    for (const Script& script : {mutated, crossed}) {
      EXPECT_LE(script.operations.size(), kOperationsMax);
      EXPECT_EQ(decode(encode(script)), script);
    }
    changed += mutated != before ? 1 : 0;
  }
  EXPECT_GT(changed, 2500U);
}

// From nothing it comes to every kind of operation and every option, by mutations alone; and some
// lineages never see some kinds.
TEST(ScriptMutator, ReachesEverythingButNotAtOnce) {
  std::set<OperationKind> kinds;
  std::array<std::set<std::uint8_t>, kScriptOptionCount> options;
  std::size_t swarms_without_timeouts = 0;
  for (std::uint64_t lineage = 0; lineage < 100; ++lineage) {
    Script script;
    ScriptMutator(lineage).make(script, kOperationsMax);
    std::size_t timeouts = 0;
    for (std::uint64_t i = 0; i < 100; ++i) {
      ScriptMutator(1000 * lineage + i).mutate(script, kOperationsMax);
      for (const Operation& operation : script.operations) kinds.insert(operation.kind);
      for (std::size_t o = 0; o < kScriptOptionCount; ++o) options[o].insert(script.options[o]);
      timeouts += static_cast<std::size_t>(std::count(
          script.operations.begin(), script.operations.end(), Operation{OperationKind::kTimeout}));
    }
    swarms_without_timeouts += timeouts == 0 ? 1 : 0;
  }
  EXPECT_EQ(kinds.size(), kOperationKindCount);
  for (std::size_t o = 0; o < kScriptOptionCount; ++o) {
    EXPECT_EQ(options[o].size(), text_of(static_cast<ScriptOption>(o)).words.size());
  }
  EXPECT_GT(swarms_without_timeouts, 0U);
}

}  // namespace
}  // namespace lossy::fuzz
