// Lesson 13. The Internet checksum is a sum of 16-bit words. Random words in place of w >= 2 of
// them have the same one with 1 in 65535. Two flipped bits do when they lie in the same column of
// different words and are flipped in opposite directions: (W - 1) / (2 (16 W - 1)) of W words.
// A flip that passes makes a wrong name of an ASCII one, unless it is the uppermost of a byte's 8
// bits: that is no UTF-8.
#include <fmt/format.h>

#include <array>

#include <lossy/core/counted.hpp>
#include <lossy/core/random.hpp>
#include <lossy/harness/capture/checksum.hpp>
#include <lossy/harness/learn/greetings.hpp>
#include <lossy/harness/learn/simulated.hpp>
#include <lossy/harness/learn/tolerance.hpp>
#include <lossy/harness/report/figure_text.hpp>

namespace lossy {
namespace {

constexpr std::array kTakes{Taken{Parameter::kCorrupt, "10%"},
                            Taken{Parameter::kCount, "4000000", 1, 100'000'000},
                            Taken{Parameter::kSeed, "4"}};
constexpr std::size_t kBytes = 16;  // Of each datagram that is damaged: 8 words.
constexpr double kWords = kBytes / 2.0;
constexpr std::uint64_t kNames = 20'000;
using Bytes = std::array<std::byte, kBytes>;

// Random bytes, the n-th of a stream.
Bytes random_bytes(const RandomStream& stream, std::uint64_t n) {
  const std::array words{stream.at(2 * n), stream.at(2 * n + 1)};
  Bytes bytes{};
  for (std::size_t i = 0; i < kBytes; ++i) {
    bytes[i] = static_cast<std::byte>(words[i / 8] >> (i % 8 * 8));
  }
  return bytes;
}

bool misses(const Bytes& sent, const Bytes& damaged) {
  return sent != damaged && sum_words(sent) == sum_words(damaged);
}

struct Missed {
  std::uint64_t one_bit = 0;
  std::uint64_t two_bits = 0;
  std::uint64_t garbage = 0;  // Two words replaced.
};

Missed damage(std::uint64_t count, std::uint64_t seed) {
  const RandomStream contents = RandomStream(seed).stream(1);
  const RandomStream places = RandomStream(seed).stream(2);
  const RandomStream garbage = RandomStream(seed).stream(3);
  constexpr std::uint64_t kBits = 8 * kBytes;
  Missed missed;
  for (std::uint64_t i = 0; i < count; ++i) {
    const Bytes sent = random_bytes(contents, i);
    const auto flip = [](Bytes& bytes, std::uint64_t bit) {
      bytes[static_cast<std::size_t>(bit / 8)] ^= static_cast<std::byte>(1U << bit % 8);
    };
    const std::uint64_t first = uniform_below(places.at(2 * i), kBits);
    const std::uint64_t other =
        (first + 1 + uniform_below(places.at(2 * i + 1), kBits - 1)) % kBits;
    Bytes damaged = sent;
    flip(damaged, first);
    missed.one_bit += misses(sent, damaged) ? 1 : 0;
    flip(damaged, other);
    missed.two_bits += misses(sent, damaged) ? 1 : 0;
    damaged = sent;
    const std::uint64_t draw = garbage.at(i);
    for (std::size_t j = 0; j < 4; ++j) damaged[4 + j] = static_cast<std::byte>(draw >> (8 * j));
    missed.garbage += misses(sent, damaged) ? 1 : 0;
  }
  return missed;
}

Outcome run(const Settings& settings) {
  const double c = as_double(settings.probability(Parameter::kCorrupt));
  const std::uint64_t count = settings.whole(Parameter::kCount);
  GreetingPlan plan{.seed = settings.seed()};
  LinkSettings uplink;
  uplink.corrupt = settings.probability(Parameter::kCorrupt);
  plan.uplink = uplink;
  const LadderExcerpt ladder = ladder_of(plan);
  plan.count = kNames;
  const GreetingOutcome missed = run_greetings(plan);
  LinkSettings seen;
  seen.checksum = settings.probability(Parameter::kCorrupt);
  plan.uplink = seen;
  const GreetingOutcome noticed = run_greetings(plan);
  const Missed by_sum = damage(count, settings.seed());

  const double tries = real(count);
  const double garbage = 1.0 / 65535;
  const double two_bits = (kWords - 1) / (2 * (16 * kWords - 1));
  const std::uint64_t wrong = missed.client.unexpected;
  const double asked = real(missed.uplink.offered);
  const double wrong_expected = c * 7 / 8;
  Outcome outcome{
      .experiment = fmt::format("{} greetings over a path that damages {} of the names: once so "
                                "that the checksum sees it, once so that it does not (the ladder). "
                                "And how often it does not: {} random datagrams of {} bytes, each "
                                "damaged in three ways.",
                                kNames, settings.text(Parameter::kCorrupt), count, kBytes),
      .ladder = ladder,
      .play = fmt::format("lossy simulate --uplink-corrupt={} --seed={} --trace",
                          settings.text(Parameter::kCorrupt), settings.text(Parameter::kSeed))};
  outcome.figures = {
      {"seen_lost", "damage seen: names lost", FigureUnit::kShare,
       share(noticed.uplink.lost(), noticed.uplink.offered), c,
       share_tolerance(real(noticed.uplink.offered), c)},
      {"missed_lost", "damage missed: names lost", FigureUnit::kShare,
       share(missed.uplink.lost(), missed.uplink.offered), 0, 0},
      {"wrong_greetings", "damage missed: greetings of somebody else", FigureUnit::kShare,
       real(wrong) / asked, wrong_expected, share_tolerance(asked, wrong_expected)},
      {"missed_one_bit", "the checksum misses: a flipped bit", FigureUnit::kShare,
       share(by_sum.one_bit, count), 0, 0},
      {"missed_two_bits", "the checksum misses: two flipped bits", FigureUnit::kShare,
       share(by_sum.two_bits, count), two_bits, share_tolerance(tries, two_bits)},
      {"missed_garbage", "the checksum misses: two random words", FigureUnit::kShare,
       share(by_sum.garbage, count), garbage, share_tolerance(tries, garbage)}};
  outcome.claims = {
      {fmt::format("Damage that was seen became {}, and no wrong greeting.",
                   counted(noticed.uplink.lost(), "loss", "losses")),
       noticed.uplink.lost() > 0 && noticed.client.unexpected == 0},
      wrong > 0 ? Claim{fmt::format("Damage that was missed made the server greet {} who do not "
                                    "exist.",
                                    wrong),
                        true}
                : Claim{"Nobody was greeted wrongly.", false},
      {fmt::format("The checksum missed {} of {} garbled datagrams, and {} with two flipped bits.",
                   by_sum.garbage, count, by_sum.two_bits),
       by_sum.garbage < by_sum.two_bits}};
  outcome.why = {
      "The kernel drops a datagram whose UDP checksum is wrong, silently: to the application it is "
      "one more loss, and sending again is the cure.",
      fmt::format(
          "But 16 bits are few. Of what replaces two words at random, one in 65535 ({}) has "
          "the same sum. Two flipped bits fare far worse, {}: in the same column of two "
          "words, one up and one down, they cancel. Mostly a link's own, stronger checksum "
          "has caught them before; what happens in between, in a router's or a host's "
          "memory, it does not see.",
          percent_text(garbage), percent_text(two_bits)),
      fmt::format(
          "What passes looks right. Of the flips in an ASCII name 7 of 8 make another name, "
          "which is greeted: {} of all names. (The eighth makes it no UTF-8, and the server "
          "is silent.) The client asked for another, ignores it, and asks again. Where that "
          "is not enough, a protocol brings a stronger sum of its own.",
          percent_text(wrong_expected))};
  return outcome;
}

}  // namespace

Lesson checksum_lesson() {
  return {.number = 13,
          .name = "checksum",
          .title = "Damage that a checksum sees is a loss; damage that it misses, a wrong greeting",
          .group = kPathGroup,
          .left_out =
              "Bits flip, in cables, in the air, in memory. UDP has a checksum of 16 bits, "
              "and a tutorial never sees it.",
          .question =
              "A bit of a name flips on the way. What does the server receive? And how much "
              "damage do 16 bits let pass?",
          .takes = kTakes,
          .takes_no_other = "its path does nothing but damage names on their way up",
          .run = run};
}

}  // namespace lossy
