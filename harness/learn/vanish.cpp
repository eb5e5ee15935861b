// Lesson 1. With a loss of p each way a round trip fails with q = 1 - (1 - p)^2, k of them in a row
// with q^k, and a name is sent (1 - q^k) / (1 - q) times on average.
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

constexpr std::array kTakes{
    Taken{Parameter::kDrop, "10%"}, Taken{Parameter::kAttempts, "5", 1, 100},
    Taken{Parameter::kCount, "500000", 2, 10'000'000}, Taken{Parameter::kSeed, "4"}};

Outcome run(const Settings& settings) {
  const double p = as_double(settings.probability(Parameter::kDrop));
  const double k = real(settings.whole(Parameter::kAttempts));
  const double q = 1 - (1 - p) * (1 - p);
  const double given_up = std::pow(q, k);

  GreetingPlan plan{.seed = settings.seed()};
  LinkSettings path;
  path.loss = RandomLoss{settings.probability(Parameter::kDrop)};
  plan.uplink = plan.downlink = path;
  plan.retry.attempts_max = static_cast<int>(settings.whole(Parameter::kAttempts));
  const LadderExcerpt ladder = ladder_of(plan);
  plan.count = settings.whole(Parameter::kCount);
  const GreetingOutcome run = run_greetings(plan);

  const double names = real(plan.count);
  const std::uint64_t lost = run.uplink.lost() + run.downlink.lost();
  const std::uint64_t offered = run.uplink.offered + run.downlink.offered;
  // How often a name is sent: at most k times, so that a name's count varies by no more than k.
  const double sent = q < 1 ? (1 - given_up) / (1 - q) : k;
  const double sent_variance = q > 0 && q < 1 ? std::min(q / ((1 - q) * (1 - q)), k * k / 4) : 0;
  Outcome outcome{
      .experiment = fmt::format("{} asked, one after the other, over a path that loses {} of what "
                                "goes up and of what comes down; each is sent {} at most.",
                                counted(plan.count, "name is", "names are"),
                                settings.text(Parameter::kDrop), times_text(k)),
      .ladder = ladder,
      .play = fmt::format("lossy simulate --drop={} --attempts={} --seed={} --trace",
                          settings.text(Parameter::kDrop), settings.text(Parameter::kAttempts),
                          settings.text(Parameter::kSeed))};
  outcome.figures = {
      {"lost_datagrams", "datagrams lost, each way", FigureUnit::kShare, share(lost, offered), p,
       share_tolerance(real(offered), p)},
      {"failed_round_trips", "round trips that fail", FigureUnit::kShare,
       share(run.failed_first, plan.count), q, share_tolerance(names, q)},
      {"given_up",
       k > 1 ? fmt::format("failed {:g} times in a row: given up", k) : "failed once: given up",
       FigureUnit::kShare, share(run.result.gave_up, plan.count), given_up,
       share_tolerance(names, given_up)},
      {"attempts", "datagrams sent for each name", FigureUnit::kMean,
       share(run.result.attempts, plan.count), sent,
       sent_variance > 0 ? k * sum_tolerance(names * sent_variance / (k * k)) / names : 0}};
  outcome.claims = {
      lost > 0 ? Claim{fmt::format("{} of {} vanished, and nobody was told.", lost,
                                   counted(offered, "datagram")),
                       true}
               : Claim{"No datagram vanished.", false},
      run.result.gave_up < run.failed_first
          ? Claim{fmt::format("Sending again brought {} of the {} that were not answered at first; "
                              "given up: {}.",
                              run.failed_first - run.result.gave_up, run.failed_first,
                              run.result.gave_up),
                  true}
          : Claim{fmt::format("Sending again brought nobody who was not answered at first: {} of "
                              "{} were given up.",
                              run.result.gave_up, run.failed_first),
                  false}};
  outcome.why = {
      fmt::format(
          "A greeting takes two datagrams, and both must arrive: {0} x {0} = {1} of the "
          "round trips succeed, and {2} fail{3}. The client cannot tell which of the two "
          "was lost, and need not: it sends again.",
          percent_text(1 - p), percent_text((1 - p) * (1 - p)), percent_text(q),
          p > 0 ? fmt::format(", {} times the loss of one way", plain_digits(q / p, 3)) : ""),
      fmt::format("Each attempt fails on its own, so failures multiply: {} to the power {:g} is "
                  "{}. That costs {} for each name.",
                  percent_text(q), k, percent_text(given_up),
                  sent < 1.005 ? "hardly more than one datagram"
                               : plain_digits(sent, 3) + " datagrams instead of one")};
  return outcome;
}

}  // namespace

Lesson vanish_lesson() {
  return {.number = 1,
          .name = "vanish",
          .title = "A datagram may vanish",
          .group = kPathGroup,
          .left_out =
              "A tutorial's client sends a name and waits for the answer. On a network the "
              "name may not arrive, or the answer may not: then it waits forever, because "
              "UDP tells nobody.",
          .question =
              "A path loses some of the datagrams, each way. How many greetings fail - and how "
              "many, if whoever hears nothing asks again, a few times?",
          .takes = kTakes,
          .takes_no_other = "its path does nothing but lose datagrams, each alike",
          .run = run};
}

}  // namespace lossy
