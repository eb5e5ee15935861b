#include <lossy/harness/learn/greetings.hpp>

#include <lossy/core/check.hpp>
#include <lossy/core/greeting/protocol.hpp>
#include <lossy/harness/link/link_model.hpp>
#include <lossy/harness/report/ladder.hpp>
#include <lossy/harness/sim/simulation.hpp>

namespace lossy {
namespace {

class OneDirection final : public Observer {
 public:
  OneDirection(Observer& observer, Direction direction)
      : observer_(observer), direction_(direction) {}

  void on_offered(Instant now, const Passage& passage, const Offer& offer) override {
    if (passage.direction == direction_) observer_.on_offered(now, passage, offer);
  }
  void on_delivered(Instant now, const Passage& passage, const Delivery& delivery) override {
    if (passage.direction == direction_) observer_.on_delivered(now, passage, delivery);
  }

 private:
  Observer& observer_;
  Direction direction_;
};

}  // namespace

Link make_link(const Timeline<LinkSettings>& settings, std::uint64_t seed, Direction direction) {
  return make_link(link_model(settings, kHeaderBytesV4), seed, direction);
}

GreetingOutcome run_greetings(const GreetingPlan& plan, const GreetingWatch& watch) {
  const Address client = Address::v4({192, 0, 2, 1}, 50'000);
  const Address server_address = Address::v4({192, 0, 2, 2}, 9999);
  GreetingOutcome outcome;
  Server server;
  Greeter greeter(
      {.client = {.server = server_address,
                  .retry = plan.retry,
                  .window = plan.interval ? ClientOptions::kWindowMax : 1},
       .interval = plan.interval},
      plan.count == 0 ? Names(plan.names) : Names(plan.count), [&](const ClientEvent& event) {
        const bool first = event.kind == ClientEvent::Kind::kGreeted && event.attempts == 1;
        outcome.failed_first += first ? 0 : 1;
        if (watch.on_event) watch.on_event(event);
      });
  Simulation simulation;
  const HostId asks = simulation.add(greeter, client);
  const HostId answers =
      simulation.add(watch.server == nullptr ? server : *watch.server, server_address);
  const Path path =
      simulation.path(asks, answers, make_link(plan.uplink, plan.seed, Direction::kUplink),
                      make_link(plan.downlink, plan.seed, Direction::kDownlink));
  for (Observer* observer : watch.observers) simulation.observe(*observer);
  const RunEnd end = simulation.run_until([] { return false; }, Instant::max());
  check(end == RunEnd::kIdle && greeter.done(), "run_greetings: the run does not end");
  outcome.result = greeter.result();
  outcome.client = greeter.client().counters();
  outcome.uplink = simulation.link(path.there).counters();
  outcome.downlink = simulation.link(path.back).counters();
  return outcome;
}

LadderExcerpt ladder_of(const GreetingPlan& plan, std::optional<Direction> only) {
  LadderExcerpt excerpt;
  Ladder ladder([&](std::string line) { excerpt.add(std::move(line)); });
  if (only) {
    OneDirection one(ladder, *only);
    run_greetings(plan, {.observers = {&one}});
    return excerpt;
  }
  run_greetings(plan, {.observers = {&ladder}, .on_event = [&](const ClientEvent& event) {
                         ladder.on_event(told(event));
                       }});
  return excerpt;
}

}  // namespace lossy
