// Which loss model makes a row of losses likely, and how well its parameters are known.
//
// Four models are compared, each with all that the one before it can do and a parameter or two
// more: independent losses; Gilbert's, which loses all that comes in the bad state; Gilbert and
// Elliott's whose good state loses nothing; and theirs in full. The one with the least of Schwarz's
// criterion, parameters * ln(datagrams) - 2 * ln(likelihood) ("Estimating the dimension of a
// model", 1978), is taken: a parameter must be worth more than what chance makes of it. Standard
// errors are those of the observed information.
//
// Losses at equal distances are every n-th. A correlated chance is Gilbert's chain by other
// parameters, and is found as that. Four states, outages and what changes over time are not tried.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <lossy/harness/fit/hidden_chain.hpp>
#include <lossy/harness/fit/loss_outcomes.hpp>
#include <lossy/harness/fit/numbers.hpp>
#include <lossy/harness/link/loss_model.hpp>

namespace lossy {

enum class LossKind : std::uint8_t {
  kNothing,      // No datagram was sent.
  kIndependent,  // With 0% and 100%, too.
  kGilbert,
  kGilbertElliott,      // Whose good state loses nothing.
  kGilbertElliottFull,  // Both states lose.
  kEveryNth,
};
inline constexpr std::size_t kLossKindCount = 6;
// "nothing", "independent", "gilbert", "gilbert_elliott", "gilbert_elliott_full", "every_nth".
std::string_view to_string(LossKind kind);

// One that was better than all before it.
struct LossCandidate {
  LossKind kind = LossKind::kNothing;
  double log_likelihood = 0;
  double criterion = 0;  // Schwarz's: less is better.
};

struct LossFit {
  LossKind kind = LossKind::kNothing;
  OutcomeCounts counts;
  Estimate rate;            // Of losses, in the long run.
  double rate_at_most = 0;  // Where nothing was lost: 3 / n, the 95% bound; else 0.
  // Of the chains; what a kind has not stays as it is with the fixed value and no error.
  Estimate to_bad;
  Estimate to_good;
  Estimate loss_in_bad{1, 0};
  Estimate loss_in_good;
  std::uint64_t every = 0;                // Of every n-th.
  std::vector<LossCandidate> candidates;  // The last one is taken.

  // As a link is told it, with as many digits as the errors leave.
  LossModel model() const;
};

LossFit fit_loss(const std::vector<OutcomeRuns>& flows);

}  // namespace lossy
