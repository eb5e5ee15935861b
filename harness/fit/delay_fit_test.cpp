#include <lossy/harness/fit/delay_fit.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <lossy/harness/fit/delay_groups.hpp>
#include <lossy/harness/fit/fit_for_test.hpp>
#include <lossy/harness/fit/path_fit.hpp>
#include <lossy/harness/link/chain_for_test.hpp>
#include <lossy/harness/link/distributions_for_test.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

// The delays of one flow, all of whose datagrams arrived.
DelaySamples samples(const std::vector<Duration>& delays) {
  DelaySamples flow;
  for (const Duration delay : delays) flow.push_back({flow.size(), delay});
  return flow;
}

DelayFit fit_of(const std::vector<DelaySamples>& flows) {
  return fit_delay(flows, sorted_delays(flows));
}

// A table's mean and deviation, as a link makes delays of it.
struct TableMoments {
  explicit TableMoments(const DelayFit& fit) {
    const double jitter = static_cast<double>(fit.table_jitter.count()) / DelayTable::kScale;
    const double n = static_cast<double>(fit.table.size());
    double squares = 0;
    for (const std::int16_t entry : fit.table) {
      mean += entry * jitter / n;
      squares += entry * jitter * entry * jitter / n;
    }
    deviation = std::sqrt(squares - mean * mean);
    mean += static_cast<double>(fit.table_delay.count());
  }
  double mean = 0;
  double deviation = 0;
};

// Moments are those of the sample, and the table's are the same but for the rounding of its
// entries.
TEST(DelayFit, OfAFewIsThem) {
  const DelayFit fit = fit_of({samples({10ms, 12ms, 20ms, 14ms})});
  EXPECT_EQ(fit.samples, 4U);
  EXPECT_DOUBLE_EQ(fit.mean.value, 14e6);
  EXPECT_NEAR(fit.deviation.value, std::sqrt(14.0) * 1e6, 1);
  EXPECT_EQ(fit.least, 10ms);
  EXPECT_EQ(fit.longest, 20ms);
  ASSERT_EQ(fit.table.size(), 4U);
  const auto table = DelayTable::parse(dist_text(fit, "two\nlines"), "few");
  const Duration wanted[] = {10ms, 12ms, 14ms, 20ms};
  for (std::size_t i = 0; i < 4; ++i) {
    const Duration delay = fit.table_delay + table->at(i << 62, fit.table_jitter);
    EXPECT_NEAR(static_cast<double>(delay.count()), static_cast<double>(wanted[i].count()), 500);
  }
}

// Clocks differ by less than a microsecond: that is no jitter.
TEST(DelayFit, OfOneDelayIsConstant) {
  const DelayFit same = fit_of({samples({5ms, 5ms, 5ms})});
  EXPECT_FALSE(same.varies);
  EXPECT_EQ(same.mean.value, 5e6);
  EXPECT_EQ(same.deviation.value, 0);
  EXPECT_TRUE(same.table.empty());
  EXPECT_FALSE(fit_of({samples({5ms, 5ms + 900ns, 5ms - 900ns})}).varies);
  EXPECT_TRUE(fit_of({samples({5ms, 5ms + 3us, 5ms - 3us})}).varies);
}

// Far outliers widen the table's unit, so that none is cut off.
TEST(DelayFit, KeepsTheTail) {
  std::vector<Duration> delays(4095, 10ms);
  for (std::size_t i = 0; i < delays.size(); ++i) delays[i] += Duration(i * 1000);
  delays.push_back(1s);
  const DelayFit fit = fit_of({samples(delays)});
  const auto table = DelayTable::parse(dist_text(fit, ""), "tail");
  const Duration longest = fit.table_delay + table->at(~std::uint64_t{0}, fit.table_jitter);
  EXPECT_NEAR(static_cast<double>(longest.count()), 1e9, 1e5);
  EXPECT_NEAR(TableMoments(fit).mean, fit.mean.value, 1);
}

struct Shape {
  const char* name;
  double deviation;  // Of the jitter.
};

class DelayFitShape : public testing::TestWithParam<Shape> {};

