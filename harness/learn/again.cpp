// Lesson 9. A round trip takes R. A timer fixed at F sends a question at 0, F, 2F, ... until the
// answer is there: ceil(R / F) times. One that starts at T and doubles sends it k times, with the
// least k for which T (2^k - 1) >= R. (What is due at the very time of the answer comes after it.)
// If the doubled timer is kept until an answer can be timed, questions are sent d times more in
// all, with the least d for which T 2^d >= R: each time that the timer passes it doubles, whatever
// the question, and one that begins with R or more is sent once and timed.
#include <fmt/format.h>

#include <array>

#include <lossy/core/counted.hpp>
#include <lossy/core/rtt_estimator.hpp>
#include <lossy/harness/learn/asker.hpp>
#include <lossy/harness/learn/simulated.hpp>
#include <lossy/harness/learn/storm.hpp>
#include <lossy/harness/report/figure_text.hpp>
#include <lossy/harness/report/readable.hpp>

namespace lossy {
namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::array kTakes{Taken{Parameter::kDelay, "20ms", 1 * kMs, 100 * kMs},
                            Taken{Parameter::kDelayAfter, "300ms", 1 * kMs, 10'000 * kMs},
                            Taken{Parameter::kTimer, "200ms", 1 * kMs, 60'000 * kMs},
                            Taken{Parameter::kCount, "1000", 100, 100'000}};

// What the estimator has come to when the delay jumps.
Duration rto_before(const Jump& jump) {
  RttEstimator estimator({});
  for (std::uint64_t i = 0; i < jump.half; ++i) {
    estimator.sample(Instant{}, Instant{} + 2 * jump.before);
  }
  return estimator.rto();
}

// "2, 2, 1, 1, 1, 1": how often each of the first questions was sent.
std::string first_of(const Afterwards& asked) {
  constexpr std::size_t kShown = 6;
  std::string shown;
  for (std::size_t i = 0; i < std::min(kShown, asked.sent.size()); ++i) {
    if (i > 0) shown += ", ";
    shown += std::to_string(asked.sent[i]);
  }
  return shown;
}

Outcome run(const Settings& settings) {
  const Duration fixed = settings.duration(Parameter::kTimer);
  const Jump jump{.before = settings.duration(Parameter::kDelay),
                  .after = settings.duration(Parameter::kDelayAfter),
                  .half = settings.whole(Parameter::kCount) / 2};
  const Duration round_trip = 2 * jump.after;
  const Afterwards by_fixed = ask(Timer::kFixed, fixed, jump);
  const Afterwards from_last = ask(Timer::kFromLast, fixed, jump);
  const Afterwards karn = ask(Timer::kKarn, fixed, jump);
  const Afterwards kept = ask_with_client(jump);

  const RetryOptions fixed_timer{.initial_rto = fixed, .min_rto = fixed, .max_rto = fixed};
  const Storm fixed_storm = storm(fixed_timer, jump);
  const Storm doubling_storm = storm(RetryOptions{}, jump);

  const auto fixed_times = static_cast<double>((round_trip + fixed - Duration(1)) / fixed);
  const Duration rto = rto_before(jump);
  double doubling_times = 1;
  for (Duration passed = rto, next = 2 * rto; passed < round_trip; passed += next, next *= 2) {
    ++doubling_times;
  }
  std::uint64_t doublings = 0;
  for (Duration timer = rto; timer < round_trip; timer *= 2) ++doublings;
  Jump short_jump = jump;
  short_jump.half = 1;
  GreetingPlan plan{.uplink = short_jump.path(), .downlink = short_jump.path(), .count = 4};
  Outcome outcome{
      .experiment = fmt::format("{} questions, one after the other. Half way the delay jumps from "
                                "{} to {} each way, and stays. Four timers: fixed at {}; estimated "
                                "(RFC 6298), taking an answer to be to what was sent last; "
                                "estimated with Karn's rule, anew for each question; and that of "
                                "lossy's own client, which keeps the doubled timer until an answer "
                                "can be timed. Then many ask over a link "
                                "of which their questions need {}; for {} the delay jumps, and "
                                "then it is as before.",
                                2 * jump.half, format_duration(jump.before),
                                format_duration(jump.after), format_duration(fixed),
                                percent_text(Storm::kLoad), format_duration(Storm::kHiccup)),
      .ladder = ladder_of(plan),
      .play =
          fmt::format("lossy simulate --timeline='0s: delay {}; {}: delay {}' --count=4 "
                      "--trace",
                      format_duration(jump.before), format_duration(short_jump.when() - Instant{}),
                      format_duration(jump.after))};
  outcome.figures = {{"fixed", "fixed: datagrams for each question", FigureUnit::kMean,
                      by_fixed.mean(), fixed_times, 0},
                     {"karn", "begun anew: datagrams for each question", FigureUnit::kMean,
                      karn.mean(), doubling_times, 0},
                     {"kept", "kept doubled: for each, in the end", FigureUnit::kMean,
                      kept.mean_of_last_half(), 1, 0},
                     {"kept_extra", "kept doubled: datagrams more, in all", FigureUnit::kCount,
                      real(kept.extra()), real(doublings), 0}};
  outcome.claims = {
      {by_fixed.extra() > 0
           ? fmt::format("The fixed timer sent each of {} questions {} from the jump on, "
                         "though nothing was lost, and never stopped.",
                         by_fixed.sent.size(), times_text(by_fixed.mean()))
           : "The fixed timer never sent anything again: the delay stayed below it.",
       by_fixed.extra() > 0},
      {fmt::format(
           "With Karn's rule and a timer that is estimated anew for each question, they were "
           "sent {} ... times, {} of {} more than once. With the doubled timer kept they "
           "were sent {} ... times: {} more than questions.",
           first_of(karn), karn.repeated(), karn.sent.size(), first_of(kept),
           counted(kept.extra(), "datagram")),
       karn.repeated() == karn.sent.size() && kept.extra() < karn.extra()},
      {fmt::format("Without Karn's rule the timer came to {}, where a round trip takes {}.",
                   readable(from_last.rto), readable(round_trip)),
       from_last.rto < round_trip},
      {fmt::format("When the link was slow for {} only, the fixed timer {}: {} later each question "
                   "was still sent {}, and {} of {} were answered. The doubling timer sent each "
                   "{}, and {} were.",
                   format_duration(Storm::kHiccup),
                   fixed_storm.goes_on() ? "made a storm that did not end" : "got over it",
                   format_duration(Storm::kLater), times_text(fixed_storm.sent_each()),
                   fixed_storm.answered, fixed_storm.asked, times_text(doubling_storm.sent_each()),
                   doubling_storm.answered),
       fixed_storm.goes_on() && !doubling_storm.goes_on()}};
  outcome.why = {
      fmt::format(
          "Before the jump an answer took {}, after it {}. A timer fixed at {} {}. On a link "
          "that many share copies fill the queue, which makes answers later still, which "
          "makes more copies: a retransmission storm, which need not end when its cause "
          "does.",
          format_duration(2 * jump.before), format_duration(round_trip), format_duration(fixed),
          fixed_times > 1 ? fmt::format("takes every answer for lost and sends {:g} copies "
                                        "of each question",
                                        fixed_times)
                          : "waits long enough for that"),
      "So whoever hears nothing waits twice as long each time. And the wait is measured, not "
      "guessed: smoothed round-trip time plus four times its variation (RFC 6298).",
      fmt::format(
          "But which of several copies did an answer answer? To take the last is to measure "
          "too little{}. Karn's rule: learn nothing from what was sent more than once. Alone it "
          "learns nothing ever again once the timer is too short{}; so the doubled timer has to "
          "stay for the questions that follow, until an answer to a question sent once says better "
          "(RFC 6298, 5.5), as with lossy's own client{}.",
          from_last.rto < round_trip ? ", here ever again" : "",
          doubling_times > 1 ? fmt::format(", {:g} copies each time", doubling_times) : "",
          doublings > 0
              ? fmt::format(". From {} on that takes {}, and as many copies in all, until "
                            "the timer is as long as a round trip",
                            readable(rto), counted(doublings, "doubling"))
              : "")};
  return outcome;
}

}  // namespace

Lesson again_lesson() {
  return {.number = 9,
          .name = "again",
          .title = "When to send again",
          .group = kCopingGroup,
          .left_out =
              "Sending again needs a timer. Too long, and every loss costs time; too short, "
              "and what is merely late is sent again, again and again.",
          .question =
              "Nothing is lost, but the path becomes slower than the timer. What does a "
              "fixed timer do - and what must one know that is measured?",
          .takes = kTakes,
          .takes_no_other = "nothing on its path is lost or left to chance",
          .run = run};
}

}  // namespace lossy
