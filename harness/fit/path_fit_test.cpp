#include <lossy/harness/fit/path_fit.hpp>

#include <gtest/gtest.h>

#include <string>

#include <lossy/harness/fit/fit_for_test.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

std::string line_of(const PathFit& fit) {
  return format_netem(fitted_settings(fit, nullptr));
}

// Nothing that happens is nothing to be said.
TEST(PathFit, OfAPerfectPath) {
  const PathFit fit = fit_path(sent_over("", 1));
  EXPECT_EQ(fit.arrived, fit.sent);
  EXPECT_EQ(fit.loss.rate.value, 0);
  EXPECT_EQ(fit.duplicated->value, 0);
  EXPECT_FALSE(fit.rate);
  EXPECT_EQ(line_of(fit), "delay 0s");
  EXPECT_EQ(fit_path(LoggedPath{}).sent, 0U);
}

// A path that is all constants comes back as it was asked for.
TEST(PathFit, OfConstantsIsExact) {
  TrafficForTest traffic;
  traffic.when = [](std::uint64_t n) { return n / 10 * 20ms; };
  for (const std::string line : {"delay 30ms", "delay 20ms loss every 9", "delay 5ms rate 1mbit",
                                 "delay 20ms duplicate 100%", "loss 100%"}) {
    EXPECT_EQ(line_of(fit_path(sent_over(line, 1, traffic))), line);
  }
}

// Copies, damage and what is held back or sent ahead: each alone, as often as was asked for.
TEST(PathFit, GivesSharesBack) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    SCOPED_TRACE(seed);
    const PathFit copies = fit_path(sent_over("delay 9ms 2ms loss 10% duplicate 3%", seed));
    expect_found(*copies.duplicated, 0.03, "duplicate");
    expect_found(copies.loss.rate, 0.1, "loss");
    expect_found(copies.delay->mean, 9e6, "delay");

    const PathFit flips = fit_path(sent_over("delay 9ms flip 2% bits 3 truncate 10%", seed));
    expect_found(flips.damage.corrupted, 0.02, "flip");
    expect_found(flips.damage.truncated, 0.1, "truncate");
    EXPECT_EQ(flips.damage.bits, 3U);
    EXPECT_FALSE(flips.damage.bits_vary);

    const PathFit checksum = fit_path(sent_over("corrupt 2%", seed));
    expect_found(checksum.loss.rate, 0.02, "what a checksum sees is lost");
  }
}

TEST(PathFit, GivesOrderBack) {
  TrafficForTest traffic;
  traffic.datagrams = 10'000;
  for (const std::uint64_t seed : {1U, 2U}) {
    for (const char* delay : {"delay 30ms ", "delay 30ms 4ms ", "delay 30ms 4ms 30% loss 5% "}) {
      SCOPED_TRACE(testing::Message() << delay << seed);
      const PathFit held = fit_path(sent_over(delay + std::string("hold 4% 25ms"), seed, traffic));
      ASSERT_TRUE(held.hold);
      EXPECT_FALSE(held.early);
      expect_found(held.hold->share, 0.04, "hold");
      EXPECT_NEAR(held.hold->nanoseconds.value, 25e6, 4 * held.hold->nanoseconds.error + 1e-6);
      EXPECT_NEAR(held.delay->mean.value, 30e6, 4 * held.delay->mean.error + 1e-6);

      const PathFit early = fit_path(sent_over(delay + std::string("reorder 4%"), seed, traffic));
      ASSERT_TRUE(early.early);
      EXPECT_FALSE(early.hold);
      EXPECT_EQ(early.early->gap, 1U);
      expect_found(early.early->probability, 0.04, "early");
      EXPECT_NEAR(early.delay->mean.value, 30e6, 4 * early.delay->mean.error + 1e-6);

      const PathFit gap =
          fit_path(sent_over(delay + std::string("reorder 25% gap 5"), seed, traffic));
      ASSERT_TRUE(gap.early);
      EXPECT_EQ(gap.early->gap, 5U);
      expect_found(gap.early->share, 1.0 / 8, "share");
      expect_found(gap.early->probability, 0.25, "early behind a gap");
    }
  }
}

