// How likely a Gilbert-Elliott chain makes what was received and lost: the forward algorithm for a
// hidden Markov chain (Rabiner, "A tutorial on hidden Markov models", 1989), a run at a time.
#pragma once

#include <vector>

#include <lossy/harness/fit/loss_outcomes.hpp>

namespace lossy {

// As GilbertElliott in harness/link/loss_model.hpp, in [0, 1].
struct HiddenChain {
  double to_bad = 0;
  double to_good = 0;
  double loss_in_bad = 1;
  double loss_in_good = 0;

  // The share of the time in the bad state.
  double bad_share() const { return to_bad > 0 ? to_bad / (to_bad + to_good) : 0; }
  double loss_rate() const { return bad_share() * loss_in_bad + (1 - bad_share()) * loss_in_good; }
};

// The logarithm of the probability of all flows, each of which begins in the chain's stationary
// distribution; minus infinity for what cannot happen. A run costs as much as its length has binary
// digits.
double log_likelihood(const HiddenChain& chain, const std::vector<OutcomeRuns>& flows);

}  // namespace lossy
