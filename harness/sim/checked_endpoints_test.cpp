#include <lossy/harness/sim/checked_endpoints.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>
#include <string>

#include <lossy/harness/link/random_fates.hpp>
#include <lossy/harness/sim/properties.hpp>
#include <lossy/harness/sim/simulation.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

const Address kServerAddress = Address::v4({192, 0, 2, 2}, 9999);
const Address kOtherAddress = Address::v4({192, 0, 2, 3}, 9999);
const ClientOptions kOptions{.server = kServerAddress, .retry = {.attempts_max = 2}, .window = 2};

Datagram from(const Address& source, std::string_view text) {
  return {source, std::as_bytes(std::span(text))};
}

// Every property has a name of its own, fit for a command line, and a sentence.
TEST(Properties, HaveNamesAndSentences) {
  std::set<std::string_view> names;
  for (const PropertyText& property : kProperties) {
    EXPECT_TRUE(names.insert(property.name).second) << property.name;
    EXPECT_EQ(property.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"),
              std::string_view::npos);
    EXPECT_GT(property.sentence.size(), 10U) << property.name;
  }
  EXPECT_EQ(text_of(GreetingProperty::kNothingLeft).name, kProperties.back().name);
  EXPECT_STREQ(PropertyViolation(GreetingProperty::kEndsOnce).what(),
               "ends-once: each request ends only once");
}

// A model that is told of two requests, of which the first was sent.
class Told {
 public:
  Told() : model(4) {
    model.start(kOptions);
    model.asked("A", 1);
    model.asked("B", 2);
    model.sent(Instant(0s), kServerAddress, "A");
  }
  ClientEvent event(ClientEvent::Kind kind) const {
    return {.kind = kind,
            .attempts = 1,
            .request = 1,
            .name = "A",
            .ended = Instant(1s),
            .elapsed = 1s};
  }
  void answered() { model.received(Instant(1s), from(kServerAddress, "Hello, A!")); }

  ClientModel model;
};

// What a client must not do is noticed, each under its name.
TEST(ClientModel, NoticesWhatMustNotBe) {
  using Kind = ClientEvent::Kind;
  struct Case {
    GreetingProperty property;
    std::function<void(Told&)> wrong;
  };
  for (const Case& one : std::vector<Case>{
           {GreetingProperty::kNumbered, [](Told& told) { told.model.asked("C", 4); }},
           {GreetingProperty::kNumbered, [](Told& told) { told.model.asked("C", std::nullopt); }},
           {GreetingProperty::kToTheServer,
            [](Told& told) { told.model.sent(Instant(0s), kOtherAddress, "B"); }},
           {GreetingProperty::kAskedFor,
            [](Told& told) { told.model.sent(Instant(0s), kServerAddress, "C"); }},
           {GreetingProperty::kWindow,
            [](Told& told) {
              told.model.asked("C", 3);
              told.model.sent(Instant(0s), kServerAddress, "B");
              told.model.sent(Instant(0s), kServerAddress, "C");
            }},
           {GreetingProperty::kOrder,
            [](Told& told) {
              told.model.asked("C", 3);
              told.model.sent(Instant(0s), kServerAddress, "C");
            }},
           {GreetingProperty::kNotEarly,
            [](Told& told) { told.model.sent(Instant(1s), kServerAddress, "A"); }},
           {GreetingProperty::kNotEarly,
            [](Told& told) {
              told.model.timed_out(Instant(1s) - 1ns);
              told.model.sent(Instant(1s), kServerAddress, "A");
            }},
           {GreetingProperty::kEarliestFirst,
            [](Told& told) {
              told.model.sent(Instant(0s), kServerAddress, "B");
              told.model.timed_out(Instant(1s));
              told.model.sent(Instant(1s), kServerAddress, "B");
            }},
           {GreetingProperty::kAttempts,
            [](Told& told) {
              told.model.timed_out(Instant(1s));
              told.model.sent(Instant(1s), kServerAddress, "A");
              told.model.timed_out(Instant(3s));
              told.model.sent(Instant(3s), kServerAddress, "A");
            }},
           {GreetingProperty::kAboutARequest,
            [](Told& told) {
              ClientEvent event = told.event(Kind::kGreeted);
              event.request = 3;
              told.model.told(event);
            }},
           {GreetingProperty::kEndsForAReason,
            [](Told& told) { told.model.told(told.event(Kind::kGreeted)); }},
           {GreetingProperty::kEndsForAReason,
            [](Told& told) { told.model.told(told.event(Kind::kGaveUp)); }},
           {GreetingProperty::kEndsOnce,
            [](Told& told) {
              told.answered();
              told.model.told(told.event(Kind::kGreeted));
              told.model.told(told.event(Kind::kGreeted));
            }},
           {GreetingProperty::kGreetedWhenAnswered,
            [](Told& told) {
              told.answered();
              told.model.told(told.event(Kind::kGaveUp));
            }},
           {GreetingProperty::kEventName,
            [](Told& told) {
              told.answered();
              ClientEvent event = told.event(Kind::kGreeted);
              event.name = "B";
              told.model.told(event);
            }},
           {GreetingProperty::kEventAttempts,
            [](Told& told) {
              told.answered();
              ClientEvent event = told.event(Kind::kGreeted);
              event.attempts = 2;
              told.model.told(event);
            }},
           {GreetingProperty::kEventTimes,
            [](Told& told) {
              told.answered();
              ClientEvent event = told.event(Kind::kGreeted);
              event.elapsed += 1ns;
              told.model.told(event);
            }},
           {GreetingProperty::kGreetedWhenPerfect,
            [](Told& told) {
              told.model.network_turns_perfect();
              told.model.timed_out(Instant(1s));
              told.model.sent(Instant(1s), kServerAddress, "A");
              told.model.timed_out(Instant(3s));
            }},
       }) {
    SCOPED_TRACE(text_of(one.property).name);
    Told told;
    try {
      one.wrong(told);
      ADD_FAILURE() << "nothing was noticed";
    } catch (const PropertyViolation& violation) {
      EXPECT_EQ(text_of(violation.property()).name, text_of(one.property).name);
    }
  }
}

