// Invariant: whatever a network does to a client and a server, the properties of the protocol hold,
// which harness/sim/properties.hpp lists; and when the network turns perfect, every request ends
// and nothing is left over: each datagram was delivered or lost.
//
// An input is a script in binary (harness/sim/script.hpp), which `lossy script` shows as text and
// `lossy simulate --script` runs.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <numeric>

#include <lossy/fuzz/property.hpp>
#include <lossy/fuzz/trace.hpp>
#include <lossy/harness/sim/scripted_run.hpp>

namespace lossy::fuzz {
namespace {

// How many operations the scripts had; says their median when the process ends, which tells whether
// the executions a second are those of scripts that do something.
class OperationCounts {
 public:
  ~OperationCounts() {
    std::uint64_t scripts = 0;
    for (const std::uint64_t count : counts_) scripts += count;
    std::uint64_t shorter = 0;
    std::size_t median = 0;
    while (median + 1 < counts_.size() && (shorter += counts_[median]) <= scripts / 2) ++median;
    std::fprintf(stderr, "stat::median_operations:         %zu\n", median);
  }
  void add(const Script& script) {
    ++counts_[std::min(script.operations.size(), counts_.size() - 1)];
  }

 private:
  std::array<std::uint64_t, 256> counts_{};
};

class Tracer final : public Observer {
 public:
  void on_offered(Instant now, const Passage& passage, const Offer& offer) override {
    add(now, passage, offer.number);
  }
  void on_delivered(Instant now, const Passage& passage, const Delivery& delivery) override {
    add(now, passage, delivery.number);
  }
  void on_lost(Instant now, const Passage& passage, std::uint64_t number,
               std::string_view why) override {
    add(now, passage, number);
    Trace::add(why);
  }

 private:
  static void add(Instant now, const Passage& passage, std::uint64_t number) {
    Trace::add(static_cast<std::uint64_t>(now.time_since_epoch().count()));
    Trace::add(static_cast<std::uint64_t>(passage.direction));
    Trace::add(number);
    Trace::add(passage.payload);
  }
};

// Large, and so made once.
ScriptedRun& scripted_run() {
  static Tracer tracer;
  static ScriptedRun run;
  static const bool traced = Trace::is_kept() && (run.observe(tracer), true);
  if (traced) Trace::add(std::string_view("traced"));
  return run;
}

// Not with LinkCounters::lost(): a link behind it would be one more thing to watch, for each
// script.
void check_account(const ScriptedRun& run) {
  for (const Direction direction : {Direction::kUplink, Direction::kDownlink}) {
    const LinkCounters& counters = run.link_counters(direction);
    const std::uint64_t lost =
        std::accumulate(counters.lost_by.begin(), counters.lost_by.end(), std::uint64_t{0});
    must(counters.offered == counters.delivered + lost,
         "every datagram is delivered or lost, and counted as that");
  }
}

}  // namespace
}  // namespace lossy::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static lossy::Script script;
  static lossy::fuzz::OperationCounts counts;
  lossy::decode(std::as_bytes(std::span(data, size)), script);
  counts.add(script);
  return lossy::fuzz::must_hold([] {
    lossy::ScriptedRun& run = lossy::fuzz::scripted_run();
    run.run(script);
    lossy::fuzz::check_account(run);
  });
}
