#include <lossy/harness/fit/loss_fit.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <lossy/harness/fit/fit_for_test.hpp>
#include <lossy/harness/link/chain_for_test.hpp>

namespace lossy {
namespace {

constexpr std::uint64_t kSeeds = 200;

GilbertElliott chain(double p, double r, double in_bad = 100, double in_good = 0) {
  return {percent(p), percent(r), percent(in_bad), percent(in_good)};
}

std::string kind_of(const LossFit& fit) {
  return std::string(to_string(fit.kind));
}

OutcomeRuns outcomes(std::string_view text) {
  OutcomeRuns runs;
  for (const char c : text) {
    add_outcome(runs, c == '.'   ? LossOutcome::kReceived
                      : c == 'x' ? LossOutcome::kLost
                                 : LossOutcome::kUnknown);
  }
  return runs;
}

// What is unknown parts what is counted.
TEST(LossOutcomes, AreCounted) {
  const OutcomeCounts counts = count_outcomes({outcomes("..xx.x?x.?"), outcomes("x")});
  EXPECT_EQ(counts.known, 9U);
  EXPECT_EQ(counts.lost, 5U);
  EXPECT_EQ(counts.lost_runs, 4U);
  EXPECT_EQ(counts.steps[0][0], 1U);
  EXPECT_EQ(counts.steps[0][1], 2U);
  EXPECT_EQ(counts.steps[1][0], 2U);
  EXPECT_EQ(counts.steps[1][1], 1U);
  EXPECT_EQ(counts.lost_first, 2U);
  EXPECT_EQ(counts.received_first, 1U);
}

// Of independent losses the likelihood is the binomial one, whatever the states are called.
TEST(HiddenChain, IsBinomialWhereTheStatesAreAlike) {
  const std::vector<OutcomeRuns> flows{outcomes("..x...xx....x."), outcomes("x.....")};
  const HiddenChain chain{.to_bad = 0.3, .to_good = 0.2, .loss_in_bad = 0.1, .loss_in_good = 0.1};
  EXPECT_NEAR(log_likelihood(chain, flows), 5 * std::log(0.1) + 15 * std::log(0.9), 1e-12);
}

// Of Gilbert's chain it is the product of the steps that were taken.
TEST(HiddenChain, IsTheProductOfItsStepsWhereLossesShowTheState) {
  const HiddenChain chain{.to_bad = 0.3, .to_good = 0.2};
  EXPECT_NEAR(log_likelihood(chain, {outcomes("..xxx.")}),
              std::log(0.4 * 0.7 * 0.3 * 0.8 * 0.8 * 0.2), 1e-12);
}

// With hidden states it is the sum over all ways through them.
TEST(HiddenChain, IsTheSumOverAllStates) {
  const HiddenChain chain{
      .to_bad = 0.15, .to_good = 0.35, .loss_in_bad = 0.7, .loss_in_good = 0.05};
  const std::string text = ".xx?.x..?";
  double sum = 0;
  for (unsigned ways = 0; ways < 1U << text.size(); ++ways) {
    double way = 1;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool bad = (ways >> i & 1) != 0;
      if (i == 0) {
        way *= bad ? 0.3 : 0.7;
      } else {
        const double stays_or_turns_bad =
            (ways >> (i - 1) & 1) != 0 ? 1 - chain.to_good : chain.to_bad;
        way *= bad ? stays_or_turns_bad : 1 - stays_or_turns_bad;
      }
      const double loss = bad ? chain.loss_in_bad : chain.loss_in_good;
      way *= text[i] == 'x' ? loss : text[i] == '.' ? 1 - loss : 1;
    }
    sum += way;
  }
  EXPECT_NEAR(log_likelihood(chain, {outcomes(text)}), std::log(sum), 1e-12);
}

// Runs of any length cost and mean the same as their datagrams one by one.
TEST(HiddenChain, TakesRunsAsWholes) {
  const HiddenChain chain{
      .to_bad = 0.01, .to_good = 0.2, .loss_in_bad = 0.8, .loss_in_good = 0.001};
  for (const std::uint64_t length : {1U, 2U, 63U, 64U, 65U, 127U, 128U, 1000U, 100'000U}) {
    const OutcomeRuns whole{{LossOutcome::kReceived, length}, {LossOutcome::kLost, 3}};
    const OutcomeRuns parts{{LossOutcome::kReceived, length / 3},
                            {LossOutcome::kReceived, length - length / 3},
                            {LossOutcome::kLost, 1},
                            {LossOutcome::kLost, 2}};
    const double expected = log_likelihood(chain, {parts});
    EXPECT_NEAR(log_likelihood(chain, {whole}), expected, 1e-9 * std::abs(expected)) << length;
  }
}

TEST(LossFit, OfNothingIsNothing) {
  EXPECT_EQ(fit_loss({}).kind, LossKind::kNothing);
  EXPECT_EQ(fit_loss({outcomes("??")}).kind, LossKind::kNothing);
}

// No loss bounds the rate (the "rule of three"), and the rate of few losses is their share.
TEST(LossFit, OfFewLossesIsIndependent) {
  const LossFit none = fit_loss({outcomes(std::string(300, '.'))});
  EXPECT_EQ(none.kind, LossKind::kIndependent);
  EXPECT_EQ(none.rate.value, 0);
  EXPECT_DOUBLE_EQ(none.rate_at_most, 0.01);
  const LossFit few = fit_loss({outcomes(std::string(96, '.') + "xxxx")});
  EXPECT_EQ(few.kind, LossKind::kIndependent);
  EXPECT_DOUBLE_EQ(few.rate.value, 0.04);
  EXPECT_DOUBLE_EQ(few.rate.error, std::sqrt(0.04 * 0.96 / 100));
  const LossFit all = fit_loss({outcomes(std::string(50, 'x'))});
  EXPECT_EQ(all.kind, LossKind::kIndependent);
  EXPECT_EQ(all.rate.value, 1);
}

// Losses at equal distances are no chance; one that is missing makes them some.
TEST(LossFit, FindsEveryNth) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "......x";
  const LossFit fit = fit_loss({outcomes(text + "...")});
  EXPECT_EQ(fit.kind, LossKind::kEveryNth);
  EXPECT_EQ(fit.every, 7U);
  EXPECT_EQ(std::get<EveryNthLoss>(fit.model()), EveryNthLoss{7});
  EXPECT_NE(fit_loss({outcomes(text + "........")}).kind, LossKind::kEveryNth);
  EXPECT_NE(fit_loss({outcomes("......." + text)}).kind, LossKind::kEveryNth);
  text[6 + 7 * 20] = '.';
  EXPECT_NE(fit_loss({outcomes(text)}).kind, LossKind::kEveryNth);
}

// Of Gilbert's chain the shares of the steps are the most likely parameters, each with a binomial
// error: the beginning of a long row tells next to nothing.
TEST(LossFit, OfGilbertIsTheSharesOfTheSteps) {
  const OutcomeRuns runs = lost_by(chain(2, 20), 50'000, 3);
  const OutcomeCounts counts = count_outcomes({runs});
  const LossFit fit = fit_loss({runs});
  ASSERT_EQ(fit.kind, LossKind::kGilbert);
  const Estimate p = share_of(counts.steps[0][1], counts.steps[0][0] + counts.steps[0][1]);
  const Estimate r = share_of(counts.steps[1][0], counts.steps[1][0] + counts.steps[1][1]);
  EXPECT_NEAR(fit.to_bad.value, p.value, 0.05 * p.error);
  EXPECT_NEAR(fit.to_good.value, r.value, 0.05 * r.error);
  EXPECT_NEAR(fit.to_bad.error, p.error, 0.01 * p.error);
  EXPECT_NEAR(fit.to_good.error, r.error, 0.01 * r.error);
}

struct Asked {
  const char* name;
  LossModel model;
  LossKind kind;
};

class LossFitModel : public testing::TestWithParam<Asked> {};

// Each model gives its parameters back, and the rate that it has in the long run.
TEST_P(LossFitModel, GivesParametersBack) {
  const Asked& asked = GetParam();
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    SCOPED_TRACE(testing::Message() << asked.name << ", seed " << seed);
    const LossFit fit = fit_loss({lost_by(asked.model, 50'000, seed)});
    ASSERT_EQ(kind_of(fit), to_string(asked.kind));
    if (const auto* random = std::get_if<RandomLoss>(&asked.model)) {
      const double p = fraction(random->chance.probability);
      const double c = fraction(random->chance.correlation);
      expect_found(fit.rate, p, "rate");
      if (asked.kind == LossKind::kIndependent) continue;
      expect_found(fit.to_bad, (1 - c) * p, "p");
      expect_found(fit.to_good, (1 - c) * (1 - p), "r");
      continue;
    }
    const auto& wanted = std::get<GilbertElliott>(asked.model);
    const double p = fraction(wanted.to_bad);
    const double r = fraction(wanted.to_good);
    const double in_bad = fraction(wanted.loss_in_bad);
    const double in_good = fraction(wanted.loss_in_good);
    expect_found(fit.to_bad, p, "p");
    expect_found(fit.to_good, r, "r");
    expect_found(fit.rate, (p * in_bad + r * in_good) / (p + r), "rate");
    if (asked.kind != LossKind::kGilbert) expect_found(fit.loss_in_bad, in_bad, "in bad");
    if (in_good > 0) expect_found(fit.loss_in_good, in_good, "in good");
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, LossFitModel,
    testing::Values(Asked{"rare", RandomLoss{percent(0.1)}, LossKind::kIndependent},
                    Asked{"some", RandomLoss{percent(10)}, LossKind::kIndependent},
                    Asked{"most", RandomLoss{percent(90)}, LossKind::kIndependent},
                    Asked{"correlated", RandomLoss{{percent(10), percent(25)}}, LossKind::kGilbert},
                    Asked{"gilbert", chain(1, 20), LossKind::kGilbert},
                    Asked{"restless", chain(40, 90), LossKind::kGilbert},
                    Asked{"half_in_bad", chain(1, 10, 50), LossKind::kGilbertElliott},
                    Asked{"full", chain(1, 10, 70, 1), LossKind::kGilbertElliottFull}),
    [](const auto& asked) { return std::string(asked.param.name); });

// The bad state is the one that loses more, whatever it was called.
TEST(LossFit, TellsWhichStateIsTheBadOne) {
  const LossFit fit = fit_loss({lost_by(chain(10, 1, 2, 60), 50'000, 1)});
  ASSERT_EQ(kind_of(fit), "gilbert_elliott_full");
  expect_found(fit.to_bad, 0.01, "p");
  expect_found(fit.to_good, 0.1, "r");
  expect_found(fit.loss_in_bad, 0.6, "in bad");
  expect_found(fit.loss_in_good, 0.02, "in good");
}

// Many flows tell as much as one that is as long as all of them.
TEST(LossFit, TakesFlowsTogether) {
  std::vector<OutcomeRuns> flows;
  for (std::uint64_t seed = 1; seed <= 200; ++seed)
    flows.push_back(lost_by(chain(2, 20), 500, seed));
  const LossFit fit = fit_loss(flows);
  ASSERT_EQ(kind_of(fit), "gilbert");
  expect_found(fit.to_bad, 0.02, "p");
  expect_found(fit.to_good, 0.2, "r");
}

// What may be under way still tells neither.
TEST(LossFit, PassesOverWhatIsUnknown) {
  OutcomeRuns runs = lost_by(chain(2, 20), 50'000, 5);
  runs.push_back({LossOutcome::kUnknown, 1'000'000});
  const LossFit fit = fit_loss({runs});
  ASSERT_EQ(kind_of(fit), "gilbert");
  EXPECT_EQ(fit.counts.known, 50'000U);
  expect_found(fit.to_good, 0.2, "r");
}

// The mean and the variance of errors in units of the standard error, which say whether that is
// right. Of 200 seeds they are within these bounds but once in 10,000 times.
class ErrorsInUnits {
 public:
  void add(const Estimate& estimate, double asked_for) {
    const double z = z_of(estimate, asked_for);
    sum_ += z;
    squares_ += z * z;
    ++count_;
  }
  void expect_normal(const std::string& what) const {
    const double n = count_;
    const double mean = sum_ / n;
    const double variance = squares_ / n - mean * mean;
    EXPECT_NEAR(mean, 0, 4 / std::sqrt(n)) << what;
    EXPECT_NEAR(variance, 1, 4 * std::sqrt(2 / n)) << what;
  }

 private:
  double sum_ = 0;
  double squares_ = 0;
  double count_ = 0;
};

// Independent losses are called so, and their error is the one that it is said to be.
TEST(LossFitCalibration, OfIndependentLosses) {
  ErrorsInUnits rate;
  std::uint64_t bursty = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const LossFit fit = fit_loss({lost_by(RandomLoss{percent(5)}, 1'000, seed)});
    bursty += fit.kind == LossKind::kIndependent ? 0 : 1;
    rate.add(fit.rate, 0.05);
  }
  EXPECT_LE(bursty, kSeeds / 20);
  rate.expect_normal("rate");
}

TEST(LossFitCalibration, OfGilbert) {
  ErrorsInUnits p, r, rate;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const LossFit fit = fit_loss({lost_by(chain(5, 30), 2'000, seed)});
    ASSERT_NE(fit.kind, LossKind::kIndependent);
    if (fit.kind != LossKind::kGilbert) continue;  // One in a few hundred.
    p.add(fit.to_bad, 0.05);
    r.add(fit.to_good, 0.3);
    rate.add(fit.rate, 0.05 / 0.35);
  }
  p.expect_normal("p");
  r.expect_normal("r");
  rate.expect_normal("rate");
}

TEST(LossFitCalibration, OfGilbertAndElliott) {
  ErrorsInUnits p, r, in_bad, rate;
  std::uint64_t others = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const LossFit fit = fit_loss({lost_by(chain(2, 10, 50), 5'000, seed)});
    others += fit.kind == LossKind::kGilbertElliott ? 0 : 1;
    if (fit.kind != LossKind::kGilbertElliott) continue;
    p.add(fit.to_bad, 0.02);
    r.add(fit.to_good, 0.1);
    in_bad.add(fit.loss_in_bad, 0.5);
    rate.add(fit.rate, 0.5 * 0.02 / 0.12);
  }
  EXPECT_LE(others, kSeeds / 20);
  p.expect_normal("p");
  r.expect_normal("r");
  in_bad.expect_normal("loss in bad");
  rate.expect_normal("rate");
}

TEST(LossFitCalibration, OfGilbertAndElliottInFull) {
  ErrorsInUnits p, r, in_bad, in_good;
  std::uint64_t others = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const LossFit fit = fit_loss({lost_by(chain(4, 20, 80, 4), 4'000, seed)});
    others += fit.kind == LossKind::kGilbertElliottFull ? 0 : 1;
    if (fit.kind != LossKind::kGilbertElliottFull) continue;
    p.add(fit.to_bad, 0.04);
    r.add(fit.to_good, 0.2);
    in_bad.add(fit.loss_in_bad, 0.8);
    in_good.add(fit.loss_in_good, 0.04);
  }
  EXPECT_LE(others, kSeeds / 20);
  p.expect_normal("p");
  r.expect_normal("r");
  in_bad.expect_normal("loss in bad");
  in_good.expect_normal("loss in good");
}

// What is said to a link is what was found, cut where chance begins.
TEST(LossFit, IsToldInFewDigits) {
  LossFit fit;
  fit.kind = LossKind::kGilbert;
  fit.to_bad = {0.0100437, 0.00012};
  fit.to_good = {0.1001234, 0.0011};
  EXPECT_EQ(std::get<GilbertElliott>(fit.model()), chain(1.004, 10.01));
  fit.kind = LossKind::kIndependent;
  fit.rate = {0.0123456, 0.0034};
  EXPECT_EQ(std::get<RandomLoss>(fit.model()), RandomLoss{percent(1.2)});
}

}  // namespace
}  // namespace lossy
