#include <lossy/harness/report/netem_replica.hpp>

#include <gtest/gtest.h>

#include <lossy/harness/link/netem.hpp>
#include <lossy/harness/report/path_figures.hpp>

namespace lossy {
namespace {

LinkSettings settings_of(const char* line) {
  return parse_netem(line, {});
}

Chance loss_of(const char* line) {
  return std::get<RandomLoss>(*settings_of(line).loss).chance;
}

// What was measured of netem: `loss 10% 25%` loses 1.8 %, and its manual's `loss 0.3% 25%` nothing.
// Without correlation it loses what it is asked for.
TEST(NetemReplica, CorrelationChangesTheRate) {
  EXPECT_NEAR(netem_rate(loss_of("loss 10% 25%")), 0.018, 0.001);
  EXPECT_EQ(netem_rate(loss_of("loss 0.3% 25%")), 0);
  EXPECT_NEAR(netem_rate(loss_of("loss 10%")), 0.1, 0.0012);
  EXPECT_NEAR(netem_rate(loss_of("loss 50% 25%")), 0.5, 0.003);
  EXPECT_EQ(netem_rate(loss_of("loss 0%")), 0);
  EXPECT_EQ(netem_rate(loss_of("loss 100%")), 1);
}

// It duplicates first, so that a loss takes one of two copies away: with independent losses p and
// duplication d it loses (1-d) p, and delivers d (1-p)^2 of all datagrams twice.
TEST(NetemReplica, DuplicatesBeforeItLoses) {
  const NetemRates rates = netem_rates(settings_of("loss 20% duplicate 30%"));
  EXPECT_NEAR(rates.loss, 0.7 * 0.2, 0.0014);
  EXPECT_NEAR(rates.duplicated, 0.3 * 0.64 / (1 - 0.14), 0.0018);
  // A damaged copy is none.
  const NetemRates damaged = netem_rates(settings_of("corrupt 10% duplicate 50%"));
  EXPECT_NEAR(damaged.loss, 0.5 * 0.1 + 0.5 * 0.01, 0.001);
}

// Chains lose in it as they do here.
TEST(NetemReplica, ChainsAreTheSame) {
  for (const char* line : {"loss gemodel 2% 30% 80% 1%", "loss state 1% 30% 20% 40% 2%"}) {
    const LinkSettings settings = settings_of(line);
    EXPECT_NEAR(netem_rates(settings).loss, path_figures(settings).loss.rate, 0.002) << line;
  }
}

// The number is taken modulo the range, which is a small part of 2^32, and that leaves next to
// nothing of the correlation.
TEST(NetemReplica, CorrelationOfDelaysIsLost) {
  EXPECT_NEAR(netem_delay_correlation(settings_of("delay 100ms 10ms 25%")), 0, 0.005);
  EXPECT_NEAR(netem_delay_correlation(settings_of("delay 100ms 10ms 90%")), 0, 0.005);
  EXPECT_NEAR(netem_delay_correlation(settings_of("delay 100ms 10ms 25% distribution normal")), 0,
              0.005);
  // Where the range is nearly all of the 2^32, the correlation is there.
  EXPECT_NEAR(netem_delay_correlation(settings_of("delay 3s 2s 50%")), 0.5, 0.1);
}

}  // namespace
}  // namespace lossy
