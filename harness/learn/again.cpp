// Lesson 9. A round trip takes R. A timer fixed at F sends a question at 0, F, 2F, ... until the
// answer is there: ceil(R / F) times. One that starts at T and doubles sends it k times, with the
// least k for which T (2^k - 1) >= R. (What is due at the very time of the answer comes after it.)
#include <fmt/format.h>

#include <array>
#include <limits>
#include <numeric>
#include <vector>

#include "core/rtt_estimator.hpp"
#include "harness/learn/greetings.hpp"
#include "harness/learn/simulated.hpp"
#include "harness/report/readable.hpp"
#include "harness/sim/simulation.hpp"

namespace lossy {
namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::array kTakes{Taken{Parameter::kDelay, "20ms", 1 * kMs, 100 * kMs},
                            Taken{Parameter::kDelayAfter, "300ms", 1 * kMs, 10'000 * kMs},
                            Taken{Parameter::kTimer, "200ms", 1 * kMs, 60'000 * kMs},
                            Taken{Parameter::kCount, "1000", 100, 100'000}};

// When a question is sent again.
enum class Timer : std::uint8_t {
  kFixed,
  kFromLast,  // Estimated; an answer is taken to be to what was sent last.
  kKarn,      // Estimated; what was sent more than once teaches nothing.
  kKept,      // And the doubled timer stays until there is something to learn from again.
};

// Asks one question after the other, each until it is answered.
class Asker final : public Endpoint {
 public:
  Asker(Timer timer, Duration fixed, const Address& server)
      : timer_(timer),
        server_(server),
        estimator_({}),
        rto_(timer == Timer::kFixed ? fixed : estimator_.rto()) {}

  void handle_datagram(Instant now, const Datagram& datagram) override {
    const ParsedName parsed = parse_greeting(datagram.payload);
    const auto* const name = std::get_if<std::string_view>(&parsed);
    if (name == nullptr || *name != names_.at(answered.size())) return;  // To an earlier question.
    if (timer_ != Timer::kFixed && (sent_ == 1 || timer_ == Timer::kFromLast)) {
      estimator_.sample(now - last_);
    }
    answered.push_back({.asked = first_, .sent = sent_});
    if (timer_ == Timer::kFromLast || timer_ == Timer::kKarn ||
        (timer_ == Timer::kKept && sent_ == 1)) {
      rto_ = estimator_.rto();
    }
    sent_ = 0;
    due_ = now;
  }
  void handle_timeout(Instant now) override {
    if (now < due_ || sent_ == 0) return;
    sends_ = true;
    if (timer_ != Timer::kFixed) rto_ = estimator_.backed_off(rto_);
  }
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer) override {
    if (sent_ > 0 && !sends_) return std::nullopt;
    sends_ = false;
    if (sent_++ == 0) first_ = now;
    last_ = now;
    due_ = saturating_add(now, rto_);
    return Transmit{server_, write_request(names_.at(answered.size()), buffer)};
  }
  std::optional<Instant> poll_timeout() const override { return due_; }

  struct Answered {
    Instant asked;
    std::uint64_t sent = 0;
  };
  std::vector<Answered> answered;
  Duration rto() const { return rto_; }

 private:
  Timer timer_;
  Address server_;
  RttEstimator estimator_;
  Duration rto_;
  Names names_{std::numeric_limits<std::uint64_t>::max()};
  Instant first_{};
  Instant last_{};
  Instant due_{};
  std::uint64_t sent_ = 0;  // How often the question that is open was.
  bool sends_ = false;
};

// The delay jumps once half of the questions can have been answered.
struct Jump {
  Duration before{};
  Duration after{};
  std::uint64_t half = 0;

  Instant when() const { return Instant{} + 2 * before * static_cast<std::int64_t>(half); }
  Timeline<LinkSettings> path() const {
    LinkSettings settings;
    settings.delay = before;
    Timeline<LinkSettings> timeline(settings);
    settings.delay = after;
    timeline.add(when(), settings);
    return timeline;
  }
};

// How the questions went that were asked from the jump on.
struct Afterwards {
  std::vector<std::uint64_t> sent{};
  Duration rto{};

  std::uint64_t extra() const {  // Beyond one for each.
    return std::accumulate(sent.begin(), sent.end(), std::uint64_t{0}) - sent.size();
  }
  double mean() const { return 1 + share(extra(), sent.size()); }
  double mean_of_last_half() const {
    const auto half = static_cast<std::ptrdiff_t>(sent.size() / 2);
    return share(std::accumulate(sent.begin() + half, sent.end(), std::uint64_t{0}),
                 sent.size() - sent.size() / 2);
  }
};

Afterwards ask(Timer timer, Duration fixed, const Jump& jump) {
  const Address client = Address::v4({192, 0, 2, 1}, 50'000);
  const Address server_address = Address::v4({192, 0, 2, 2}, 9999);
  Asker asker(timer, fixed, server_address);
  Server server;
  Simulation simulation;
  simulation.add(asker, client);
  simulation.add(server, server_address);
  simulation.connect(client, server_address, make_link(jump.path(), 0, Direction::kUplink),
                     make_link(jump.path(), 0, Direction::kDownlink));
  simulation.run_until([&] { return asker.answered.size() == 2 * jump.half; }, Instant::max());
  Afterwards result{.rto = asker.rto()};
  for (const Asker::Answered& answered : asker.answered) {
    if (answered.asked >= jump.when()) result.sent.push_back(answered.sent);
  }
  return result;
}

// What the estimator has come to when the delay jumps.
Duration rto_before(const Jump& jump) {
  RttEstimator estimator({});
  for (std::uint64_t i = 0; i < jump.half; ++i) estimator.sample(2 * jump.before);
  return estimator.rto();
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
  const Afterwards kept = ask(Timer::kKept, fixed, jump);

  const auto fixed_times = static_cast<double>((round_trip + fixed - Duration(1)) / fixed);
  const Duration rto = rto_before(jump);
  double doubling_times = 1;
  for (Duration passed = rto, next = 2 * rto; passed < round_trip; passed += next, next *= 2) {
    ++doubling_times;
  }
  Jump short_jump = jump;
  short_jump.half = 2;
  GreetingPlan plan{.uplink = short_jump.path(), .downlink = short_jump.path(), .count = 4};
  Outcome outcome{
      .experiment = fmt::format("{} questions, one after the other. Half way the delay jumps from "
                                "{} to {} each way, and stays. Four timers: fixed at {}; estimated "
                                "(RFC 6298), taking an answer to be to what was sent last; "
                                "estimated with Karn's rule; and that again, with the doubled "
                                "timer kept until an answer can be timed.",
                                2 * jump.half, format_duration(jump.before),
                                format_duration(jump.after), format_duration(fixed)),
      .ladder = ladder_of(plan),
      .play =
          fmt::format("lossy simulate --timeline='0s: delay {}; {}: delay {}' --count=4 "
                      "--trace",
                      format_duration(jump.before), format_duration(short_jump.when() - Instant{}),
                      format_duration(jump.after))};
  outcome.figures = {
      {"fixed", "fixed: datagrams for each question", Unit::kMean, by_fixed.mean(), fixed_times, 0},
      {"karn", "Karn's rule: datagrams for each question", Unit::kMean, karn.mean(), doubling_times,
       0},
      {"kept", "doubled timer kept: for each, in the end", Unit::kMean, kept.mean_of_last_half(), 1,
       0}};
  outcome.claims = {
      {by_fixed.extra() > 0
           ? fmt::format("The fixed timer sent each of {} questions {:.3g} times from the jump on, "
                         "though nothing was lost, and never stopped.",
                         by_fixed.sent.size(), by_fixed.mean())
           : "The fixed timer never sent anything again: the delay stayed below it.",
       by_fixed.extra() > 0},
      {fmt::format(
           "Keeping the doubled timer took {} datagrams more than questions, instead of {}.",
           kept.extra(), by_fixed.extra()),
       kept.extra() < by_fixed.extra()},
      {fmt::format(
           "Without Karn's rule the timer came to {}, where a round trip takes {}; with it, "
           "and the doubled timer kept, to {}.",
           readable(from_last.rto), readable(round_trip), readable(kept.rto)),
       from_last.rto < round_trip && kept.rto >= round_trip}};
  outcome.why = {
      fmt::format("Before the jump an answer took {}, after it {}. A timer fixed at {} takes every "
                  "answer for lost and sends {:g} copies of each question. Where the delay is that "
                  "of a queue, those copies make it longer, and others do the same: a "
                  "retransmission storm, which does not end when its cause does.",
                  format_duration(2 * jump.before), format_duration(round_trip),
                  format_duration(fixed), fixed_times),
      "So whoever hears nothing waits twice as long each time. And the wait is measured, not "
      "guessed: smoothed round-trip time plus four times its variation (RFC 6298).",
      fmt::format(
          "But which of several copies did an answer answer? To take the last is to measure "
          "too little, here ever again. Karn's rule: learn nothing from what was sent more "
          "than once. Alone it learns nothing ever again once the timer is too short, "
          "{:g} copies each time; so the doubled timer has to stay until an answer to a "
          "question sent once says better. lossy's own client has Karn's rule, and doubles "
          "for each name anew.",
          doubling_times)};
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
