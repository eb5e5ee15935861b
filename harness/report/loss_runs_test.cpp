#include <lossy/harness/report/loss_runs.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include <lossy/harness/report/path_figures.hpp>

namespace lossy {
namespace {

LinkSettings losing(const LossModel& model) {
  LinkSettings settings;
  settings.loss = model;
  return settings;
}

double mean_of(const std::vector<double>& shares) {
  double mean = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) mean += shares[i] * static_cast<double>(i + 1);
  return mean;
}

// Each datagram alike: a run goes on with the probability of a loss.
TEST(LossRuns, OfIndependentLossesAreGeometric) {
  const auto shares = loss_run_shares(losing(RandomLoss{{Probability::ratio(1, 10)}}), 5);
  ASSERT_EQ(shares.size(), 5U);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    EXPECT_NEAR(shares[i], 0.9 * std::pow(0.1, static_cast<double>(i)), 1e-12);
  }
}

// Gilbert's runs end with probability r, whatever the rate.
TEST(LossRuns, OfGilbertEndWithTheWayBack) {
  const auto shares = loss_run_shares(losing(gilbert(Probability::ratio(1, 10), 4000)), 6);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    EXPECT_NEAR(shares[i], 0.25 * std::pow(0.75, static_cast<double>(i)), 1e-9);
  }
}

// Shares of all lengths add up to 1, and their mean is the one that --explain tells.
TEST(LossRuns, HaveTheMeanOfTheFigures) {
  LinkSettings both = losing(gilbert(Probability::ratio(1, 20), 2500));
  both.checksum = Chance{Probability::ratio(1, 50)};
  for (const LinkSettings& settings :
       {losing(GilbertElliott{Probability::ratio(1, 100), Probability::ratio(1, 10),
                              Probability::ratio(7, 10), Probability::ratio(1, 1000)}),
        losing(FourStateLoss{Probability::ratio(1, 50), Probability::ratio(3, 10),
                             Probability::ratio(1, 10), Probability::ratio(2, 5),
                             Probability::ratio(1, 100)}),
        both}) {
    const auto shares = loss_run_shares(settings, 2000);
    EXPECT_NEAR(std::accumulate(shares.begin(), shares.end(), 0.0), 1, 1e-9);
    EXPECT_NEAR(mean_of(shares), path_figures(settings).loss.mean_burst(), 1e-6);
  }
}

// Every n-th datagram is lost alone. Without chance there is no model.
TEST(LossRuns, WithoutAChain) {
  EXPECT_EQ(loss_run_shares(losing(EveryNthLoss{3}), 2), (std::vector<double>{1, 0}));
  EXPECT_TRUE(loss_run_shares(losing(EveryNthLoss{1}), 2).empty());
  EXPECT_TRUE(loss_run_shares({}, 2).empty());
  EXPECT_TRUE(loss_run_shares(losing(RandomLoss{{Probability::ratio(1, 1)}}), 2).empty());
}

}  // namespace
}  // namespace lossy