// A path that lets nothing pass hides how early some would have been; the rest tells it.
TEST(PathFit, FindsThatOrderIsKept) {
  TrafficForTest traffic;
  traffic.when = [](std::uint64_t n) { return n * 4ms; };
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    SCOPED_TRACE(seed);
    const PathFit kept =
        fit_path(sent_over("delay 30ms 3ms distribution normal keep-order", seed, traffic));
    EXPECT_TRUE(kept.order.is_kept());
    EXPECT_GT(kept.order.pushed, 1000U);
    expect_found(kept.delay->mean, 30e6, "mean");
    expect_found(kept.delay->deviation, 3e6, "deviation");
    EXPECT_EQ(kept.delay->nearest.name, "normal");
    EXPECT_NE(line_of(kept).find(" keep-order"), std::string::npos);
    const PathFit passes = fit_path(sent_over("delay 30ms 3ms distribution normal", seed, traffic));
    EXPECT_FALSE(passes.order.is_kept());
    EXPECT_GT(passes.order.reordered, 1000U);
    // So far apart that none would pass: nothing is said.
    const PathFit apart = fit_path(sent_over("delay 30ms 1ms keep-order", seed, traffic));
    EXPECT_FALSE(apart.order.is_kept());
  }
}

// Datagrams that wait for each other show the rate of the line, through jitter, losses, copies and
// all.
TEST(PathFit, GivesTheRateBack) {
  TrafficForTest traffic;
  traffic.datagrams = 10'000;
  traffic.when = [](std::uint64_t n) { return n / 8 * 10ms; };
  traffic.bytes = [](std::uint64_t n) { return n % 3 == 0 ? 72 : 472; };
  // At 3 Mbit/s eight of them take some 7 ms.
  for (const char* rest : {"", " 2ms", " 9ms distribution normal loss 10% duplicate 5%", " 2ms 50%",
                           " 5ms hold 2% 60ms", " 3ms reorder 3%"}) {
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
      const std::string line = "delay 40ms" + std::string(rest) + " rate 3mbit";
      SCOPED_TRACE(testing::Message() << line << ", seed " << seed);
      const PathFit fit = fit_path(sent_over(line, seed, traffic));
      ASSERT_TRUE(fit.rate);
      expect_found(fit.rate->bits_per_second, 3e6, "rate");
      EXPECT_NEAR(fit.delay->mean.value, 40e6, 4 * fit.delay->mean.error + 2000);
    }
  }
}

// A queue that never empties shows it best; and what it loses is no loss by chance.
TEST(PathFit, GivesTheRateOfAFullQueueBack) {
  TrafficForTest traffic;
  traffic.datagrams = 5'000;
  for (const char* loss : {"", " loss 3%", " loss gemodel 1% 20%", " duplicate 5%"}) {
    const std::string line = "delay 10ms 5ms" + std::string(loss) + " rate 800kbit queue 20";
    SCOPED_TRACE(line);
    const PathFit fit = fit_path(sent_over(line, 1, traffic));
    ASSERT_TRUE(fit.rate);
    expect_found(fit.rate->bits_per_second, 8e5, "rate");
    EXPECT_EQ(fit.other_losses.queue_datagrams, 20U);
    if (std::string(loss) == " duplicate 5%") {
      EXPECT_EQ(fit.loss.counts.lost, 0U);
      expect_found(*fit.duplicated, 0.05, "duplicate");
    } else if (*loss == 0) {
      EXPECT_EQ(fit.loss.counts.lost, 0U);
      EXPECT_GT(fit.other_losses.overflowed, 1000U);
    } else if (std::string(loss) == " loss 3%") {
      EXPECT_EQ(fit.loss.kind, LossKind::kIndependent);
      expect_found(fit.loss.rate, 0.03, "loss");
    } else {
      ASSERT_EQ(fit.loss.kind, LossKind::kGilbert);
      expect_found(fit.loss.to_bad, 0.01, "p");
      expect_found(fit.loss.to_good, 0.2, "r");
    }
  }
}

