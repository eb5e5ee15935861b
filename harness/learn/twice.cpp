// Lesson 2. With a share d that arrives twice, each way, N names are N (1 + d) visits at the server
// and N (1 + d)^2 answers at the client.
#include <fmt/format.h>

#include <array>
#include <string>
#include <unordered_set>

#include <lossy/core/counted.hpp>
#include <lossy/harness/learn/greetings.hpp>
#include <lossy/harness/learn/simulated.hpp>
#include <lossy/harness/learn/tolerance.hpp>
#include <lossy/harness/report/figure_text.hpp>

namespace lossy {
namespace {

constexpr std::array kTakes{Taken{Parameter::kDuplicate, "10%"},
                            Taken{Parameter::kCount, "100000", 2, 1'000'000},
                            Taken{Parameter::kSeed, "6"}};

// A greeting server that also counts its guests: every datagram, and once more every name that it
// has not seen.
class CountingServer final : public Endpoint {
 public:
  void handle_datagram(Instant now, const Datagram& datagram) override {
    ++visits;
    const auto bytes = datagram.payload;
    guests.emplace(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    server_.handle_datagram(now, datagram);
  }
  void handle_timeout(Instant) override {}
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer) override {
    return server_.poll_transmit(now, buffer);
  }
  std::optional<Instant> poll_timeout() const override { return std::nullopt; }

  std::uint64_t visits = 0;
  std::unordered_set<std::string> guests;  // As many as were asked to come, at most.

 private:
  Server server_;
};

Outcome run(const Settings& settings) {
  const double d = as_double(settings.probability(Parameter::kDuplicate));
  LinkSettings path;
  path.duplicate = settings.probability(Parameter::kDuplicate);
  GreetingPlan plan{.uplink = path, .downlink = path, .seed = settings.seed()};
  const LadderExcerpt ladder = ladder_of(plan);
  plan.count = settings.whole(Parameter::kCount);
  CountingServer server;
  const GreetingOutcome run = run_greetings(plan, {.server = &server});

  const double names = real(plan.count);
  const double visits = names * (1 + d);
  const double answers = visits * (1 + d);
  const double visits_off = count_tolerance(names, d);
  Outcome outcome{
      .experiment = fmt::format("{} guests say their names over a path that delivers {} of the "
                                "datagrams twice, each way. The server greets whoever it hears of, "
                                "and counts.",
                                plan.count, settings.text(Parameter::kDuplicate)),
      .ladder = ladder,
      .play = fmt::format("lossy simulate --duplicate={} --seed={} --trace",
                          settings.text(Parameter::kDuplicate), settings.text(Parameter::kSeed))};
  outcome.figures = {{"greeted", "guests who were greeted, each once", FigureUnit::kCount,
                      real(run.result.greeted), names, 0},
                     {"visits", "guests, if each datagram counts", FigureUnit::kCount,
                      real(server.visits), visits, visits_off},
                     {"guests", "guests, if each name counts once", FigureUnit::kCount,
                      real(server.guests.size()), names, 0},
                     {"answers", "greetings that reached the client", FigureUnit::kCount,
                      real(run.client.received), answers,
                      visits_off * (1 + d) + count_tolerance(visits + visits_off, d)},
                     {"ignored", "of those, for nobody who waited", FigureUnit::kCount,
                      real(run.client.unexpected), answers - names,
                      visits_off * (1 + d) + count_tolerance(visits + visits_off, d)}};
  const std::uint64_t too_many = server.visits - server.guests.size();
  outcome.claims = {
      {fmt::format("Greeting twice did no harm: {}, {} greeted.", counted(plan.count, "guest"),
                   run.result.greeted),
       run.result.greeted == plan.count},
      too_many > 0
          ? Claim{fmt::format("Counting twice did: the naive count is {} too high.", too_many),
                  true}
          : Claim{"Nothing came twice, so counting it twice did no harm either.", false}};
  outcome.why = {
      fmt::format(
          "A path may deliver a datagram again, and whoever sends again makes copies, too. "
          "A greeting is the same however often it is given: asking twice changes nothing, "
          "and the client ignored {} that nobody waited for any more. Such requests are called "
          "idempotent.",
          counted(run.client.unexpected, "answer")),
      fmt::format(
          "A counter is not: every copy adds one, here {}. It must know what it has counted "
          "already, by a number in each request, and here by the name: then {} remain.",
          percent_text(share(too_many, plan.count)), server.guests.size())};
  return outcome;
}

}  // namespace

Lesson twice_lesson() {
  return {.number = 2,
          .name = "twice",
          .title = "A datagram may come twice",
          .group = kPathGroup,
          .left_out =
              "A tutorial's server does something for each datagram that it receives. It "
              "may receive one that was sent once more often than that.",
          .question =
              "Some datagrams arrive twice. Is anybody greeted wrongly? And what does a "
              "server say that counts its guests?",
          .takes = kTakes,
          .takes_no_other = "its path does nothing but deliver datagrams twice",
          .run = run};
}

}  // namespace lossy
