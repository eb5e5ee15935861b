// Lesson 10. A datagram occupies the link for S; one comes every I. Up to S = I nobody waits long.
// Beyond, the queue of Q grows until it is full: from then on a share 1 - I / S is lost, and what
// gets in waits for Q others: (Q + 1) S in all, less than I of which may have passed already.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include <lossy/core/counted.hpp>
#include <lossy/harness/learn/greetings.hpp>
#include <lossy/harness/learn/simulated.hpp>
#include <lossy/harness/report/figure_text.hpp>
#include <lossy/harness/report/readable.hpp>

namespace lossy {
namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::array kTakes{Taken{Parameter::kRate, "64kbit", 1000, 1'000'000'000},
                            Taken{Parameter::kQueue, "3", 1, 10'000},
                            Taken{Parameter::kInterval, "2ms", 1000, 1000 * kMs},
                            Taken{Parameter::kBytes, "7", 1, 1400}};
constexpr double kHeaderBytes = 28;
constexpr double kLoadMax = 1000;

struct Stream {
  std::uint64_t rate = 0;
  std::uint64_t queue = 0;
  Duration interval{};
  std::size_t bytes = 0;

  double service_ms() const {
    return 8000 * (static_cast<double>(bytes) + kHeaderBytes) / real(rate);
  }
  double load() const { return service_ms() / in_ms(interval); }
  // As many as fill the queue, and as many again, and enough that some of those get in.
  std::uint64_t count() const {
    const double fills = load() > 1 ? (real(queue) + 1) / (1 - 1 / load()) : 0;
    return std::min<std::uint64_t>(1'000'000,
                                   2'000 + static_cast<std::uint64_t>(4 * fills + 40 * load()));
  }
};

// "219%": of large ones, too, all of it.
std::string load_text(double load) {
  return load >= 10 ? fmt::format("{:.0f}%", 100 * load) : percent_text(load);
}

struct Streamed {
  double delay_ms = 0;  // The median of the second half, once things have settled.
  std::uint64_t lost = 0;
  std::uint64_t offered = 0;  // In the second half, both.

  double loss() const { return share(lost, offered); }
};

// Sends the stream through a link.
Streamed send(const Stream& stream) {
  LinkSettings settings;
  settings.rate = RateLimit{.bits_per_second = stream.rate};
  settings.queue_datagrams = stream.queue;
  Link link = make_link(settings, 0, Direction::kUplink);
  const std::vector<std::byte> payload(stream.bytes);
  const std::uint64_t count = stream.count();
  Streamed result{.offered = count - count / 2};
  Histogram delays;
  const auto take_until = [&](Instant now) {
    while (const auto due = link.poll_timeout()) {
      if (*due > now) return;
      const auto delivery = link.poll_transmit(*due);
      if (delivery && delivery->number > count / 2) delays.add(delivery->due - delivery->offered);
    }
  };
  Instant now{};
  for (std::uint64_t i = 0; i < count; ++i, now += stream.interval) {
    take_until(now);
    const Offer offer = link.handle_datagram(now, payload);
    if (i >= count / 2 && offer.copies_in_flight == 0) ++result.lost;
  }
  take_until(Instant::max());
  result.delay_ms = in_ms(delays.quantile(1, 2));
  return result;
}

void add_figures(Outcome& outcome, const std::string& name, const std::string& what,
                 const Stream& stream, const Streamed& streamed) {
  const double load = stream.load();
  const bool full = load > 1;
  const double delay = (full ? real(stream.queue) + 1 : 1) * stream.service_ms();
  // The histogram knows a delay to within a thousandth.
  outcome.figures.push_back({name + "_delay", what + ": delay", FigureUnit::kMilliseconds,
                             streamed.delay_ms, delay,
                             (full ? in_ms(stream.interval) : 0) + delay / 1000});
  // The drops come in a pattern, which the count may cut anywhere.
  outcome.figures.push_back({name + "_lost", what + ": lost", FigureUnit::kShare, streamed.loss(),
                             full ? 1 - 1 / load : 0, full ? 2 / real(streamed.offered) : 0});
}

Outcome run(const Settings& settings) {
  const Stream asked{.rate = settings.rate(Parameter::kRate),
                     .queue = settings.whole(Parameter::kQueue),
                     .interval = settings.duration(Parameter::kInterval),
                     .bytes = settings.size(Parameter::kBytes)};
  if (asked.load() > kLoadMax) {
    throw TextError(
        fmt::format("--interval: at one every {} there comes {:.0f} times what the "
                    "link carries; this lesson is about {:g} times at most",
                    format_duration(asked.interval), asked.load(), kLoadMax));
  }
  Stream half = asked;
  half.interval = Duration(static_cast<Duration::rep>(2e6 * asked.service_ms()));
  Stream larger = asked;
  larger.queue = 4 * asked.queue;
  const Streamed with_half = send(half);
  const Streamed with_asked = send(asked);
  const Streamed with_larger = send(larger);

  GreetingPlan plan{.count = 12, .interval = asked.interval};
  LinkSettings uplink;
  uplink.rate = RateLimit{.bits_per_second = asked.rate};
  uplink.queue_datagrams = asked.queue;
  plan.uplink = uplink;
  plan.retry.attempts_max = 1;
  Outcome outcome{
      .experiment =
          fmt::format("Datagrams of {}, {:g} with IP and UDP headers, over a link "
                      "of {}: each occupies it for {}. One every {} is {} of what it "
                      "carries. {} may wait. Beside that: half of what it carries, and "
                      "a queue four times as long. The ladder is that of names, and of "
                      "the way up alone.",
                      counted(asked.bytes, "byte"), real(asked.bytes) + kHeaderBytes,
                      settings.text(Parameter::kRate), readable(asked.service_ms() / 1000),
                      format_duration(asked.interval), load_text(asked.load()), asked.queue),
      .ladder = ladder_of(plan, Direction::kUplink),
      .play = fmt::format("lossy simulate --uplink-rate={} --uplink-queue={} --interval={} "
                          "--count=12 --attempts=1 --trace",
                          settings.text(Parameter::kRate), asked.queue,
                          settings.text(Parameter::kInterval))};
  add_figures(outcome, "half", "half of what it carries", half, with_half);
  const std::string share_asked = load_text(asked.load()) + " of it";
  add_figures(outcome, "asked", share_asked, asked, with_asked);
  add_figures(outcome, "larger", share_asked + ", a longer queue", larger, with_larger);

  const bool waits = with_asked.delay_ms > 1.5 * with_half.delay_ms;
  outcome.claims = {
      {waits
           ? fmt::format("Too much became delay first: {} instead of {}.",
                         readable(with_asked.delay_ms / 1000), readable(with_half.delay_ms / 1000))
           : "Nobody waited: the link was fast enough.",
       waits},
      {with_asked.lost > 0 ? fmt::format("Then it became loss: {} of {}.", with_asked.lost,
                                         counted(with_asked.offered, "datagram"))
                           : "Nothing was lost.",
       with_asked.lost > 0},
      {fmt::format(
           "The longer queue lost {}, the shorter {}; and it made everybody wait {} instead of "
           "{}.",
           percent_text(with_larger.loss()), percent_text(with_asked.loss()),
           readable(with_larger.delay_ms / 1000), readable(with_asked.delay_ms / 1000)),
       with_larger.delay_ms > 2 * with_asked.delay_ms}};
  outcome.why = {
      fmt::format(
          "A link sends one datagram after the other. While more comes than it carries, a "
          "queue grows, and everybody in it waits. When it is full, what comes is dropped{}, "
          "whatever the sender does but send less.",
          asked.load() > 1 ? fmt::format(": 1 - 1/{} = {} of it", plain_digits(asked.load(), 3),
                                         percent_text(1 - 1 / asked.load()))
                           : ""),
      "A longer queue does not lose less of what is too much. It only makes the delay longer, for "
      "everybody who shares the link: bufferbloat. And a sender that takes delay for loss and "
      "sends "
      "again makes it worse (lesson 9)."};
  return outcome;
}

}  // namespace

Lesson queue_lesson() {
  return {.number = 10,
          .name = "queue",
          .title = "A rate limit turns into delay, then into loss",
          .group = kPathGroup,
          .left_out =
              "Every link has a speed, and in front of it a queue. UDP does not ask how "
              "fast one may send, and nobody says it.",
          .question =
              "You send more than the link carries. What happens first, what then - and "
              "does a longer queue help?",
          .takes = kTakes,
          .takes_no_other = "its link does nothing but carry one datagram after the other",
          .run = run};
}

}  // namespace lossy
