#include <lossy/harness/link/loss_process.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <lossy/harness/link/chain_for_test.hpp>

namespace lossy {
namespace {

constexpr std::uint64_t kDatagrams = 1'000'000;

GilbertElliott gilbert_elliott(double p, double r, double loss_in_bad, double loss_in_good) {
  return {percent(p), percent(r), percent(loss_in_bad), percent(loss_in_good)};
}

FourStateLoss four_state(double p13, double p31, double p32, double p23, double p14) {
  return {percent(p13), percent(p31), percent(p32), percent(p23), percent(p14)};
}

// A model, what it is as a chain, and the closed form of its loss rate.
struct Case {
  std::string name;
  LossModel model;
  Chain chain;
  double rate;
};

Case random_case(double rate, double correlation) {
  const Chance chance{percent(rate), percent(correlation)};
  return {"loss " + std::to_string(rate) + ' ' + std::to_string(correlation), RandomLoss{chance},
          chain_of(chance), rate / 100};
}

Case gilbert_elliott_case(double p, double r, double bad, double good) {
  const double to_bad = p / 100;
  const double to_good = r / 100;
  return {"loss gemodel " + std::to_string(p) + ' ' + std::to_string(r) + ' ' +
              std::to_string(bad) + ' ' + std::to_string(good),
          gilbert_elliott(p, r, bad, good),
          {{{1 - to_bad, to_bad}, {to_good, 1 - to_good}}, {good / 100, bad / 100}},
          (bad / 100 * to_bad + good / 100 * to_good) / (to_bad + to_good)};
}

// As the model is defined: p14 before p13, p32 before p31.
Case four_state_case(double p13, double p31, double p32, double p23, double p14) {
  const double a = std::min(p13, 100 - p14) / 100;
  const double b = std::min(p31, 100 - p32) / 100;
  const double c = p32 / 100;
  const double d = p23 / 100;
  const double e = p14 / 100;
  const double pi1 = 1 / (1 + a / b + (c > 0 ? a * c / (b * d) : 0) + e);
  return {
      "loss state " + std::to_string(p13) + ' ' + std::to_string(p31) + ' ' + std::to_string(p32) +
          ' ' + std::to_string(p23) + ' ' + std::to_string(p14),
      four_state(p13, p31, p32, p23, p14),
      {{{1 - a - e, 0, a, e}, {0, 1 - d, d, 0}, {b, c, 1 - b - c, 0}, {1, 0, 0, 0}}, {0, 0, 1, 1}},
      pi1 * (a / b + e)};
}

std::vector<Case> cases() {
  Case burst = gilbert_elliott_case(100.0 / 36, 25, 100, 0);
  burst.name = "10% in bursts of 4";
  burst.model = gilbert(percent(10), 4000);
  return {random_case(0.01, 0),
          random_case(10, 0),
          random_case(99, 0),
          random_case(10, 25),
          random_case(0.3, 25),
          random_case(30, 95),
          burst,
          gilbert_elliott_case(1, 10, 100, 0),
          gilbert_elliott_case(1, 10, 70, 0.1),
          gilbert_elliott_case(80, 60, 90, 5),
          gilbert_elliott_case(0.05, 0.5, 40, 1),
          four_state_case(1, 99, 0, 100, 0),
          four_state_case(2, 20, 10, 30, 0.5),
          four_state_case(0.1, 5, 30, 60, 0),
          four_state_case(90, 70, 60, 50, 30),
          four_state_case(5, 40, 0, 0, 2)};
}

// Every model loses at the rate of its closed form, from a million datagrams on, and in runs as
// long as the model's.
TEST(LossProcess, LosesAsItsModelSays) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    EXPECT_NEAR(c.chain.figures().events, c.rate, 1e-9);
    LossProcess process(c.model, RandomStream(4));
    EventTally tally;
    for (std::uint64_t n = 1; n <= kDatagrams; ++n) tally.add(process.lost(n));
    expect_like(c.chain, tally, "lost");
  }
}

