// Lesson 8. Gilbert's model loses p of the datagrams in runs of B: a loss follows a delivery with
// g = p / (B (1 - p)), and another loss with b = 1 - 1 / B. A name is given up when k attempts in a
// row are lost: with g b^(k-1) after a greeting, and b^k after another that was given up, so that
// the share x of those given up solves x = (1 - x) g b^(k-1) + x b^k.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include <lossy/core/counted.hpp>
#include <lossy/harness/learn/greetings.hpp>
#include <lossy/harness/learn/simulated.hpp>
#include <lossy/harness/learn/tolerance.hpp>
#include <lossy/harness/report/figure_text.hpp>
#include <lossy/harness/report/readable.hpp>

namespace lossy {
namespace {

constexpr std::array kTakes{Taken{Parameter::kDrop, "10%"}, Taken{Parameter::kBurst, "8", 1, 1000},
                            Taken{Parameter::kAttempts, "5", 2, 100},
                            Taken{Parameter::kCount, "200000", 2, 10'000'000},
                            Taken{Parameter::kSeed, "44"}};

// Counts the loss periods of the way up (RFC 3357): runs of losses.
class LossPeriods final : public Observer {
 public:
  void on_offered(Instant, const Passage& passage, const Offer& offer) override {
    if (passage.direction != Direction::kUplink) return;
    const bool lost = offer.copies_in_flight == 0;
    periods_ += lost && !losing_ ? 1 : 0;
    losses_ += lost ? 1 : 0;
    losing_ = lost;
  }
  double mean() const { return share(losses_, periods_); }
  std::uint64_t count() const { return periods_; }

