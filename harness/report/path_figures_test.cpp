#include <lossy/harness/report/path_figures.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include <lossy/harness/link/netem.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

constexpr int kDatagrams = 1'000'000;
constexpr int kBatch = 1000;

LinkSettings settings_of(const std::string& line) {
  return parse_netem(line, {});
}

// A mean, and how far it may be from the truth: 4 standard deviations, taken from batches, because
// what is near to each other resembles each other.
class BatchMean {
 public:
  void add(double value) {
    sum_ += value;
    if (++count_ % kBatch != 0) return;
    batches_.push_back(sum_ / kBatch);
    sum_ = 0;
  }
  double mean() const {
    double sum = 0;
    for (const double batch : batches_) sum += batch;
    return sum / static_cast<double>(batches_.size());
  }
  double tolerance() const {
    double squares = 0;
    for (const double batch : batches_) squares += (batch - mean()) * (batch - mean());
    const double n = static_cast<double>(batches_.size());
    return 4 * std::sqrt(squares / (n - 1) / n) + 1e-12;
  }

 private:
  std::vector<double> batches_;
  double sum_ = 0;
  int count_ = 0;
};

struct Seen {
  BatchMean loss;
  BatchMean received_twice;
  BatchMean delay_ms;
  BatchMean cut_off;
};

// What a million fates come to.
Seen see(const LinkSettings& settings) {
  RandomFates fates(impairments(settings), 7, Direction::kUplink);
  Seen seen;
  bool received = true;
  const Duration delay = settings.delay.value_or(Duration::zero());
  for (int i = 1; i <= kDatagrams; ++i) {
    const Fate& fate = fates.decide(Instant{}, static_cast<std::uint64_t>(i), 100);
    seen.loss.add(fate.lost() ? 1 : 0);
    seen.received_twice.add(received && !fate.lost() ? 1 : 0);
    received = !fate.lost();
    if (fate.lost()) continue;
    const Duration late = delay + fate.copies()[0].extra_delay;
    seen.delay_ms.add(std::chrono::duration<double, std::milli>(std::max(late, 0ns)).count());
    seen.cut_off.add(late < 0ns ? 1 : 0);
  }
  return seen;
}

// The figures are those that happen, for every loss model and every kind of delay, alone and with
// others.
TEST(PathFigures, AreWhatHappens) {
  for (const char* line :
       {"loss 10%",
        "loss 10% 25%",
        "loss 0.3% 90%",
        "loss 60% 50%",
        "loss gemodel 1% 10%",
        "loss gemodel 1% 10% 70% 0.1%",
        "loss gemodel 90% 80% 60% 30%",
        "loss state 1% 20%",
        "loss state 1% 30% 20% 40% 2%",
        "loss state 50% 30% 20% 40% 60%",
        "loss every 10",
        "loss every 2",
        "corrupt 5%",
        "loss gemodel 2% 20% corrupt 3% 50%",
        "delay 100ms 10ms",
        "delay 5ms 10ms",
        "delay 100ms 10ms distribution normal",
        "delay 10ms 20ms distribution normal",
        "delay 10ms 20ms distribution pareto",
        "delay 3ms 9ms 60% distribution paretonormal",
        "delay 20ms reorder 25%",
        "delay 20ms 5ms reorder 25% gap 4",
        "delay 20ms reorder 30% 50% gap 3",
        "delay 10ms 10ms hold 10% 30ms",
        "delay 1ms 5ms hold 40% 2ms",
        "delay 10ms 2ms 30% loss 5% corrupt 1% duplicate 3% reorder 10% hold 20% 7ms"}) {
    SCOPED_TRACE(line);
    const LinkSettings settings = settings_of(line);
    const PathFigures figures = path_figures(settings);
    const Seen seen = see(settings);
    EXPECT_NEAR(seen.loss.mean(), figures.loss.rate, seen.loss.tolerance());
    EXPECT_NEAR(seen.received_twice.mean(), figures.loss.received_twice,
                seen.received_twice.tolerance() + 2e-6);  // The first has none before it.
    EXPECT_NEAR(seen.delay_ms.mean(), figures.delay_mean_ms, seen.delay_ms.tolerance() + 1e-6);
    EXPECT_NEAR(seen.cut_off.mean(), figures.cut_off, seen.cut_off.tolerance());
  }
}

