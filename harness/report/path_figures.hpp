// What a path comes to in the long run, computed from its models and not by trying it out.
#pragma once

#include <array>
#include <optional>

#include <lossy/harness/link/settings.hpp>

namespace lossy {

// A probability as theory reckons with it.
double as_double(Probability probability);

// A loss model as a Markov chain that steps and then loses, or not, once a datagram. (Every n-th
// datagram is no such chain: its figures are its own.)
struct LossChain {
  static constexpr std::size_t kStates = 4;
  using Row = std::array<double, kStates>;

  std::array<Row, kStates> next{};  // next[i][j]: from i to j. What is not used stays where it is.
  Row lost{};                       // The probability of a loss in each state.

  // The share of time in each state, from state 0 on, which is the good one.
  Row stationary() const;
};

LossChain loss_chain(const LossModel& model);

struct LossFigures {
  double rate = 0;
  double received_twice = 1;  // That a datagram and the next one are both received.

  // Mean run of losses; 0 when nothing is lost, and infinite when everything is.
  double mean_burst() const;
};

LossFigures loss_figures(const LossModel& model);

struct PathFigures {
  LossFigures loss;          // By chance or by a checksum.
  double duplicated = 0;     // Of what is delivered.
  double early = 0;          // Of the copies: how many jump the delay.
  double delay_mean_ms = 0;  // With jitter, hold-back and early ones; without rate, slots, order.
  double cut_off = 0;        // How often jitter would have had to be before 0.
  // Bits a second, as the rate counts them; nothing for no limit.
  std::optional<double> rate;
  // Where slots count datagrams: how many they let out. Nothing for no limit.
  std::optional<double> datagrams_a_second;
};

// Whether it may happen at all.
bool happens(const std::optional<Chance>& chance);

// Whether there is anything to queue for: a rate or a trace.
bool has_capacity(const LinkSettings& settings);

PathFigures path_figures(const LinkSettings& settings);

}  // namespace lossy
