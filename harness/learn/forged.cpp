// Lesson 11. Who does not see the traffic must guess the client's port: of P equally likely ones g
// guesses hit it with 1 - (1 - 1/P)^g.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <memory>

#include <lossy/core/counted.hpp>
#include <lossy/core/greeting/protocol.hpp>
#include <lossy/core/random.hpp>
#include <lossy/harness/learn/greetings.hpp>
#include <lossy/harness/learn/simulated.hpp>
#include <lossy/harness/learn/tolerance.hpp>
#include <lossy/harness/report/figure_text.hpp>
#include <lossy/harness/report/ladder.hpp>
#include <lossy/harness/sim/script_text.hpp>
#include <lossy/harness/sim/scripted_run.hpp>

namespace lossy {
namespace {

constexpr std::array kTakes{Taken{Parameter::kGuesses, "1000", 1, 100'000},
                            Taken{Parameter::kCount, "10000", 2, 1'000'000},
                            Taken{Parameter::kSeed, "4"}};

// Linux takes the port of a client from 32768 to 60999.
constexpr std::uint64_t kPorts = 28'232;

// One question is never answered. The first forgery comes from a stranger's address, the second
// bears the server's.
constexpr const char* kScript = R"(script 1
greet "Michael"
wait 1ms
drop uplink 0
inject downlink other-host greeting "Michael"
deliver all
wait 1ms
inject downlink peer greeting "Michael"
deliver all
)";

LadderExcerpt ladder_of_script() {
  LadderExcerpt excerpt;
  Ladder ladder([&](std::string line) { excerpt.add(std::move(line)); });
  const auto run = std::make_unique<ScriptedRun>();
  run->observe(ladder);
  run->on_event([&](const ClientEvent& event) { ladder.on_event(told(event)); });
  run->run(parse_script(kScript));
  return excerpt;
}

// How many of `count` clients believe a forged answer from `source`, which no server ever gave.
std::uint64_t believed(std::uint64_t count, const Address& server, const Address& source) {
  Client client({.server = server});
  Names names(count);
  std::array<std::byte, kMessageBytesMax> buffer{};
  std::uint64_t greeted = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    client.greet(names.at(i));
    const Instant now = Instant{} + Duration(static_cast<Duration::rep>(i));
    while (client.poll_transmit(now, buffer)) {
    }
    const std::size_t size = write_greeting(names.at(i), buffer);
    client.handle_datagram(now, {source, std::span(buffer).first(size)});
    if (client.poll_event()) {
      ++greeted;
    } else {  // It still waits; for the next one there is another client.
      client = Client({.server = server});
    }
  }
  return greeted;
}

// How many of `count` clients, each at a port of its own, are hit by guesses.
std::uint64_t hit(std::uint64_t count, std::uint64_t guesses, std::uint64_t seed) {
  const RandomStream ports = RandomStream(seed).stream(1);
  const RandomStream tries = RandomStream(seed).stream(2);
  std::uint64_t hits = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t port = uniform_below(ports.at(i), kPorts);
    for (std::uint64_t guess = 0; guess < guesses; ++guess) {
      if (uniform_below(tries.at(i * guesses + guess), kPorts) != port) continue;
      ++hits;
      break;
    }
  }
  return hits;
}

Outcome run(const Settings& settings) {
  const std::uint64_t count = settings.whole(Parameter::kCount);
  const std::uint64_t guesses = settings.whole(Parameter::kGuesses);
  const Address server = Address::v4({192, 0, 2, 2}, 9999);
  const Address stranger = Address::v4({203, 0, 113, 1}, 9999);
  const std::uint64_t by_stranger = believed(count, server, stranger);
  const std::uint64_t by_server = believed(count, server, server);
  const std::uint64_t hits = hit(count, guesses, settings.seed());
  const double expected = 1 - std::pow(1 - 1 / static_cast<double>(kPorts), real(guesses));

  std::string quoted = kScript;
  for (std::size_t at = 0; (at = quoted.find('\n', at)) != std::string::npos; at += 2) {
    quoted.replace(at, 1, "\\n");
  }
  Outcome outcome{
      .experiment = fmt::format("{0} clients ask a server that never hears of it. Each gets a "
                                "forged greeting from a stranger's address; {0} others get one "
                                "that bears the server's. And {0} are sent forgeries by somebody "
                                "who has to guess their port, {1} each.",
                                count, times_text(real(guesses))),
      .ladder = ladder_of_script(),
      .play = "printf '" + quoted + "' | lossy simulate --script=/dev/stdin --trace"};
  outcome.figures = {
      {"believed_stranger", "believed, from a stranger's address", FigureUnit::kShare,
       share(by_stranger, count), 0, 0},
      {"believed_forged_source", "believed, with the server's address", FigureUnit::kShare,
       share(by_server, count), 1, 0},
      {"port_guessed", "hit by " + counted(guesses, "guess", "guesses") + " of a port",
       FigureUnit::kShare, share(hits, count), expected, share_tolerance(real(count), expected)}};
  outcome.claims = {
      {fmt::format("Checking the source turned {} of {} strangers away.", count - by_stranger,
                   count),
       by_stranger == 0},
      {fmt::format("It believed {} of {} who wrote the server's address on the envelope.",
                   by_server, count),
       by_server == count},
      hits > 0 ? Claim{fmt::format("Guessing blindly hit {} of {} ports.", hits, count), true}
               : Claim{"No guess hit a port.", false}};
  outcome.why = {
      "Without a connection anybody can send to the client's port, and the kernel hands it over. "
      "A client that compares the source with whom it asked, or a connected socket, which does "
      "that "
      "in the kernel, is deaf to strangers.",
      fmt::format("But the source is only what the sender wrote there, and not every network stops "
                  "those who lie. They need the client's port, one of the {} that Linux gives, and "
                  "what the answer must say, here the name: guessing {} finds the port with {}. "
                  "Random ports and a long "
                  "random number in each question make guessing hopeless (RFC 5452). Against "
                  "somebody who sees the question only cryptography helps: DTLS, QUIC.",
                  kPorts, times_text(real(guesses)), percent_text(expected))};
  return outcome;
}

}  // namespace

Lesson forged_lesson() {
  return {.number = 11,
          .name = "forged",
          .title = "Anyone can answer",
          .group = kTrustGroup,
          .left_out =
              "A tutorial's client prints whatever comes first to its port. Nobody has "
              "shown that it comes from the server.",
          .question =
              "A stranger answers before the server does. Does the client notice - and if "
              "the stranger writes the server's address as the source?",
          .takes = kTakes,
          .takes_no_other = "nothing happens to its datagrams but that somebody forges them",
          .run = run};
}

}  // namespace lossy
