#include <lossy/harness/fit/loss_outcomes.hpp>

namespace lossy {

OutcomeCounts count_outcomes(const std::vector<OutcomeRuns>& flows) {
  OutcomeCounts counts;
  for (const OutcomeRuns& runs : flows) {
    LossOutcome before = LossOutcome::kUnknown;
    for (const auto& [outcome, length] : runs) {
      if (outcome != LossOutcome::kUnknown) {
        const bool lost = outcome == LossOutcome::kLost;
        counts.known += length;
        counts.lost += lost ? length : 0;
        counts.lost_runs += lost ? 1 : 0;
        counts.steps[lost ? 1 : 0][lost ? 1 : 0] += length - 1;
        if (before == LossOutcome::kUnknown) {
          ++(lost ? counts.lost_first : counts.received_first);
        } else {
          ++counts.steps[before == LossOutcome::kLost ? 1 : 0][lost ? 1 : 0];
        }
      }
      before = outcome;
    }
  }
  return counts;
}

}  // namespace lossy
