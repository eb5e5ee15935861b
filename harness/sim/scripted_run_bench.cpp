// How many scripts a second are played, without sanitizers and without a fuzzer: scripts like those
// that the fuzzer makes, of eight operations and up.
#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include <lossy/core/random.hpp>
#include <lossy/harness/sim/scripted_run.hpp>

namespace lossy {
namespace {

constexpr std::size_t kScripts = 1000;
constexpr std::size_t kOperationsMin = 8;
constexpr std::size_t kOperationsMax = 12;

// Any bytes at all but for the names asked for, of which a fuzzer keeps few.
Script made_up(std::uint64_t seed) {
  const RandomStream stream(seed);
  const std::size_t operations =
      kOperationsMin + uniform_below(stream.at(0), kOperationsMax - kOperationsMin + 1);
  std::vector<std::byte> bytes(Script::kHeaderBytes + operations * Operation::kBytes);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::byte>(stream.at(i + 1));
  Script script = decode(bytes);
  script.operations.front() = {};
  for (Operation& operation : script.operations) {
    if (operation.kind == OperationKind::kGreet) operation.arguments[0] %= 6;
  }
  return script;
}

void BM_Scripts(benchmark::State& state) {
  std::vector<Script> scripts;
  for (std::uint64_t seed = 0; seed < kScripts; ++seed) scripts.push_back(made_up(seed));
  const auto run = std::make_unique<ScriptedRun>();
  for (auto _ : state) {
    for (const Script& script : scripts) run->run(script);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(kScripts) * state.iterations());
}
BENCHMARK(BM_Scripts)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lossy

BENCHMARK_MAIN();
