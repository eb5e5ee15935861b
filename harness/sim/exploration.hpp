// Every way in which a network can go wrong: all sets of up to so many faults, each run once.
//
// A run is a sequence of choices, one for each datagram that is sent: nothing happens to it, or one
// of the kinds of faults. The next run is the next sequence: the last choice that can be raised
// within the bound on faults is raised, and those behind it are forgotten. So no tree is stored,
// and every set of faults is run once. What is sent after a fault depends on it: a set of faults is
// about the datagrams of its own run.
//
// Late and swapped are orders and not durations: a late datagram arrives after the next timeout of
// its receiver, or of its sender where the receiver waits for nothing; a swapped one after the next
// one that was sent the same way. Where no such thing comes, they arrive when nothing else is left
// to happen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <lossy/core/protocol.hpp>
#include <lossy/harness/sim/controlled_network.hpp>
#include <lossy/harness/sim/network_script.hpp>

namespace lossy {

enum class FaultKind : std::uint8_t { kNone, kDrop, kDuplicate, kLate, kSwap, kCorrupt, kTruncate };
inline constexpr std::size_t kFaultKindCount = 7;
// "none", "drop", "duplicate", "late", "swap", "corrupt", "truncate".
std::string_view to_string(FaultKind kind);

// What happened to one datagram.
struct ChosenFault {
  std::size_t path = 0;  // From 0.
  Direction direction = Direction::kUplink;
  std::uint64_t number = 0;  // From 1, of those on that path that way.
  FaultKind kind = FaultKind::kNone;

  friend bool operator==(const ChosenFault&, const ChosenFault&) = default;
};
// "uplink.2:drop"; of other paths than the first "flow2.uplink.2:drop". Several with commas.
std::string format_fault(const ChosenFault& fault);
std::string format_faults(const std::vector<ChosenFault>& faults);
// Throws TextError.
std::vector<ChosenFault> parse_chosen_faults(std::string_view text);

// What one run came to.
struct ExploredRun {
  std::vector<ChosenFault> faults;
  const Property* broken = nullptr;
  bool comes_to_rest = true;  // Or a property ended it.
  std::uint64_t sent = 0;     // Datagrams.
  std::uint64_t content = 0;  // A number for all that happened in it, and
  std::uint64_t end = 0;      // one for what the application was told, and when all was over.

  bool holds() const { return broken == nullptr && comes_to_rest; }
};

class Exploration {
 public:
  struct Options {
    std::vector<FaultKind> kinds{FaultKind::kDrop, FaultKind::kDuplicate, FaultKind::kLate,
                                 FaultKind::kSwap};
    std::size_t faults_max = 1;
  };
  // Each run in so many is made twice, and must be the same.
  static constexpr std::uint64_t kTwiceEach = 256;
  // More ends of runs are not told apart: it is all that a search remembers of its runs.
  static constexpr std::size_t kEndsMax = 1'000'000;

  // The plan has its addresses. The protocol must outlive it.
  Exploration(const Protocol& protocol, RunPlan plan, Options options);

  // Makes the next run; false when there is none left.
  bool next();
  bool has_next() const { return runs_ == 0 || !choices_.empty(); }
  // Of the latest run.
  const ExploredRun& run() const { return run_; }
  std::uint64_t runs() const { return runs_; }
  std::uint64_t violations() const { return violations_; }
  // At most kEndsMax, where there may be more.
  std::size_t distinct_ends() const { return ends_.size(); }
  // Of the run without a fault: how many datagrams it had. After the first run.
  std::uint64_t datagrams() const { return datagrams_; }
  // Of those that do not hold the one with the least faults, and of several the first.
  const std::optional<ExploredRun>& least_violation() const { return least_; }
  // Properties that hold sometimes, and held in no run so far.
  std::vector<std::string> never_reached() const;

  // One run with just these faults, as the script that gives it again.
  NetworkScript script_of(const std::vector<ChosenFault>& faults, ExploredRun& run) const;

 private:
  class OneRun;

  const Protocol& protocol_;
  RunPlan plan_;
  std::vector<Address> addresses_;
  Options options_;
  std::vector<std::uint8_t> choices_;  // The next run's, of the datagrams in the order sent.
  ExploredRun run_;
  std::uint64_t runs_ = 0;
  std::uint64_t violations_ = 0;
  std::uint64_t datagrams_ = 0;
  std::set<std::uint64_t> ends_;
  std::set<std::string> reached_;
  std::optional<ExploredRun> least_;
};

}  // namespace lossy