// What a client must do, and says of itself, is noticed when it does not.
TEST(ClientModel, NoticesWhatIsMissing) {
  const auto violation_of = [](const Client& client, Told& told) {
    try {
      told.model.settled(client);
    } catch (const PropertyViolation& violation) {
      return std::string(text_of(violation.property()).name);
    }
    return std::string();
  };
  Client idle(kOptions);
  {
    Told told;
    EXPECT_EQ(violation_of(idle, told), "pending");
  }
  {
    Told told;
    told.answered();
    EXPECT_EQ(violation_of(idle, told), "told");
  }
  {
    Told told;
    told.model.timed_out(Instant(1s));
    EXPECT_EQ(violation_of(idle, told), "sent-again");
  }
  {
    Told told;
    Client other(kOptions);
    other.greet("A");
    other.greet("B");
    EXPECT_EQ(violation_of(other, told), "outstanding");
  }
}

// A client that is given what it is given here, in a simulation.
class Greeting final : public Endpoint {
 public:
  Greeting(const ClientOptions& options, int requests)
      : client_(static_cast<std::size_t>(requests)) {
    client_.start(options);
    for (int i = 0; i < requests; ++i) client_.greet("guest-" + std::to_string(i % 7));
  }
  void handle_datagram(Instant now, const Datagram& datagram) override {
    client_.handle_datagram(now, datagram);
  }
  void handle_timeout(Instant now) override { client_.handle_timeout(now); }
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer) override {
    if (const auto transmit = client_.poll_transmit(now, buffer)) return transmit;
    while (const auto event = client_.poll_event()) {
      greeted += event->kind == ClientEvent::Kind::kGreeted ? 1 : 0;
      gave_up += event->kind == ClientEvent::Kind::kGaveUp ? 1 : 0;
    }
    client_.settled();
    return std::nullopt;
  }
  std::optional<Instant> poll_timeout() const override { return client_.poll_timeout(); }
  void all_must_have_ended() const { client_.all_must_have_ended(); }

  int greeted = 0;
  int gave_up = 0;

 private:
  CheckedClient client_;
};

// The properties hold on every network that chance makes up, call by call.
TEST(CheckedEndpoints, HoldOnRandomNetworks) {
  const Address client_address = Address::v4({192, 0, 2, 1}, 50'000);
  int gave_up = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    const Impairments impairments{.loss = RandomLoss{Probability::ratio(seed % 7, 10)},
                                  .duplicate = Probability::ratio(seed % 5, 10),
                                  .reorder = Probability::ratio(seed % 4, 10),
                                  .corrupt = Probability::ratio(seed % 3, 10),
                                  .jitter = 5ms};
    ClientOptions options = kOptions;
    options.window = 1 + seed % 5;
    options.retry.attempts_max = 1 + static_cast<int>(seed % 6);
    Greeting greeting(options, 40);
    CheckedServer server;
    server.start();
    Simulation simulation;
    simulation.add(greeting, client_address);
    simulation.add(server, kServerAddress);
    const auto link = [&](Direction direction) {
      return Link({.delay = static_cast<int>(seed) * 2ms},
                  std::make_unique<RandomFates>(impairments, seed, direction));
    };
    simulation.path(simulation.host_at(client_address), simulation.host_at(kServerAddress),
                    link(Direction::kUplink), link(Direction::kDownlink));
    EXPECT_EQ(simulation.run_until([] { return false; }, Instant::max()), RunEnd::kIdle);
    greeting.all_must_have_ended();
    server.settled();
    EXPECT_EQ(greeting.greeted + greeting.gave_up, 40);
    gave_up += greeting.gave_up;
  }
  EXPECT_GT(gave_up, 100);
}

}  // namespace
}  // namespace lossy
