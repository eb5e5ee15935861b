// How a path loses datagrams by chance.
#pragma once

#include <cstdint>
#include <variant>

#include <lossy/harness/link/correlated_stream.hpp>

namespace lossy {

// Each datagram alike. With a correlation, a two-state Markov chain whose rate stays the
// probability.
struct RandomLoss {
  Chance chance{};

  friend bool operator==(const RandomLoss&, const RandomLoss&) = default;
};

// Gilbert (1960) and Elliott (1963): a good and a bad state, each with a probability of loss of its
// own. For each datagram the state changes first, or stays.
// Loss rate: [(1-h) p + (1-k) r] / (p + r), with (1-h) and (1-k) the losses in the bad and the good
// state, which is what netem calls them.
struct GilbertElliott {
  Probability to_bad{};                                // p
  Probability to_good{};                               // r
  Probability loss_in_bad = Probability::ratio(1, 1);  // 1-h
  Probability loss_in_good{};                          // 1-k

  friend bool operator==(const GilbertElliott&, const GilbertElliott&) = default;
};

// netem's Markov chain of four states (Salsano, Ludovici and Ordine, "Definition of a general and
// intuitive loss model for packet networks", 2009): 1 received in a gap, 2 received within a burst,
// 3 lost within a burst, 4 lost alone in a gap. For each datagram the state changes first, or
// stays; 4 always goes back to 1. Where two ways out of a state add up to more than 1, the second
// named has what the first leaves, as in netem: p14 before p13, p32 before p31.
// Loss rate: pi1 (p13/p31 + p14), pi1 = 1 / (1 + p13/p31 + p13 p32 / (p31 p23) + p14).
struct FourStateLoss {
  Probability p13{};
  Probability p31{};
  Probability p32{};
  Probability p23{};
  Probability p14{};

  friend bool operator==(const FourStateLoss&, const FourStateLoss&) = default;
};

// Every n-th datagram, exactly. n is at least 1.
struct EveryNthLoss {
  std::uint64_t n = 1;

  friend bool operator==(const EveryNthLoss&, const EveryNthLoss&) = default;
};

// Gilbert's model for people who do not think in transition probabilities: it loses `rate` of the
// datagrams, in runs of B = mean_burst_thousandths / 1000 on average (p = rate / (B (1 - rate)),
// r = 1 / B). The rate is exact to within B / 2^63. Throws TextError where no such model exists:
// for B below 1 or above a billion, and for a rate above B / (B + 1), whose bursts must be longer.
GilbertElliott gilbert(Probability rate, std::uint64_t mean_burst_thousandths);

using LossModel = std::variant<RandomLoss, GilbertElliott, FourStateLoss, EveryNthLoss>;

}  // namespace lossy