// What is larger than all that arrives is lost for that.
TEST(PathFit, FindsTheMtu) {
  TrafficForTest traffic;
  traffic.bytes = [](std::uint64_t n) { return 900 + n % 20 * 30; };
  for (const std::string line : {"delay 10ms mtu 1288", "delay 10ms loss 5% mtu 1288"}) {
    const PathFit fit = fit_path(sent_over(line, 1, traffic));
    EXPECT_EQ(fit.other_losses.mtu_bytes, 900 + 12 * 30 + 28) << line;
    if (line.find("loss") == std::string::npos) {
      EXPECT_EQ(fit.loss.counts.lost, 0U);
    } else {
      EXPECT_EQ(fit.loss.kind, LossKind::kIndependent);
      expect_found(fit.loss.rate, 0.05, line);
    }
  }
  // The largest are lost by chance.
  traffic.datagrams = 100;
  traffic.bytes = [](std::uint64_t n) { return n % 20 == 0 ? 1000 : 100; };
  EXPECT_FALSE(fit_path(sent_over("loss 90%", 1, traffic)).other_losses.mtu_bytes);
}

// Where nothing waits there is no rate to be seen; and jitter is none, however it is drawn.
TEST(PathFit, SeesNoRateWhereThereIsNone) {
  TrafficForTest bursts;
  bursts.datagrams = 5'000;
  bursts.when = [](std::uint64_t n) { return n / 8 * 10ms; };
  TrafficForTest sizes = bursts;
  sizes.bytes = [](std::uint64_t n) { return n % 7 * 150; };
  std::uint64_t seen = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    for (const char* line : {"delay 40ms 10ms", "delay 40ms 10ms 80% loss 5%",
                             "delay 20ms 3ms distribution pareto", "delay 20ms hold 10% 5ms"}) {
      seen += fit_path(sent_over(line, seed, bursts)).rate ? 1 : 0;
      seen += fit_path(sent_over(line, seed, sizes)).rate ? 1 : 0;
    }
    TrafficForTest calm;
    calm.datagrams = 2'000;
    seen += fit_path(sent_over("delay 9ms 1ms rate 100mbit", seed, calm)).rate ? 1 : 0;
  }
  EXPECT_EQ(seen, 0U);
}

// What a link is told does the same: a fit of what that does gives the same once more.
TEST(PathFit, IsAPathThatDoesTheSame) {
  TrafficForTest traffic;
  traffic.when = [](std::uint64_t n) { return n / 8 * 10ms; };
  const std::string line =
      "delay 40ms 6ms distribution normal loss gemodel 1% 10% 60% 1% duplicate 2% rate 1Mbit flip "
      "1%";
  const PathFit first = fit_path(sent_over(line, 1, traffic));
  const std::string text = dist_text(*first.delay, "");
  traffic.files.distribution = [&](const std::string&) { return text; };
  const auto table = DelayTable::parse(text, "seen.dist");
  const PathFit second =
      fit_path(sent_over(format_netem(fitted_settings(first, table)), 2, traffic));
  const auto expect_same = [](const Estimate& a, const Estimate& b, const char* what) {
    EXPECT_NEAR(a.value, b.value, 4 * std::hypot(a.error, b.error)) << what;
  };
  ASSERT_EQ(first.loss.kind, second.loss.kind);
  expect_same(first.loss.to_bad, second.loss.to_bad, "p");
  expect_same(first.loss.to_good, second.loss.to_good, "r");
  expect_same(first.loss.loss_in_bad, second.loss.loss_in_bad, "1-h");
  expect_same(*first.duplicated, *second.duplicated, "duplicate");
  expect_same(first.damage.corrupted, second.damage.corrupted, "flip");
  ASSERT_TRUE(first.rate && second.rate);
  expect_same(first.rate->bits_per_second, second.rate->bits_per_second, "rate");
  expect_same(first.delay->mean, second.delay->mean, "mean");
  expect_same(first.delay->deviation, second.delay->deviation, "deviation");
}

}  // namespace
}  // namespace lossy