// The mean run of losses of the models that are Gilbert's is 1 / r.
TEST(LossProcess, RunsHaveTheirMean) {
  EXPECT_NEAR(gilbert_elliott_case(1, 10, 100, 0).chain.figures().mean_run(), 10, 1e-9);
  LossProcess process(gilbert(percent(10), 4000), RandomStream(1));
  EventTally tally;
  for (std::uint64_t n = 1; n <= kDatagrams; ++n) tally.add(process.lost(n));
  // Each run's length is geometric, with the variance (1 - r) / r^2.
  const auto runs = static_cast<double>(tally.starts);
  EXPECT_NEAR(static_cast<double>(tally.events) / runs, 4, 4 * std::sqrt(0.75 * 16 / runs));
}

// The rate holds from the first datagram on, wherever the process starts: a chain is stationary.
TEST(LossProcess, StartsStationary) {
  constexpr std::uint64_t kProcesses = 10'000;
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const Chain::Figures figures = c.chain.figures();
    for (const std::uint64_t first : {std::uint64_t{1}, std::uint64_t{1'000'003}}) {
      std::uint64_t lost = 0;
      std::uint64_t starts = 0;
      std::uint64_t later = 0;
      for (std::uint64_t seed = 1; seed <= kProcesses; ++seed) {
        LossProcess process(c.model, RandomStream(seed), first);
        const bool lost_first = process.lost(first);
        lost += lost_first ? 1 : 0;
        starts += process.lost(first + 1) && !lost_first ? 1 : 0;
        later += process.lost(first + 6) ? 1 : 0;
      }
      expect_rate(lost, kProcesses, figures.events, "the first");
      expect_rate(starts, kProcesses, figures.starts, "the second, after a first that was not");
      expect_rate(later, kProcesses, figures.events, "later");
    }
  }
}

// A process is the same for whoever asks for some numbers only.
TEST(LossProcess, ALossBelongsToItsNumber) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    LossProcess all(c.model, RandomStream(4), 5);
    LossProcess some(c.model, RandomStream(4), 5);
    for (std::uint64_t n = 5; n <= 5000; ++n) {
      const bool lost = all.lost(n);
      if (n % 11 < 2) {
        ASSERT_EQ(some.lost(n), lost) << n;
      }
    }
  }
}

// Every n-th datagram is lost, and no other.
TEST(LossProcess, EveryNthIsExact) {
  for (const std::uint64_t every : {1U, 2U, 3U, 1000U}) {
    LossProcess process(EveryNthLoss{every}, RandomStream(4));
    for (std::uint64_t n = 1; n <= 5000; ++n) ASSERT_EQ(process.lost(n), n % every == 0) << n;
  }
  EXPECT_THROW(LossProcess(EveryNthLoss{0}, RandomStream(4)), std::logic_error);
}

// How many of the first thousand are lost, which must not depend on the seed; and that what is lost
// alternates, where it must.
void expect_always(const LossModel& model, std::uint64_t lost, bool alternates = false) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    LossProcess process(model, RandomStream(seed));
    std::uint64_t count = 0;
    bool before = false;
    for (std::uint64_t n = 1; n <= 1000; ++n) {
      const bool is_lost = process.lost(n);
      if (alternates && n > 1) {
        ASSERT_NE(is_lost, before) << n;
      }
      before = is_lost;
      count += is_lost ? 1 : 0;
    }
    ASSERT_EQ(count, lost) << "seed " << seed;
  }
}

