// Lesson 12. A question of n bytes is answered with n + 8. With 28 bytes of IP and UDP headers an
// answer is (n + 36) / (n + 28) times as long on the wire.
#include <fmt/format.h>

#include <array>
#include <string>

#include <lossy/core/counted.hpp>
#include <lossy/core/greeting/server.hpp>
#include <lossy/harness/learn/greetings.hpp>
#include <lossy/harness/learn/simulated.hpp>
#include <lossy/harness/report/readable.hpp>

namespace lossy {
namespace {

constexpr std::array kTakes{Taken{Parameter::kBytes, "1", 1, kNameBytesMax},
                            Taken{Parameter::kCount, "1000", 2, 1'000'000}};
constexpr double kHeaderBytes = 28;
constexpr double kAdded = kGreetingPrefix.size() + kGreetingSuffix.size();

// What a server sends to whom it believes to have asked.
struct Reflected {
  std::uint64_t answers = 0;
  double bytes = 0;
};

Reflected reflect(std::string_view question, std::uint64_t count) {
  const Address victim = Address::v4({203, 0, 113, 1}, 40'000);
  Server server;
  std::array<std::byte, kMessageBytesMax> buffer{};
  Reflected reflected;
  for (std::uint64_t i = 0; i < count; ++i) {
    server.handle_datagram({},
                           {victim, std::as_bytes(std::span(question.data(), question.size()))});
    const auto answer = server.poll_transmit({}, buffer);
    if (!answer || answer->destination != victim) continue;
    ++reflected.answers;
    reflected.bytes += static_cast<double>(answer->size);
  }
  return reflected;
}

// A name of so many letters as one types it.
std::string shell_name(std::size_t bytes) {
  constexpr std::size_t kTyped = 40;
  return bytes <= kTyped ? std::string(bytes, 'A')
                         : fmt::format("$(head -c {} /dev/zero | tr '\\0' A)", bytes);
}

Outcome run(const Settings& settings) {
  const std::size_t bytes = settings.size(Parameter::kBytes);
  const std::uint64_t count = settings.whole(Parameter::kCount);
  const std::string name(bytes, 'A');
  const Reflected named = reflect(name, count);
  const Reflected rubbish = reflect("\xff", count);

  const double asked = real(count) * static_cast<double>(bytes);
  const double n = static_cast<double>(bytes);
  const double headers = kHeaderBytes * real(count);
  const double factor = named.bytes / asked;
  const double on_wire = (named.bytes + kHeaderBytes * real(named.answers)) / (asked + headers);
  const double expected = (n + kAdded) / n;
  const double expected_on_wire = (n + kAdded + kHeaderBytes) / (n + kHeaderBytes);
  constexpr double kRounding = 1e-9;  // Of the division.

  GreetingPlan plan{.names = {name}};
  Outcome outcome{.experiment = fmt::format(
                      "{} of {} reach the server, each with somebody else's address as its "
                      "source; and as many that are no names at all. The ladder is that "
                      "of an honest one.",
                      counted(count, "name"), counted(bytes, "byte")),
                  .ladder = ladder_of(plan),
                  .play = fmt::format("lossy simulate {} --trace", shell_name(bytes))};
  outcome.figures = {{"answers", "answers to somebody who never asked", FigureUnit::kCount,
                      real(named.answers), real(count), 0},
                     {"amplification", "their bytes, times those of the questions",
                      FigureUnit::kMean, factor, expected, kRounding},
                     {"amplification_on_wire", "the same with IP and UDP headers",
                      FigureUnit::kMean, on_wire, expected_on_wire, kRounding},
                     {"answers_to_rubbish", "answers to what is no name", FigureUnit::kCount,
                      real(rubbish.answers), 0, 0}};
  outcome.claims = {
      {fmt::format("Somebody who never asked got {:.0f} bytes for {:.0f} of questions: {} "
                   "times as many.",
                   named.bytes, asked, plain_digits(factor, 3)),
       named.bytes > asked},
      {fmt::format("To what is no name the server said nothing, {}.",
                   counted(count - rubbish.answers, "time")),
       rubbish.answers == 0}};
  outcome.why = {
      fmt::format("An answer goes to the source that the question claims to have. Whoever writes "
                  "somebody else's address there makes the server write to them: reflection. Where "
                  "answers are longer, it hits harder than the attacker sends: here by {}, on "
                  "the wire by {}. A greeting adds {:g} bytes, so that the shortest name is the "
                  "worst: {}, on the wire {}.",
                  plain_digits(factor, 3), plain_digits(on_wire, 3), kAdded,
                  plain_digits(1 + kAdded, 3),
                  plain_digits((1 + kAdded + kHeaderBytes) / (1 + kHeaderBytes), 3)),
      "The greeting is a weak weapon. Protocols that answer a short question with pages are strong "
      "ones: some have multiplied attacks hundreds and thousands of times. So: never answer more "
      "than was asked before the source has proved that it is there (QUIC sends at most three "
      "times "
      "what it received, RFC 9000 section 8), and be silent on rubbish."};
  return outcome;
}

}  // namespace

Lesson weapon_lesson() {
  return {.number = 12,
          .name = "weapon",
          .title = "An answer larger than its question is a weapon",
          .group = kTrustGroup,
          .left_out =
              "A tutorial's server answers whoever seems to ask. It cannot know whether "
              "they did.",
          .question =
              "Somebody asks in your name. How much reaches you for each byte that they "
              "send?",
          .takes = kTakes,
          .takes_no_other = "nothing happens to its datagrams on the way, and bytes are counted",
          .run = run};
}

}  // namespace lossy