// Each of the link's own distributions is given back: its mean, its deviation and, as a table, all
// of it; and it is known by its name.
TEST_P(DelayFitShape, IsGivenBack) {
  const Shape& shape = GetParam();
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    SCOPED_TRACE(testing::Message() << shape.name << ", seed " << seed);
    const PathFit fit =
        fit_path(sent_over("delay 50ms 4ms distribution " + std::string(shape.name), seed));
    ASSERT_TRUE(fit.delay);
    const DelayFit& delay = *fit.delay;
    EXPECT_EQ(delay.samples, 20'000U);
    expect_found(delay.mean, 50e6, "mean");
    expect_found(delay.deviation, 4e6 * shape.deviation, "deviation");
    EXPECT_EQ(delay.nearest.name, shape.name);
    EXPECT_TRUE(delay.nearest.is_alike) << delay.nearest.distance;
    EXPECT_FALSE(delay.correlation);
    EXPECT_FALSE(fit.hold);
    EXPECT_FALSE(fit.early);
    EXPECT_FALSE(fit.rate);
    const TableMoments table(delay);
    EXPECT_NEAR(table.mean, delay.mean.value, 10);
    // The mean of a share is nearer to the middle than its members.
    EXPECT_NEAR(table.deviation, delay.deviation.value, 0.01 * delay.deviation.value);
    const auto read = DelayTable::parse(dist_text(delay, ""), "read");
    ASSERT_EQ(read->quantiles().size(), kTableEntriesMax);
    if (shape.deviation < 1) continue;  // Uniform.
    EntryCounts counts;
    for (const std::int16_t entry : read->quantiles()) {
      const double at = static_cast<double>(delay.table_delay.count()) +
                        entry * static_cast<double>(delay.table_jitter.count()) / 8192;
      counts.add(std::llround(std::clamp((at - 50e6) / 4e6 * 8192, -32768.0, 32767.0)));
    }
    EXPECT_LT(counts.distance(closed_form(shape.name)), distance_max(20'000) + 1.0 / 4096);
  }
}

INSTANTIATE_TEST_SUITE_P(All, DelayFitShape,
                         testing::Values(Shape{"uniform", 0.57735}, Shape{"normal", 1},
                                         Shape{"pareto", 1}, Shape{"paretonormal", 1}),
                         [](const auto& shape) { return std::string(shape.param.name); });

// A table of one's own, of which none is nearest, comes back as itself.
TEST(DelayFit, GivesATableBack) {
  TrafficForTest traffic;
  traffic.files.distribution = [](const std::string&) { return "-8192 -4096 0 12288"; };
  const PathFit fit = fit_path(sent_over("delay 40ms 10ms distribution own.dist", 1, traffic));
  ASSERT_TRUE(fit.delay);
  EXPECT_FALSE(fit.delay->nearest.is_alike);
  expect_found(fit.delay->mean, 40e6, "mean");
  expect_found(fit.delay->deviation, std::sqrt((1 + 0.25 + 2.25) / 4) * 1e7, "deviation");
  // Four delays, each a quarter of the table.
  const Duration wanted[] = {30ms, 35ms, 40ms, 55ms};
  std::array<std::uint64_t, 4> seen{};
  for (const std::int16_t entry : fit.delay->table) {
    const double at = static_cast<double>(fit.delay->table_delay.count()) +
                      entry * static_cast<double>(fit.delay->table_jitter.count()) / 8192;
    for (std::size_t i = 0; i < 4; ++i) {
      seen[i] += std::abs(at - static_cast<double>(wanted[i].count())) < 2000 ? 1 : 0;
    }
  }
  for (const std::uint64_t count : seen) expect_rate(count, 4096, 0.25, "a delay");
}

class DelayFitCorrelation : public testing::TestWithParam<double> {};

// How much each delay resembles the one before comes back, be losses in between or not.
TEST_P(DelayFitCorrelation, IsGivenBack) {
  const double percents = GetParam();
  for (const char* rest : {"", " distribution normal", " distribution pareto loss 20%"}) {
    for (const std::uint64_t seed : {1U, 2U}) {
      const std::string line = "delay 50ms 10ms " + std::to_string(percents) + '%' + rest;
      SCOPED_TRACE(testing::Message() << line << ", seed " << seed);
      const PathFit fit = fit_path(sent_over(line, seed));
      ASSERT_TRUE(fit.delay && fit.delay->correlation);
      expect_found(*fit.delay->correlation, percents / 100, "correlation");
      expect_found(fit.delay->mean, 50e6, "mean");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, DelayFitCorrelation, testing::Values(10, 50, 90));

// Noise does not hide that delays are those before once more.
TEST(DelayFit, TellsCorrelationFromNoisyDelays) {
  LoggedPath path = sent_over("delay 50ms 10ms 60%", 4);
  const RandomStream noise(7);
  std::uint64_t drawn = 0;
  for (LoggedDatagram& datagram : path.flows[0].datagrams) {
    datagram.delay += uniform_spread(noise.at(++drawn), 50us);
  }
  const PathFit fit = fit_path(path);
  ASSERT_TRUE(fit.delay && fit.delay->correlation);
  expect_found(*fit.delay->correlation, 0.6, "correlation");
}

// Delays that come back to the mean little by little are never the same; how much they resemble
// each other is their autocorrelation.
TEST(DelayFit, TellsAutocorrelation) {
  const RandomStream noise(7);
  double away = 0;
  DelaySamples flow;
  for (std::uint64_t n = 1; n <= 20'000; ++n) {
    away = 0.9 * away + static_cast<double>(uniform_spread(noise.at(n), 2ms).count());
    flow.push_back({n, 50ms + Duration(std::llround(away))});
  }
  const DelayFit fit = fit_of({flow});
  ASSERT_TRUE(fit.correlation);
  EXPECT_NEAR(fit.correlation->value, 0.9, 0.02);
}

// The errors are what they are said to be.
TEST(DelayFitCalibration, OfMeansAndDeviations) {
  double mean_squares = 0;
  double deviation_squares = 0;
  double correlation_squares = 0;
  constexpr std::uint64_t kSeeds = 200;
  TrafficForTest traffic;
  traffic.datagrams = 1'000;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const PathFit fit =
        fit_path(sent_over("delay 50ms 4ms 40% distribution normal", seed, traffic));
    ASSERT_TRUE(fit.delay && fit.delay->correlation);
    mean_squares += std::pow(z_of(fit.delay->mean, 50e6), 2) / kSeeds;
    deviation_squares += std::pow(z_of(fit.delay->deviation, 4e6), 2) / kSeeds;
    correlation_squares += std::pow(z_of(*fit.delay->correlation, 0.4), 2) / kSeeds;
  }
  EXPECT_NEAR(mean_squares, 1, 0.4);
  EXPECT_NEAR(deviation_squares, 1, 0.4);
  EXPECT_NEAR(correlation_squares, 1, 0.4);
}

// Two groups with a gap between them that is wider than half of what the usual ones differ.
TEST(DelayGroups, AreFoundByTheirGaps) {
  std::vector<Duration> delays;
  for (int i = 0; i < 100; ++i) delays.push_back(20ms + i * 100us);
  EXPECT_EQ(find_groups(delays).held, 0U);
  std::vector<Duration> held = delays;
  for (int i = 0; i < 5; ++i) held.push_back(36ms + i * 1ms);
  EXPECT_EQ(find_groups(held).held, 5U);
  EXPECT_EQ(find_groups(held).held_from, 36ms);
  held.back() = 80ms;  // They differ more than the usual ones.
  EXPECT_EQ(find_groups(held).held, 0U);
  std::vector<Duration> early{1us, 2us, 3us};
  early.insert(early.end(), delays.begin(), delays.end());
  EXPECT_EQ(find_groups(early).early, 3U);
  early[2] = 10ms;  // That is no jump, it is a delay.
  EXPECT_EQ(find_groups(early).early, 0U);
  early.erase(early.begin());
  EXPECT_EQ(find_groups(early).early, 0U);
}

}  // namespace
}  // namespace lossy
