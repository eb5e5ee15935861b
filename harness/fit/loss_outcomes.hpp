// Which datagrams were lost, one after the other, as runs of the same.
#pragma once

#include <cstdint>
#include <vector>

namespace lossy {

// Whether chance lost a datagram. It is unknown of those that may be under way still, or that
// something else than chance has lost.
enum class LossOutcome : std::uint8_t { kReceived, kLost, kUnknown };
inline constexpr std::size_t kOutcomeCount = 3;

struct OutcomeRun {
  LossOutcome outcome = LossOutcome::kReceived;
  std::uint64_t length = 0;

  friend bool operator==(const OutcomeRun&, const OutcomeRun&) = default;
};

// The datagrams of one flow, in the order of sending.
using OutcomeRuns = std::vector<OutcomeRun>;

inline void add_outcome(OutcomeRuns& runs, LossOutcome outcome) {
  if (runs.empty() || runs.back().outcome != outcome) runs.push_back({outcome, 0});
  ++runs.back().length;
}

// What is counted of them.
struct OutcomeCounts {
  std::uint64_t known = 0;  // Received and lost.
  std::uint64_t lost = 0;
  // How often each of both follows on each of both: steps[0][1] is a loss behind a reception.
  std::uint64_t steps[2][2] = {};
  std::uint64_t lost_first = 0;  // At the beginning of a flow, or behind what is unknown.
  std::uint64_t received_first = 0;
  std::uint64_t lost_runs = 0;
};
OutcomeCounts count_outcomes(const std::vector<OutcomeRuns>& flows);

}  // namespace lossy