 private:
  std::uint64_t losses_ = 0;
  std::uint64_t periods_ = 0;
  bool losing_ = false;
};

// What theory expects of one kind of loss.
struct Expected {
  double rate = 0;
  double run = 0;           // Mean length of a loss period.
  double run_variance = 0;  // A geometric distribution's.
  double loss_inflation = 1;
  double given_up = 0;
  double given_up_inflation = 1;
};

double inflation_of(double correlation) {
  return std::max(1.0, (1 + correlation) / (1 - correlation));
}

Expected random_loss(double p, double k) {
  const double run = p < 1 ? 1 / (1 - p) : INFINITY;
  return {.rate = p,
          .run = p > 0 ? run : 0,
          .run_variance = run * (run - 1),
          .given_up = std::pow(p, k)};
}

Expected bursty_loss(double p, double burst, double k) {
  const double g = p < 1 ? p / (burst * (1 - p)) : 1;
  const double b = 1 - 1 / burst;
  const double after_greeting = g * std::pow(b, k - 1);
  const double after_giving_up = std::pow(b, k);
  return {.rate = p,
          .run = p > 0 ? burst : 0,
          .run_variance = burst * (burst - 1),
          .loss_inflation = inflation_of(b - g),
          .given_up = after_greeting / (1 - after_giving_up + after_greeting),
          .given_up_inflation = inflation_of(after_giving_up - after_greeting)};
}

struct Run {
  GreetingOutcome outcome;
  LossPeriods periods;
};

Run run_with(GreetingPlan plan, const LossModel& loss) {
  Run run;
  LinkSettings uplink;
  uplink.loss = loss;
  plan.uplink = uplink;
  run.outcome = run_greetings(plan, {.observers = {&run.periods}});
  return run;
}

void add_figures(Outcome& outcome, const char* kind, const Run& run, const Expected& expected,
                 double names) {
  const std::string name(kind);
  const auto figure = [&](const char* which, const char* what, FigureUnit unit, double measured,
                          double theory, double tolerance) {
    outcome.figures.push_back(
        {name + '_' + which, name + ": " + what, unit, measured, theory, tolerance});
  };
  const LinkCounters& uplink = run.outcome.uplink;
  figure("lost", "names lost on the way", FigureUnit::kShare, share(uplink.lost(), uplink.offered),
         expected.rate,
         share_tolerance(real(uplink.offered), expected.rate, expected.loss_inflation));
  const double periods = real(run.periods.count());
  figure("loss_period", "lost in a row, on average", FigureUnit::kMean, run.periods.mean(),
         expected.run,
         periods > 0
             ? std::sqrt(29 * expected.run_variance / periods) + 29 * (expected.run - 1) / periods
             : expected.run);  // None was there to be measured.
  figure("given_up", "names given up", FigureUnit::kShare, real(run.outcome.result.gave_up) / names,
         expected.given_up, share_tolerance(names, expected.given_up, expected.given_up_inflation));
}

Outcome run(const Settings& settings) {
  const Probability drop = settings.probability(Parameter::kDrop);
  const double p = as_double(drop);
  const std::uint64_t burst = settings.whole(Parameter::kBurst);
  const double k = real(settings.whole(Parameter::kAttempts));
  const GilbertElliott bursts = gilbert(drop, burst * 1000);

  GreetingPlan plan{.seed = settings.seed()};
  plan.retry.attempts_max = static_cast<int>(settings.whole(Parameter::kAttempts));
  LinkSettings uplink;
  uplink.loss = bursts;
  plan.uplink = uplink;
  Outcome outcome{
      .experiment = fmt::format("{} names go up a path that loses {} of them, each sent {} "
                                "at most: once at random, once in runs of {} on average. The "
                                "answers all arrive. The ladder is that of the runs, and of the "
                                "way up alone.",
                                settings.text(Parameter::kCount), settings.text(Parameter::kDrop),
                                counted(settings.whole(Parameter::kAttempts), "time"), burst),
      .ladder = ladder_of(plan, Direction::kUplink),
      .play = fmt::format("lossy simulate --uplink-drop={} --uplink-burst={} --attempts={} "
                          "--seed={} --trace",
                          settings.text(Parameter::kDrop), burst,
                          settings.text(Parameter::kAttempts), settings.text(Parameter::kSeed))};
  plan.count = settings.whole(Parameter::kCount);
  const Run random = run_with(plan, RandomLoss{drop});
  const Run bursty = run_with(plan, bursts);
  const Expected expected_random = random_loss(p, k);
  const Expected expected_bursty = bursty_loss(p, real(burst), k);
  const double names = real(plan.count);
  add_figures(outcome, "random", random, expected_random, names);
  add_figures(outcome, "bursty", bursty, expected_bursty, names);

  const bool longer = bursty.periods.mean() > random.periods.mean();
  const std::uint64_t more = bursty.outcome.result.gave_up;
  const std::uint64_t fewer = random.outcome.result.gave_up;
  outcome.claims = {
      {fmt::format("Losses came {} in a row at random and {} in a row in bursts.",
                   plain_digits(random.periods.mean(), 3), plain_digits(bursty.periods.mean(), 3)),
       longer},
      {fmt::format("Names given up: {} with random losses, {} with bursts.", fewer, more),
       more > fewer}};
  outcome.why = {
      fmt::format("Both lose {} of the datagrams, so the loss rate cannot tell them apart. Loss "
                  "periods (RFC 3357), the runs of losses, can: {} and {} on average.",
                  percent_text(p), plain_digits(expected_random.run, 3),
                  plain_digits(expected_bursty.run, 3)),
      fmt::format("Sending again helps because the next attempt has a chance of its own. Within a "
                  "burst it is lost with {} instead of {}: {:g} attempts fail together for {} of "
                  "the names instead of {}. Waiting longer before each attempt, as a doubling "
                  "timer does, outlasts bursts that last a time. (These last a number of "
                  "datagrams.)",
                  percent_text(1 - 1 / real(burst)), percent_text(p), k,
                  percent_text(expected_bursty.given_up), percent_text(expected_random.given_up))};
  return outcome;
}

}  // namespace

Lesson bursts_lesson() {
  return {.number = 8,
          .name = "bursts",
          .title = "Random and bursty losses at the same rate feel different",
          .group = kPathGroup,
          .left_out =
              "A loss rate is one number. On Wi-Fi, on mobile networks and in full queues "
              "losses come in runs, which that number does not show.",
          .question =
              "Two paths lose the same share of the datagrams, one at random, one in runs. "
              "Which one is worse for a client that sends again?",
          .takes = kTakes,
          .takes_no_other = "its path does nothing but lose datagrams, at random or in runs",
          .run = run};
}

}  // namespace lossy
