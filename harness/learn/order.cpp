// Lesson 3. A datagram is held back with probability r, for so long that m later ones are due
// before it. It comes after one of them unless all m are held back, too: r (1 - r^m).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include <lossy/core/counted.hpp>
#include <lossy/harness/learn/greetings.hpp>
#include <lossy/harness/learn/simulated.hpp>
#include <lossy/harness/learn/tolerance.hpp>
#include <lossy/harness/report/figure_text.hpp>

namespace lossy {
namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::array kTakes{Taken{Parameter::kReorder, "10%"},
                            // No more, lest an answer come so late that a name is sent again.
                            Taken{Parameter::kReorderDelay, "5ms", 1, 50 * kMs},
                            Taken{Parameter::kInterval, "1ms", 1, 1000 * kMs},
                            Taken{Parameter::kCount, "100000", 2, 1'000'000},
                            Taken{Parameter::kSeed, "5"}};
constexpr Duration kDelay = std::chrono::milliseconds(20);

// Pairs answers with questions by their order, as a protocol without names would have to.
class ByOrder final : public Observer {
 public:
  void on_delivered(Instant, const Passage& passage, const Delivery& delivery) override {
    if (passage.direction == Direction::kDownlink) {
      // The server answers in the order in which it hears, which counts what the way up did, too.
      const ParsedName name = parse_greeting(passage.payload);
      const auto* const guest = std::get_if<std::string_view>(&name);
      if (guest == nullptr || *guest != names_.at(asked_++)) ++wrong;
    } else if (delivery.reordered) {
      ++late_names;
    }
  }

  std::uint64_t wrong = 0;
  std::uint64_t late_names = 0;
  explicit ByOrder(std::uint64_t count) : names_(count) {}

 private:
  Names names_;
  std::uint64_t asked_ = 0;
};

Outcome run(const Settings& settings) {
  const double r = as_double(settings.probability(Parameter::kReorder));
  const Duration hold = settings.duration(Parameter::kReorderDelay);
  const Duration interval = settings.duration(Parameter::kInterval);
  LinkSettings path;
  path.delay = kDelay;
  path.reorder = settings.probability(Parameter::kReorder);
  path.reorder_delay = hold;
  GreetingPlan plan{
      .uplink = path, .downlink = path, .seed = settings.seed(), .interval = interval};
  plan.count = 8;
  const LadderExcerpt ladder = ladder_of(plan, Direction::kUplink);
  plan.count = settings.whole(Parameter::kCount);
  ByOrder by_order(plan.count);
  const GreetingOutcome run = run_greetings(plan, {.observers = {&by_order}});

  const double names = real(plan.count);
  // Of those due at the very same instant, the one sent first comes first.
  const double passers = real(static_cast<std::uint64_t>((hold.count() - 1) / interval.count()));
  const double expected = r * (1 - std::pow(r, passers));
  // Whether a datagram is passed depends on those behind it. And the last have fewer behind them.
  const double variance =
      names * (expected * (1 - expected) + 4 * passers * std::pow(r, passers + 2));
  const double tolerance =
      expected > 0 ? (sum_tolerance(variance) + std::min(passers, names)) / names : 0;
  Outcome outcome{
      .experiment =
          fmt::format("{} names, one every {}, over a path of {} each way that holds {} "
                      "of the datagrams back by {}. The ladder is that of the way up alone.",
                      plan.count, format_duration(interval), format_duration(kDelay),
                      settings.text(Parameter::kReorder), format_duration(hold)),
      .ladder = ladder,
      .play = fmt::format("lossy simulate --delay={} --reorder={} --reorder-delay={} "
                          "--interval={} --count=8 --seed={} --trace",
                          format_duration(kDelay), settings.text(Parameter::kReorder),
                          settings.text(Parameter::kReorderDelay),
                          settings.text(Parameter::kInterval), settings.text(Parameter::kSeed))};
  outcome.figures = {{"held_back", "names held back on the way up", FigureUnit::kShare,
                      share(run.uplink.held_back, plan.count), r, share_tolerance(names, r)},
                     {"reordered", "names that came after a later one", FigureUnit::kShare,
                      share(by_order.late_names, plan.count), expected, tolerance},
                     {"greeted", "greeted, each by the right name", FigureUnit::kCount,
                      real(run.result.greeted), names, 0}};
  outcome.claims = {
      by_order.late_names > 0 ? Claim{fmt::format("{} came out of order, though none was lost.",
                                                  counted(by_order.late_names, "name")),
                                      true}
                              : Claim{"Nothing came out of order.", false},
      by_order.wrong > 0
          ? Claim{fmt::format("A client that takes the first answer for its first question, and so "
                              "on, would have paired {} of {} wrongly; by the name in the answer "
                              "none is.",
                              by_order.wrong, plan.count),
                  true}
          : Claim{"Even pairing answers with questions by their order was right.", false}};
  outcome.why = {
      fmt::format(
          "Every datagram finds its own way and its own time. One held back by {} has {:.0f} "
          "later names due before it at one every {}, and comes late if any of those is on "
          "time: {} x (1 - {}) = {}.",
          format_duration(hold), passers, format_duration(interval), percent_text(r),
          percent_text(std::pow(r, passers)), percent_text(expected)),
      "So an answer must say what it answers: here the greeting holds the name. Where order "
      "matters, datagrams carry numbers, and the receiver sorts or drops what is too old. RFC 4737 "
      "counts a datagram as reordered when a later one arrived before it."};
  return outcome;
}

}  // namespace

Lesson order_lesson() {
  return {.number = 3,
          .name = "order",
          .title = "Datagrams may come out of order",
          .group = kPathGroup,
          .left_out =
              "A tutorial's client asks one name at a time, so that nothing can overtake. "
              "Whoever asks faster than answers come cannot count on their order.",
          .question =
              "Some datagrams take longer than others, and the next ones leave meanwhile. How "
              "many arrive out of order - and does it harm anybody?",
          .takes = kTakes,
          .takes_no_other = "its path does nothing but delay datagrams, some more than others",
          .run = run};
}

}  // namespace lossy