// 0% and 100% are exact in every model, and a state that is never left, or never entered, is where
// the process is, or is not, from the first datagram on.
TEST(LossProcess, DegenerateModelsAreExact) {
  expect_always(RandomLoss{}, 0);
  expect_always(RandomLoss{{percent(100), percent(50)}}, 1000);
  {
    SCOPED_TRACE("Gilbert and Elliott");
    expect_always(gilbert_elliott(0, 0, 100, 0), 0);
    expect_always(gilbert_elliott(0, 0, 100, 100), 1000);
    expect_always(gilbert_elliott(0, 50, 100, 0), 0);
    expect_always(gilbert_elliott(0.001, 0, 100, 0), 1000);
    expect_always(gilbert_elliott(1, 10, 0, 0), 0);
    expect_always(gilbert_elliott(1, 10, 100, 100), 1000);
    expect_always(gilbert_elliott(100, 100, 100, 0), 500, true);
    expect_always(gilbert({}, 4000), 0);
  }
  {
    SCOPED_TRACE("four states");
    expect_always(four_state(0, 0, 0, 0, 0), 0);
    expect_always(four_state(0, 100, 0, 100, 0), 0);
    expect_always(four_state(0, 0, 100, 0, 0), 0);
    expect_always(four_state(0, 0, 0, 0, 100), 500, true);
    expect_always(four_state(100, 0, 0, 0, 100), 500, true);    // p14 comes before p13.
    expect_always(four_state(100, 100, 0, 100, 0), 500, true);  // 1 and 3 in turn.
    expect_always(four_state(1, 0, 0, 0, 0), 1000);             // 3 is never left.
    expect_always(four_state(1, 0, 0, 100, 10), 1000);
    expect_always(four_state(1, 10, 20, 0, 10), 0);           // 2 is never left.
    expect_always(four_state(1, 100, 100, 0, 0), 0);          // p32 comes before p31.
    expect_always(four_state(1, 0, 100, 100, 0), 500, true);  // 2 and 3 in turn.
  }
}

// Where a chain starts is drawn anew for each place to start at, where its steps are certain and
// where it is never in a burst, too.
TEST(LossProcess, StartsEitherWay) {
  const std::pair<LossModel, double> starts[] = {
      {gilbert_elliott(100, 100, 100, 0), 1.0 / 2},
      {four_state(0, 0, 0, 0, 100), 1.0 / 2},
      {four_state(0, 0, 0, 0, 50), 1.0 / 3},
  };
  constexpr std::uint64_t kProcesses = 10'000;
  for (const auto& [model, rate] : starts) {
    std::uint64_t lost = 0;
    std::uint64_t lost_at_both = 0;
    for (std::uint64_t seed = 1; seed <= kProcesses; ++seed) {
      const bool lost_at_1 = LossProcess(model, RandomStream(seed), 1).lost(1);
      const bool lost_at_3 = LossProcess(model, RandomStream(seed), 3).lost(3);
      lost += lost_at_1 ? 1 : 0;
      lost_at_both += lost_at_1 && lost_at_3 ? 1 : 0;
    }
    expect_rate(lost, kProcesses, rate, "lost at first");
    expect_rate(lost_at_both, kProcesses, rate * rate, "lost at first, at either start");
  }
}

// Raising a probability of loss, or of the way into the bad state, only adds losses; so does
// lowering the way out.
TEST(LossProcess, WorseOnlyAddsLosses) {
  const struct {
    LossModel better;
    LossModel worse;
  } pairs[] = {
      {RandomLoss{percent(10)}, RandomLoss{percent(11)}},
      {RandomLoss{{percent(10), percent(50)}}, RandomLoss{{percent(11), percent(50)}}},
      {gilbert_elliott(5, 20, 70, 1), gilbert_elliott(5, 20, 80, 1)},
      {gilbert_elliott(5, 20, 70, 1), gilbert_elliott(5, 20, 70, 2)},
      {gilbert_elliott(5, 20, 70, 0), gilbert_elliott(6, 20, 70, 0)},
      {gilbert_elliott(5, 20, 70, 0), gilbert_elliott(5, 18, 70, 0)},
  };
  for (const auto& pair : pairs) {
    SCOPED_TRACE(&pair - pairs);
    LossProcess better(pair.better, RandomStream(4));
    LossProcess worse(pair.worse, RandomStream(4));
    int added = 0;
    for (std::uint64_t n = 1; n <= 20'000; ++n) {
      const bool was_lost = better.lost(n);
      const bool is_lost = worse.lost(n);
      ASSERT_TRUE(is_lost || !was_lost) << n;
      added += is_lost && !was_lost ? 1 : 0;
    }
    EXPECT_GT(added, 0);
  }
}

}  // namespace
}  // namespace lossy
