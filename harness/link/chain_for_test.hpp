// What events that a Markov chain decides look like from outside, in closed form: how often they
// happen, in how long runs, and how far a sample may be from that.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <lossy/core/random.hpp>
#include <lossy/harness/link/correlated_stream.hpp>

namespace lossy {

inline Probability percent(double value) {
  return Probability::ratio(static_cast<std::uint64_t>(std::llround(value * 1'000'000)),
                            100'000'000);
}

inline double fraction(Probability probability) {
  return std::ldexp(static_cast<double>(probability.threshold()), -63);
}

// Each step goes from state i to state j with the probability steps[i][j]; then the event happens
// with the probability event[j].
struct Chain {
  std::vector<std::vector<double>> steps;
  std::vector<double> event;

  // The share of events, and of events behind a step without: the starts of runs. Each with the
  // variance of its count in n steps, divided by n.
  struct Figures {
    double events = 0;
    double events_variance = 0;
    double starts = 0;
    double starts_variance = 0;

    double mean_run() const { return events / starts; }
  };
  Figures figures() const;

 private:
  using Row = std::vector<double>;

  static double dot(const Row& a, const Row& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
  }
  Row after_step(const Row& before) const {
    Row after(before.size());
    for (std::size_t i = 0; i < before.size(); ++i) {
      for (std::size_t j = 0; j < before.size(); ++j) after[j] += before[i] * steps[i][j];
    }
    return after;
  }
  // Twice the sum of the covariances at all lags, given how an occurrence leaves the states, the
  // first lag of interest, and what the states make of another.
  double covariances(Row left, const Row& again, double mean) const {
    double sum = 0;
    for (int lag = 0; lag < 100'000; ++lag) {
      const double covariance = dot(left, again) - mean * mean;
      sum += 2 * covariance;
      if (std::abs(covariance) < 1e-15) break;
      left = after_step(left);
    }
    return sum;
  }
};

inline Chain::Figures Chain::figures() const {
  Row stationary(event.size(), 0);
  stationary[0] = 1;
  for (int i = 0; i < 1'000'000; ++i) {
    Row next = after_step(stationary);
    const double moved = std::abs(next[0] - stationary[0]) + std::abs(next[1] - stationary[1]);
    stationary = std::move(next);
    if (moved < 1e-16) break;
  }
  const auto times = [](Row a, const Row& b) {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] *= b[i];
    return a;
  };
  Row none = event;
  for (double& p : none) p = 1 - p;
  Row then_event(event.size());  // That a step from here leads to an event.
  for (std::size_t i = 0; i < event.size(); ++i) then_event[i] = dot(steps[i], event);

  Figures result;
  result.events = dot(stationary, event);
  result.events_variance = result.events * (1 - result.events) +
                           covariances(after_step(times(stationary, event)), event, result.events);
  const Row started = times(after_step(times(stationary, none)), event);
  const Row start_again = times(none, then_event);
  result.starts = dot(stationary, start_again);
  // A start cannot follow on a start; from two steps on it can.
  result.starts_variance = result.starts * (1 - result.starts) - 2 * result.starts * result.starts +
                           covariances(after_step(started), start_again, result.starts);
  return result;
}

// A chance and its correlation as a chain of two states.
inline Chain chain_of(const Chance& chance) {
  const double p = fraction(chance.probability);
  const double fresh = 1 - fraction(chance.correlation);
  return {{{1 - fresh * p, fresh * p}, {fresh * (1 - p), 1 - fresh * (1 - p)}}, {0, 1}};
}

// Counts events, step by step.
struct EventTally {
  std::uint64_t steps = 0;
  std::uint64_t events = 0;
  std::uint64_t starts = 0;
  bool before = true;  // So that an event in the first step is not counted as a start.

  void add(bool event) {
    ++steps;
    events += event ? 1 : 0;
    starts += event && !before ? 1 : 0;
    before = event;
  }
};

// Within 4 standard deviations.
inline void expect_count(std::uint64_t count, double expected, double variance,
                         const std::string& what) {
  EXPECT_NEAR(static_cast<double>(count), expected, 4 * std::sqrt(variance)) << what;
}

// That `count` of `trials` is what an independent probability of `p` gives.
inline void expect_rate(std::uint64_t count, std::uint64_t trials, double p,
                        const std::string& what) {
  const auto n = static_cast<double>(trials);
  expect_count(count, n * p, n * p * (1 - p), what);
}

// That the events are as frequent, and their runs as long, as the chain's. (At the ends of the
// sample one start more or less is nobody's fault.)
inline void expect_like(const Chain& chain, const EventTally& tally, const std::string& what) {
  const Chain::Figures figures = chain.figures();
  const auto n = static_cast<double>(tally.steps);
  expect_count(tally.events, n * figures.events, n * figures.events_variance, what + ": events");
  expect_count(tally.starts, (n - 1) * figures.starts, n * figures.starts_variance + 0.25,
               what + ": runs");
}

}  // namespace lossy