// The closed forms of the literature: GE loss = [(1-h)p + (1-k)r] / (p+r), and its runs of losses
// with (1-h) = 1 and (1-k) = 0 last 1/r; the four states' loss = pi1 (p13/p31 + p14).
TEST(PathFigures, AreTheClosedForms) {
  const PathFigures ge = path_figures(settings_of("loss gemodel 2% 30% 80% 1%"));
  EXPECT_NEAR(ge.loss.rate, (0.8 * 0.02 + 0.01 * 0.3) / 0.32, 1e-12);
  EXPECT_NEAR(path_figures(settings_of("loss gemodel 1% 10%")).loss.mean_burst(), 10, 1e-9);

  const double p13 = 0.01, p31 = 0.3, p32 = 0.2, p23 = 0.4, p14 = 0.02;
  const double pi1 = 1 / (1 + p13 / p31 + p13 * p32 / (p31 * p23) + p14);
  const PathFigures four = path_figures(settings_of("loss state 1% 30% 20% 40% 2%"));
  EXPECT_NEAR(four.loss.rate, pi1 * (p13 / p31 + p14), 1e-12);

  EXPECT_NEAR(path_figures(settings_of("loss 10%")).loss.mean_burst(), 1 / 0.9, 1e-12);
  EXPECT_NEAR(path_figures(settings_of("loss 10% 25%")).loss.mean_burst(), 1 / (0.9 * 0.75), 1e-12);
}

// Rare events keep their digits, and chains that cannot get everywhere have figures, too.
TEST(PathFigures, HoldAtTheEdges) {
  EXPECT_NEAR(path_figures(settings_of("loss gemodel 0.0000000001% 10%")).loss.rate * 1e11, 1,
              1e-6);
  EXPECT_EQ(path_figures(LinkSettings{}).loss.rate, 0);
  EXPECT_EQ(path_figures(LinkSettings{}).loss.mean_burst(), 0);
  EXPECT_EQ(path_figures(settings_of("loss 100%")).loss.rate, 1);
  EXPECT_TRUE(std::isinf(path_figures(settings_of("loss 100%")).loss.mean_burst()));
  EXPECT_TRUE(std::isinf(path_figures(settings_of("loss every 1")).loss.mean_burst()));
  EXPECT_EQ(path_figures(settings_of("loss every 4")).loss.mean_burst(), 1);
  EXPECT_EQ(path_figures(settings_of("loss gemodel 0% 0%")).loss.rate, 0);
  EXPECT_NEAR(path_figures(settings_of("loss gemodel 1% 0%")).loss.rate, 1, 1e-12);
  EXPECT_NEAR(path_figures(settings_of("loss gemodel 100% 100%")).loss.rate, 0.5, 1e-12);
  EXPECT_NEAR(path_figures(settings_of("loss state 0% 100% 0% 100% 100%")).loss.rate, 0.5, 1e-12);
}

// The rate is that of whatever is slowest, or none.
TEST(PathFigures, RateIsTheSlowest) {
  EXPECT_FALSE(path_figures(settings_of("delay 10ms")).rate.has_value());
  EXPECT_EQ(path_figures(settings_of("rate 2mbit")).rate, 2e6);
  EXPECT_NEAR(*path_figures(settings_of("slot 1ms 3ms bytes 1000")).rate, 4e6, 1);
  EXPECT_NEAR(*path_figures(settings_of("rate 1mbit slot 1ms 3ms bytes 1000")).rate, 1e6, 1);
  EXPECT_FALSE(path_figures(settings_of("slot 10ms packets 1")).rate.has_value());
  EXPECT_NEAR(*path_figures(settings_of("slot 10ms packets 3")).datagrams_a_second, 300, 1e-6);
  EXPECT_FALSE(path_figures(settings_of("slot 10ms bytes 9")).datagrams_a_second.has_value());
  LinkSettings traced;
  traced.trace = DeliveryTrace::parse("1\n2\n3\n4\n", "every millisecond");
  EXPECT_NEAR(*path_figures(traced).rate, 1504 * 8 * 1000.0, 1);
}

// An interval of a slot is never negative, so that its mean is above its table's.
TEST(PathFigures, IntervalsOfSlotsAreCutOff) {
  LinkSettings slotted;
  slotted.slots = Slots{.enabled = true,
                        .table = DelayTable::parse("-8192 8192", "two"),
                        .table_delay = 10ms,
                        .table_jitter = 20ms,
                        .datagrams_max = 3};
  EXPECT_NEAR(*path_figures(slotted).datagrams_a_second, 200, 1e-9);  // 0 ms and 30 ms in turns.
}

}  // namespace
}  // namespace lossy
