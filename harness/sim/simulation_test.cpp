#include "harness/sim/simulation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/greeter.hpp"
#include "core/random.hpp"
#include "core/server.hpp"
#include "harness/link/fault_list.hpp"
#include "harness/link/random_fates.hpp"

namespace lossy {
namespace {

using namespace std::chrono_literals;
using Strings = std::vector<std::string>;

const Address kClientAddress = Address::v4({192, 0, 2, 1}, 40'000);
const Address kServerAddress = Address::v4({192, 0, 2, 2}, 9999);

std::string text_of(std::span<const std::byte> payload) {
  return {reinterpret_cast<const char*>(payload.data()), payload.size()};
}

Link make_link(const LinkOptions& options, const Impairments& impairments = {},
               std::uint64_t seed = 4, Direction direction = Direction::kUplink) {
  return Link(options, std::make_unique<RandomFates>(impairments, seed, direction));
}

// Joins two endpoints as `lossy simulate` does: the same options both ways.
void join(Simulation& simulation, const LinkOptions& options, const Impairments& impairments,
          std::uint64_t seed, const Address& client = kClientAddress,
          const Address& server = kServerAddress) {
  simulation.connect(client, server, make_link(options, impairments, seed, Direction::kUplink),
                     make_link(options, impairments, seed, Direction::kDownlink));
}

bool never() {
  return false;
}

RunEnd run(Simulation& simulation, Instant deadline = Instant::max()) {
  return simulation.run_until(never, deadline);
}

// An endpoint that does what a test tells it, and writes down what it sees.
class Scripted final : public Endpoint {
 public:
  explicit Scripted(std::string name = "", Strings* log = nullptr)
      : name_(std::move(name)), log_(log) {}

  void send(const Address& destination, std::string payload) {
    to_send_.emplace_back(destination, std::move(payload));
  }
  void at(Duration time) { timeouts_.push_back(Instant(time)); }

  void handle_datagram(Instant now, const Datagram& datagram) override {
    see(now, "got " + text_of(datagram.payload));
    received.emplace_back(datagram.source, text_of(datagram.payload));
    if (on_datagram) on_datagram(datagram);
  }
  void handle_timeout(Instant now) override {
    see(now, "woke");
    std::erase_if(timeouts_, [now](Instant timeout) { return timeout <= now; });
    if (on_timeout) on_timeout();
  }
  std::optional<Transmit> poll_transmit(Instant, std::span<std::byte> buffer) override {
    if (to_send_.empty()) return std::nullopt;
    const auto [destination, payload] = to_send_.front();
    to_send_.pop_front();
    std::memcpy(buffer.data(), payload.data(), payload.size());
    return Transmit{destination, payload.size()};
  }
  std::optional<Instant> poll_timeout() const override {
    if (timeouts_.empty()) return std::nullopt;
    return *std::ranges::min_element(timeouts_);
  }

  std::vector<std::pair<Address, std::string>> received;
  std::function<void(const Datagram&)> on_datagram;
  std::function<void()> on_timeout;
  std::uint64_t woken = 0;

 private:
  void see(Instant now, const std::string& what) {
    EXPECT_GE(now, now_) << "time went back";
    now_ = now;
    woken += what == "woke" ? 1 : 0;
    if (log_ == nullptr) return;
    log_->push_back(std::to_string((now - Instant{}) / 1ms) + "ms " + name_ + " " + what);
  }

  std::string name_;
  Strings* log_;
  std::deque<std::pair<Address, std::string>> to_send_;
  std::vector<Instant> timeouts_;
  Instant now_{};
};

// Writes down everything that an observer is told.
class Trace final : public Observer {
 public:
  void on_offered(Instant now, const Passage& passage, const Offer& offer) override {
    add(now, passage, offer.number,
        offer.copies_in_flight == 0
            ? "lost " + std::string(to_string(offer.loss))
            : "sent " + format_fault(passage.direction, offer.number, *offer.fate));
  }
  void on_delivered(Instant now, const Passage& passage, const Delivery& delivery) override {
    add(now, passage, delivery.number,
        "copy " + std::to_string(delivery.copy) + (delivery.first_arrival ? "" : " again") +
            (delivery.reordered ? " reordered" : "") + (delivery.corrupted ? " corrupted" : ""));
  }

  Strings lines;

 private:
  void add(Instant now, const Passage& passage, std::uint64_t number, const std::string& what) {
    lines.push_back(std::to_string(now.time_since_epoch().count()) + ' ' +
                    std::to_string(passage.path) + ' ' + passage.source.to_string() + '>' +
                    passage.destination.to_string() + ' ' + std::to_string(number) + ' ' + what +
                    " \"" + text_of(passage.payload) + '"');
  }
};

// A client and a server that greet through a path, as `lossy simulate` makes them.
struct Greetings {
  Greetings(const GreeterOptions& options, Names names, const LinkOptions& link,
            const Impairments& impairments, std::uint64_t seed,
            const Simulation::Options& simulation_options = {})
      : greeter(options, std::move(names)), simulation(simulation_options) {
    simulation.add(greeter, kClientAddress);
    simulation.add(server, kServerAddress);
    join(simulation, link, impairments, seed);
  }

  Greeter greeter;
  Server server;
  Simulation simulation;
};

GreeterOptions paced(int attempts_max, Duration interval = 10us) {
  return {.client = {.server = kServerAddress,
                     .retry = {.attempts_max = attempts_max},
                     .window = ClientOptions::kWindowMax},
          .interval = interval};
}

// Whatever can happen to a datagram, some of it.
Impairments everything() {
  return {.loss = RandomLoss{Probability::ratio(10, 100)},
          .duplicate = Probability::ratio(10, 100),
          .reorder = Probability::ratio(10, 100),
          .corrupt = Probability::ratio(5, 100),
          .jitter = 4ms};
}

const LinkOptions kSlowLink{
    .delay = 5ms, .rate = {.bits_per_second = 100'000}, .queue_datagrams_max = 5};

void expect_rate(std::uint64_t count, std::uint64_t trials, double p, const char* what) {
  const auto n = static_cast<double>(trials);
  EXPECT_NEAR(static_cast<double>(count), n * p, 4 * std::sqrt(n * p * (1 - p))) << what;
}

// At equal times deliveries come before timeouts; of several deliveries the link that was added
// first comes first, an uplink before its downlink; of several timeouts the endpoint that was.
TEST(Simulation, OrdersWhatHappensAtOnce) {
  Strings log;
  Scripted a("a", &log);
  Scripted b("b", &log);
  Scripted c("c", &log);
  Scripted hub("hub", &log);
  const Address at_a = Address::v4({192, 0, 2, 1}, 1);
  const Address at_b = Address::v4({192, 0, 2, 1}, 2);
  const Address at_c = Address::v4({192, 0, 2, 1}, 3);
  Simulation simulation;
  simulation.add(c, at_c);
  simulation.add(hub, kServerAddress);
  simulation.add(a, at_a);
  simulation.add(b, at_b);
  const LinkOptions link{.delay = 10ms};
  for (const Address& client : {at_b, at_a, at_c}) {
    join(simulation, link, {}, 4, client);
  }
  for (Scripted* endpoint : {&a, &b, &c, &hub}) endpoint->at(10ms);
  hub.send(at_a, "hub's");
  a.send(kServerAddress, "a's");
  b.send(kServerAddress, "b's");
  b.send(kServerAddress, "b's second");
  c.send(kServerAddress, "c's");
  EXPECT_EQ(run(simulation), RunEnd::kIdle);
  EXPECT_EQ(log, (Strings{"10ms hub got b's", "10ms hub got b's second", "10ms hub got a's",
                          "10ms a got hub's", "10ms hub got c's", "10ms c woke", "10ms hub woke",
                          "10ms a woke", "10ms b woke"}));
  EXPECT_EQ(simulation.events(), 9U);
}

// An answer without delay is delivered at the same instant, still before the timeouts of that
// instant.
TEST(Simulation, AnswersWithoutDelayComeBeforeTimeouts) {
  Strings log;
  Scripted client("client", &log);
  Scripted server("server", &log);
  server.on_datagram = [&](const Datagram& datagram) { server.send(datagram.source, "answer"); };
  Simulation simulation;
  simulation.add(client, kClientAddress);
  simulation.add(server, kServerAddress);
  join(simulation, {}, {}, 4);
  client.at(5ms);
  server.at(5ms);
  client.on_timeout = [&] { client.send(kServerAddress, "question"); };
  EXPECT_EQ(run(simulation), RunEnd::kIdle);
  EXPECT_EQ(log, (Strings{"5ms client woke", "5ms server got question", "5ms client got answer",
                          "5ms server woke"}));
}

// A datagram comes from the address of who sent it, with the bytes that were sent, and goes to
// where it was sent only.
TEST(Simulation, DatagramsGoWhereTheyAreSent) {
  Scripted client;
  Scripted server;
  Scripted bystander;
  Simulation simulation;
  const Address other = Address::v4({192, 0, 2, 3}, 9999);
  simulation.add(client, kClientAddress);
  simulation.add(server, kServerAddress);
  simulation.add(bystander, other);
  join(simulation, {.delay = 1ms}, {}, 4);
  join(simulation, {.delay = 1ms}, {}, 4, kClientAddress, other);
  client.send(kServerAddress, "one");
  client.send(other, "two");
  client.send(kServerAddress, "");
  server.send(kClientAddress, std::string(kPayloadBytesMax, 'x'));
  run(simulation);
  using Received = std::vector<std::pair<Address, std::string>>;
  EXPECT_EQ(server.received, (Received{{kClientAddress, "one"}, {kClientAddress, ""}}));
  EXPECT_EQ(bystander.received, (Received{{kClientAddress, "two"}}));
  EXPECT_EQ(client.received, (Received{{kServerAddress, std::string(kPayloadBytesMax, 'x')}}));
  EXPECT_EQ(simulation.unroutable(), 0U);
}

// What is sent to where no path leads is counted, and nothing else happens.
TEST(Simulation, CountsWhatHasNoWay) {
  Scripted client;
  Scripted server;
  Scripted alone;
  Simulation simulation;
  const Address at_alone = Address::v4({192, 0, 2, 3}, 9999);
  simulation.add(client, kClientAddress);
  simulation.add(server, kServerAddress);
  simulation.add(alone, at_alone);
  join(simulation, {}, {}, 4);
  client.send(at_alone, "no path");
  client.send(Address::v4({203, 0, 113, 1}, 1), "nobody");
  client.send(kServerAddress, "somebody");
  client.send(kClientAddress, "oneself");
  alone.send(kClientAddress, "no path");
  EXPECT_EQ(run(simulation), RunEnd::kIdle);
  EXPECT_EQ(simulation.unroutable(), 4U);
  EXPECT_EQ(server.received.size(), 1U);
  EXPECT_TRUE(client.received.empty());
  EXPECT_EQ(simulation.link(0, Direction::kUplink).counters().offered, 1U);
}

// A run says why it ended. What is waited for is looked at before the first event and after each.
TEST(Simulation, EndsWhenThePredicateHolds) {
  Scripted client;
  Simulation simulation;
  simulation.add(client, kClientAddress);
  for (int i = 1; i <= 5; ++i) client.at(i * 1ms);
  int asked = 0;
  EXPECT_EQ(simulation.run_until([&] { return ++asked > 0; }, Instant::max()), RunEnd::kPredicate);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(simulation.events(), 0U);
  EXPECT_EQ(simulation.run_until([&] { return client.woken == 3; }, Instant::max()),
            RunEnd::kPredicate);
  EXPECT_EQ(simulation.now(), Instant(3ms));
  EXPECT_EQ(simulation.events(), 3U);
  // It holds after the very last event, when there is nothing left to do either.
  EXPECT_EQ(simulation.run_until([&] { return client.woken == 5; }, Instant::max()),
            RunEnd::kPredicate);
}

// With nothing in flight and nobody waiting for anything, a run ends at its last event's time.
TEST(Simulation, EndsWhenNothingIsLeft) {
  Scripted client;
  Simulation simulation;
  EXPECT_EQ(run(simulation), RunEnd::kIdle);
  simulation.add(client, kClientAddress);
  EXPECT_EQ(run(simulation), RunEnd::kIdle);
  EXPECT_EQ(simulation.now(), Instant{});
  client.at(7ms);
  EXPECT_EQ(run(simulation), RunEnd::kIdle);
  EXPECT_EQ(simulation.now(), Instant(7ms));
}

// Events at the deadline still happen, and those behind it wait for the next run.
TEST(Simulation, EndsAtItsDeadline) {
  Scripted client;
  Scripted server;
  Simulation simulation;
  simulation.add(client, kClientAddress);
  simulation.add(server, kServerAddress);
  join(simulation, {.delay = 3ms}, {}, 4);
  client.at(1ms);
  client.on_timeout = [&] { client.send(kServerAddress, "hello"); };
  EXPECT_EQ(run(simulation, Instant(1ms - 1ns)), RunEnd::kDeadline);
  EXPECT_EQ(client.woken, 0U);
  EXPECT_EQ(run(simulation, Instant(1ms)), RunEnd::kDeadline);
  EXPECT_EQ(client.woken, 1U);
  EXPECT_EQ(run(simulation, Instant(4ms - 1ns)), RunEnd::kDeadline);
  EXPECT_TRUE(server.received.empty());
  EXPECT_EQ(simulation.now(), Instant(1ms));
  EXPECT_EQ(run(simulation, Instant(4ms)), RunEnd::kIdle);
  EXPECT_EQ(server.received.size(), 1U);
  EXPECT_EQ(simulation.now(), Instant(4ms));
}

// As many events as the bound allows may happen; only one more is too many.
TEST(Simulation, EndsAtItsBoundOnEvents) {
  for (const std::uint64_t bound : {2U, 3U, 4U}) {
    Scripted client;
    Simulation simulation({.events_max = bound});
    simulation.add(client, kClientAddress);
    for (int i = 1; i <= 3; ++i) client.at(i * 1ms);
    EXPECT_EQ(run(simulation), bound < 3 ? RunEnd::kEvents : RunEnd::kIdle);
    EXPECT_EQ(client.woken, std::min<std::uint64_t>(bound, 3));
    EXPECT_EQ(run(simulation), RunEnd::kIdle);  // The bound is each run's own.
    EXPECT_EQ(client.woken, 3U);
  }
}

// Endpoints that keep themselves busy without time passing end a run, soon.
TEST(Simulation, ALivelockEnds) {
  const auto livelock = [](const char* what, const std::function<void(Scripted&, Scripted&)>& make,
                           const LinkOptions& link) {
    SCOPED_TRACE(what);
    Scripted client;
    Scripted server;
    Simulation simulation({.events_max = 10'000, .burst_max = 1000});
    simulation.add(client, kClientAddress);
    simulation.add(server, kServerAddress);
    join(simulation, link, {}, 4);
    make(client, server);
    EXPECT_EQ(run(simulation, Instant(1s)), RunEnd::kEvents);
    EXPECT_LE(simulation.events(), 10'000U);
    // It can be tried again, and is no better.
    EXPECT_EQ(run(simulation, Instant(1s)), RunEnd::kEvents);
  };
  livelock("they answer each other forever, without delay",
           [](Scripted& client, Scripted& server) {
             client.send(kServerAddress, "ping");
             for (Scripted* endpoint : {&client, &server}) {
               endpoint->on_datagram = [endpoint](const Datagram& datagram) {
                 endpoint->send(datagram.source, "and you");
               };
             }
           },
           {});
  livelock("each answer is two",
           [](Scripted& client, Scripted& server) {
             client.send(kServerAddress, "ping");
             for (Scripted* endpoint : {&client, &server}) {
               endpoint->on_datagram = [endpoint](const Datagram& datagram) {
                 for (int i = 0; i < 2; ++i) endpoint->send(datagram.source, "and you");
               };
             }
           },
           {.delay = 1us});
  livelock("its timeout is always in the past",
           [](Scripted& client, Scripted&) {
             client.at(5ms);
             client.on_timeout = [&client] { client.at(1ms - 1h); };
           },
           {});
  livelock("its timeout is always now",
           [](Scripted& client, Scripted&) {
             client.at(5ms);
             client.on_timeout = [&client] { client.at(5ms); };
           },
           {});
}

// Always has something to send.
class Chatterbox final : public Endpoint {
 public:
  explicit Chatterbox(Address destination, bool from_the_start)
      : destination_(destination), talks_(from_the_start) {}
  void handle_datagram(Instant, const Datagram&) override { talks_ = true; }
  void handle_timeout(Instant) override { talks_ = true; }
  std::optional<Transmit> poll_transmit(Instant, std::span<std::byte>) override {
    if (!talks_) return std::nullopt;
    ++sent;
    return Transmit{destination_, 10};
  }
  std::optional<Instant> poll_timeout() const override {
    if (talks_) return std::nullopt;
    return Instant(5ms);
  }

  std::uint64_t sent = 0;

 private:
  Address destination_;
  bool talks_;
};

// An endpoint that never stops sending ends the run, wherever it sends to and whenever it begins.
TEST(Simulation, EndlessSendingEnds) {
  for (const bool from_the_start : {true, false}) {
    for (const bool has_a_way : {true, false}) {
      Chatterbox client(has_a_way ? kServerAddress : Address::v4({203, 0, 113, 1}, 1),
                        from_the_start);
      Server server;
      Simulation simulation({.events_max = 10'000, .burst_max = 1000});
      simulation.add(client, kClientAddress);
      simulation.add(server, kServerAddress);
      join(simulation, {.delay = 1ms}, {}, 4);
      EXPECT_EQ(run(simulation), RunEnd::kEvents);
      EXPECT_LE(client.sent, 1001U);
      EXPECT_EQ(simulation.now(), from_the_start ? Instant{} : Instant(5ms));
    }
  }
}

// As many datagrams as the bound allows may be sent at once.
TEST(Simulation, ABurstWithinItsBoundIsFine) {
  for (const int burst : {1000, 1001}) {
    Scripted client;
    Scripted server;
    Simulation simulation({.burst_max = 1000});
    simulation.add(client, kClientAddress);
    simulation.add(server, kServerAddress);
    join(simulation, {}, {}, 4);
    for (int i = 0; i < burst; ++i) client.send(kServerAddress, "x");
    EXPECT_EQ(run(simulation), burst == 1000 ? RunEnd::kIdle : RunEnd::kEvents);
    EXPECT_EQ(run(simulation), RunEnd::kIdle);  // The bound is each run's own.
  }
}

// What is asked of an endpoint between two runs happens in the second.
TEST(Simulation, GoesOnAfterARun) {
  Client client({.server = kServerAddress});
  Server server;
  Simulation simulation;
  simulation.add(client, kClientAddress);
  simulation.add(server, kServerAddress);
  join(simulation, {.delay = 10ms}, {}, 4);
  for (const char* name : {"Michael", "Tracy", "Sarah"}) {
    ASSERT_TRUE(client.greet(name));
    EXPECT_EQ(run(simulation), RunEnd::kIdle);
    const auto event = client.poll_event();
    ASSERT_TRUE(event);
    EXPECT_EQ(event->name, name);
    EXPECT_EQ(event->kind, ClientEvent::Kind::kGreeted);
    EXPECT_EQ(event->elapsed, 20ms);
  }
  EXPECT_EQ(simulation.now(), Instant(60ms));
}

// An endpoint may move its timeout as it likes; the last word counts.
TEST(Simulation, TimeoutsMayMove) {
  class Mover final : public Endpoint {
   public:
    void handle_datagram(Instant, const Datagram& datagram) override {
      timeout = text_of(datagram.payload) == "earlier" ? Instant(20ms) : Instant(50ms);
    }
    void handle_timeout(Instant now) override {
      woke.push_back(now);
      timeout.reset();
    }
    std::optional<Transmit> poll_transmit(Instant, std::span<std::byte>) override { return {}; }
    std::optional<Instant> poll_timeout() const override { return timeout; }

    std::optional<Instant> timeout = Instant(30ms);
    std::vector<Instant> woke;
  };
  for (const bool earlier : {true, false}) {
    Mover mover;
    Scripted client;
    Simulation simulation;
    simulation.add(client, kClientAddress);
    simulation.add(mover, kServerAddress);
    join(simulation, {.delay = 10ms}, {}, 4);
    client.send(kServerAddress, earlier ? "earlier" : "later");
    EXPECT_EQ(run(simulation), RunEnd::kIdle);
    EXPECT_EQ(mover.woke, std::vector<Instant>{Instant(earlier ? 20ms : 50ms)});
  }
}

// Observers are told of everything, in the order they were added: what was offered and lost and
// why, and each copy that arrived, before the endpoint has it.
TEST(Simulation, ObserversSeeEverything) {
  struct Named final : Observer {
    Named(std::string its_name, Strings& its_log) : name(std::move(its_name)), log(its_log) {}
    void on_offered(Instant, const Passage&, const Offer&) override { log.push_back(name); }
    void on_delivered(Instant, const Passage&, const Delivery&) override { log.push_back(name); }
    std::string name;
    Strings& log;
  };
  Strings log;
  Named first("first", log);
  Named second("second", log);
  Trace trace;
  Scripted client;
  Scripted server("server", &log);
  server.on_datagram = [&](const Datagram& datagram) { server.send(datagram.source, "answer"); };
  const FaultList faults =
      FaultList::parse("uplink.1:drop,uplink.2:duplicate+1ms,downlink.1:deliver^0");
  Simulation simulation;
  simulation.add(client, kClientAddress);
  simulation.add(server, kServerAddress);
  simulation.connect(
      kClientAddress, kServerAddress,
      Link({.delay = 1ms}, std::make_unique<ListedFates>(faults, Direction::kUplink)),
      Link({.delay = 1ms, .rate = {.bits_per_second = 1000}, .queue_datagrams_max = 0},
           std::make_unique<ListedFates>(faults, Direction::kDownlink)));
  simulation.observe(first);
  simulation.observe(second);
  simulation.observe(trace);
  client.send(kServerAddress, "one");
  client.send(kServerAddress, "two");
  run(simulation);
  EXPECT_EQ(log, (Strings{"first", "second", "first", "second", "first", "second",
                          "1ms server got two", "first", "second", "first", "second",
                          "2ms server got two", "first", "second", "first", "second"}));
  const std::string up = " 0 192.0.2.1:40000>192.0.2.2:9999 ";
  const std::string down = " 0 192.0.2.2:9999>192.0.2.1:40000 ";
  EXPECT_EQ(trace.lines, (Strings{"0" + up + "1 lost drop \"one\"",
                                  "0" + up + "2 sent uplink.2:deliver/deliver+1ms \"two\"",
                                  "1000000" + up + "2 copy 0 \"two\"",
                                  "1000000" + down + "1 sent downlink.1:deliver^0 \"answer\"",
                                  "2000000" + up + "2 copy 1 again \"two\"",
                                  "2000000" + down + "2 lost queue \"answer\"",
                                  "274000000" + down + "1 copy 0 corrupted \"`nswer\""}));
}

// What observers see adds up to what the links count, for every link of its own.
TEST(Simulation, ObserversSeeWhatLinksCount) {
  struct Counting final : Observer {
    void on_offered(Instant now, const Passage& passage, const Offer& offer) override {
      LinkCounters& seen = at(now, passage);
      EXPECT_EQ(offer.number, ++seen.offered);
      if (offer.copies_in_flight == 0) {
        ++seen.lost_by[static_cast<std::size_t>(offer.loss)];
      } else {
        seen.duplicated += offer.copies_in_flight - 1;
      }
    }
    void on_delivered(Instant now, const Passage& passage, const Delivery& delivery) override {
      LinkCounters& seen = at(now, passage);
      EXPECT_EQ(now, delivery.due);
      seen.delivered += delivery.first_arrival ? 1 : 0;
      seen.reordered += delivery.reordered ? 1 : 0;
      seen.held_back += delivery.held_back ? 1 : 0;
      seen.corrupted += delivery.corrupted ? 1 : 0;
    }
    LinkCounters& at(Instant now, const Passage& passage) {
      EXPECT_GE(now, last);
      last = now;
      return counters.at(2 * passage.path + static_cast<std::size_t>(passage.direction));
    }
    std::array<LinkCounters, 6> counters{};
    Instant last{};
  };
  Counting observer;
  Server server;
  Simulation simulation;
  simulation.add(server, kServerAddress);
  simulation.observe(observer);
  std::vector<std::unique_ptr<Greeter>> greeters;
  for (std::uint16_t i = 0; i < 3; ++i) {
    const Address client = Address::v4({192, 0, 2, 1}, static_cast<std::uint16_t>(40'000 + i));
    greeters.push_back(std::make_unique<Greeter>(paced(3, 3ms), Names(2000)));
    simulation.add(*greeters.back(), client);
    join(simulation, kSlowLink, everything(), i, client);
  }
  EXPECT_EQ(run(simulation), RunEnd::kIdle);
  for (std::size_t i = 0; i < 6; ++i) {
    const auto direction = static_cast<Direction>(i % 2);
    const LinkCounters& counted = simulation.link(i / 2, direction).counters();
    const LinkCounters& seen = observer.counters[i];
    EXPECT_EQ(seen.offered, counted.offered);
    EXPECT_EQ(seen.lost_by, counted.lost_by);
    EXPECT_EQ(seen.delivered, counted.delivered);
    EXPECT_EQ(seen.duplicated, counted.duplicated);
    EXPECT_EQ(seen.reordered, counted.reordered);
    EXPECT_EQ(seen.held_back, counted.held_back);
    EXPECT_EQ(seen.corrupted, counted.corrupted);
    EXPECT_EQ(counted.offered, counted.delivered + counted.lost());
    EXPECT_GT(counted.offered, 1000U);
    for (const std::uint64_t count :
         {counted.lost(), counted.duplicated, counted.reordered, counted.held_back,
          counted.corrupted, counted.lost_by[static_cast<std::size_t>(LossReason::kQueue)]}) {
      EXPECT_GT(count, 0U);
    }
  }
}

// Loss may delay the greeting, but never prevent it while attempts remain.
TEST(Simulation, GreetsThroughHeavyLoss) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "lossy simulate --drop=30% --attempts=40 --seed=" << seed);
    Greetings run_({.client = {.server = kServerAddress, .retry = {.attempts_max = 40}}},
                   Names(std::vector<std::string>{"Michael", "Tracy", "Sarah"}), {},
                   {.loss = RandomLoss{Probability::ratio(30, 100)}}, seed);
    ASSERT_EQ(run(run_.simulation), RunEnd::kIdle);
    EXPECT_TRUE(run_.greeter.done());
    EXPECT_EQ(run_.greeter.result().greeted, 3U);
    EXPECT_EQ(run_.greeter.result().gave_up, 0U);
  }
}

// Whatever happens on the way, each request ends once, and greetings that arrive are those that
// were asked for.
TEST(Simulation, EveryRequestEndsWhateverHappens) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(testing::Message()
                 << "lossy simulate --count=100 --window=8 --drop=30% --duplicate=30% "
                    "--reorder=30% --corrupt=30% --delay=20ms --jitter=20ms --rate=100kbit "
                    "--queue=5 --seed="
                 << seed);
    Greetings run_({.client = {.server = kServerAddress, .window = 8}}, Names(100),
                   {.delay = 20ms, .rate = {.bits_per_second = 100'000}, .queue_datagrams_max = 5},
                   {.loss = RandomLoss{Probability::ratio(30, 100)},
                    .duplicate = Probability::ratio(30, 100),
                    .reorder = Probability::ratio(30, 100),
                    .corrupt = Probability::ratio(30, 100),
                    .jitter = 20ms},
                   seed);
    ASSERT_EQ(run(run_.simulation), RunEnd::kIdle);
    const GreeterResult& result = run_.greeter.result();
    EXPECT_EQ(result.greeted + result.gave_up, 100U);
    EXPECT_LE(result.attempts, 500U);
    const LinkCounters& up = run_.simulation.link(0, Direction::kUplink).counters();
    const LinkCounters& down = run_.simulation.link(0, Direction::kDownlink).counters();
    EXPECT_EQ(up.offered, result.attempts);
    EXPECT_EQ(run_.server.counters().received, up.delivered + up.duplicated);
    EXPECT_EQ(run_.server.counters().answered, down.offered);
    EXPECT_EQ(run_.greeter.client().counters().received, down.delivered + down.duplicated);
  }
}

// The share of greetings, and the attempts they take, are what the losses of both ways make of
// them: with so many attempts, 1 - (1 - (1 - up)(1 - down))^attempts.
TEST(Simulation, GreetsAsOftenAsTheClosedFormSays) {
  struct Path {
    std::uint64_t up_percent;
    std::uint64_t down_percent;
  };
  constexpr std::uint64_t kRequests = 100'000;
  for (const Path path : {Path{10, 10}, Path{50, 20}, Path{0, 30}}) {
    for (const int attempts_max : {1, 2, 3}) {
      SCOPED_TRACE(testing::Message()
                   << "lossy simulate --count=100000 --interval=10us --delay=2ms --attempts="
                   << attempts_max << " --uplink-drop=" << path.up_percent
                   << "% --downlink-drop=" << path.down_percent << "% --seed=1");
      Greeter greeter(paced(attempts_max), Names(kRequests));
      Server server;
      Simulation simulation;
      simulation.add(greeter, kClientAddress);
      simulation.add(server, kServerAddress);
      simulation.connect(
          kClientAddress, kServerAddress,
          make_link({.delay = 2ms}, {.loss = RandomLoss{Probability::ratio(path.up_percent, 100)}},
                    1, Direction::kUplink),
          make_link({.delay = 2ms},
                    {.loss = RandomLoss{Probability::ratio(path.down_percent, 100)}}, 1,
                    Direction::kDownlink));
      ASSERT_EQ(run(simulation), RunEnd::kIdle);
      const double up = static_cast<double>(path.up_percent) / 100;
      const double down = static_cast<double>(path.down_percent) / 100;
      const double fails = 1 - (1 - up) * (1 - down);
      const GreeterResult& result = greeter.result();
      expect_rate(result.greeted, kRequests, 1 - std::pow(fails, attempts_max), "greeted");
      EXPECT_EQ(result.greeted + result.gave_up, kRequests);
      // A request takes more than k attempts when k have failed.
      double mean = 0;
      double square = 0;
      for (int k = 0; k < attempts_max; ++k) {
        mean += std::pow(fails, k);
        square += (2 * k + 1) * std::pow(fails, k);
      }
      const auto n = static_cast<double>(kRequests);
      EXPECT_NEAR(static_cast<double>(result.attempts), n * mean,
                  4 * std::sqrt(n * (square - mean * mean)) + 0.5);
      // Of what is answered at the first attempt, the round-trip time is that of the path.
      EXPECT_EQ(result.rtt.min(), 4ms);
      EXPECT_EQ(result.rtt.max(), 4ms);
      expect_rate(result.rtt.count(), kRequests, 1 - fails, "greeted at the first attempt");
    }
  }
}

// Duplicates and reordering neither prevent a greeting nor add one.
TEST(Simulation, DuplicatesAndReorderingChangeNoResult) {
  constexpr std::uint64_t kRequests = 20'000;
  Greetings run_(paced(1), Names(kRequests), {.delay = 20ms},
                 {.duplicate = Probability::ratio(30, 100),
                  .reorder = Probability::ratio(30, 100),
                  .jitter = 10ms},
                 1);
  ASSERT_EQ(run(run_.simulation), RunEnd::kIdle);
  EXPECT_EQ(run_.greeter.result().greeted, kRequests);
  EXPECT_EQ(run_.greeter.result().attempts, kRequests);
  const ClientCounters& client = run_.greeter.client().counters();
  EXPECT_EQ(client.received, kRequests + client.unexpected);
  const double expected = kRequests * (1.3 * 1.3 - 1);
  EXPECT_NEAR(static_cast<double>(client.unexpected), expected, expected / 20);
}

// A corrupted greeting is another name's, or none: the client never takes it for its own, though a
// request whose flipped bit makes it no text is never answered.
TEST(Simulation, CorruptionIsNeverTakenForAGreeting) {
  constexpr std::uint64_t kRequests = 20'000;
  Greeter greeter(paced(1), Names(kRequests));
  Server server;
  Simulation simulation;
  simulation.add(greeter, kClientAddress);
  simulation.add(server, kServerAddress);
  simulation.connect(
      kClientAddress, kServerAddress, make_link({.delay = 2ms}),
      make_link({.delay = 2ms}, {.corrupt = Probability::ratio(1, 1)}, 1, Direction::kDownlink));
  ASSERT_EQ(run(simulation), RunEnd::kIdle);
  // All answers differ from what was asked for in one bit. A few turn one guest into another who
  // was asked for too and still waits, and whom the server did answer.
  const ClientCounters& client = greeter.client().counters();
  EXPECT_EQ(client.received, kRequests);
  EXPECT_EQ(greeter.result().greeted + client.unexpected + client.refused[0] + client.refused[1] +
                client.refused[2] + client.refused[3],
            kRequests);
  EXPECT_LT(greeter.result().greeted, kRequests / 4);
  EXPECT_GT(client.refused[static_cast<std::size_t>(Malformed::kNotUtf8)], 0U);
  EXPECT_GT(client.refused[static_cast<std::size_t>(Malformed::kNotAGreeting)], 0U);
}

// Many clients on one server, each on a path of its own: all are served, nobody's loss is anybody
// else's, and each runs as it would alone.
TEST(Simulation, ManyClientsOnOneServer) {
  constexpr std::uint16_t kClients = 50;
  const auto address = [](std::uint16_t i) {
    return Address::v4({192, 0, 2, 1}, static_cast<std::uint16_t>(40'000 + i));
  };
  const auto impairments = [](std::uint16_t i) {
    return Impairments{.loss = RandomLoss{Probability::ratio(i, 100)},
                       .duplicate = Probability::ratio(i, 100)};
  };
  const LinkOptions link{.delay = 20ms};
  const auto make = [] {
    return std::make_unique<Greeter>(
        GreeterOptions{.client = {.server = kServerAddress, .retry = {.attempts_max = 60}}},
        Names(20));
  };
  std::vector<std::unique_ptr<Greeter>> greeters;
  Server server;
  Simulation simulation;
  simulation.add(server, kServerAddress);
  for (std::uint16_t i = 0; i < kClients; ++i) {
    greeters.push_back(make());
    simulation.add(*greeters.back(), address(i));
    join(simulation, link, impairments(i), i, address(i));
  }
  ASSERT_EQ(run(simulation), RunEnd::kIdle);
  std::uint64_t answered = 0;
  for (std::uint16_t i = 0; i < kClients; ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(greeters[i]->result().greeted, 20U);
    answered += simulation.link(i, Direction::kDownlink).counters().offered;

    const auto alone = make();
    Server own_server;
    Simulation own;
    own.add(own_server, kServerAddress);
    own.add(*alone, address(i));
    join(own, link, impairments(i), i, address(i));
    ASSERT_EQ(run(own), RunEnd::kIdle);
    EXPECT_EQ(alone->result().attempts, greeters[i]->result().attempts);
    for (const Direction direction : {Direction::kUplink, Direction::kDownlink}) {
      EXPECT_EQ(own.link(0, direction).counters().lost(),
                simulation.link(i, direction).counters().lost());
    }
  }
  EXPECT_EQ(server.counters().answered, answered);
  EXPECT_EQ(simulation.unroutable(), 0U);
}

// What happened in a run, event by event; in one go or stopped at many deadlines.
Strings trace_of(std::uint64_t seed, Duration pause = Duration::zero()) {
  Trace trace;
  Greetings run_(paced(3, 3ms), Names(500), kSlowLink, everything(), seed);
  run_.simulation.observe(trace);
  Instant deadline = pause > Duration::zero() ? Instant{} : Instant::max();
  while (run(run_.simulation, deadline) == RunEnd::kDeadline) deadline += pause;
  EXPECT_TRUE(run_.greeter.done());
  return trace.lines;
}

// The same run twice is the same, event by event, also when it is stopped and goes on; another seed
// is another run.
TEST(Simulation, TheSameSeedIsTheSameRun) {
  const Strings once = trace_of(4);
  EXPECT_GT(once.size(), 1500U);
  EXPECT_EQ(trace_of(4), once);
  EXPECT_EQ(trace_of(4, 777us), once);
  EXPECT_NE(trace_of(5), once);
}

// What a random run did, written down as faults, gives the same run again, event by event.
TEST(Simulation, AListIsTheSameRun) {
  for (const bool keeps_order : {false, true}) {
    struct Saver final : Observer {
      void on_offered(Instant, const Passage& passage, const Offer& offer) override {
        if (offer.fate->is_plain()) return;
        faults += format_fault(passage.direction, offer.number, *offer.fate) + '\n';
      }
      std::string faults;
    };
    LinkOptions link = kSlowLink;
    link.keeps_order = keeps_order;
    Saver saver;
    Trace random;
    Greetings run_(paced(3, 3ms), Names(500), link, everything(), 4);
    run_.simulation.observe(saver);
    run_.simulation.observe(random);
    ASSERT_EQ(run(run_.simulation), RunEnd::kIdle);

    const FaultList list = FaultList::parse(saver.faults);
    Trace listed;
    Greeter greeter(paced(3, 3ms), Names(500));
    Server server;
    Simulation simulation;
    simulation.add(greeter, kClientAddress);
    simulation.add(server, kServerAddress);
    simulation.observe(listed);
    simulation.connect(kClientAddress, kServerAddress,
                       Link(link, std::make_unique<ListedFates>(list, Direction::kUplink)),
                       Link(link, std::make_unique<ListedFates>(list, Direction::kDownlink)));
    ASSERT_EQ(run(simulation), RunEnd::kIdle);
    EXPECT_EQ(listed.lines, random.lines);
  }
}

// IPv6 is the same with other addresses and headers.
TEST(Simulation, GreetsOverIpv6) {
  const Address client = *Address::parse("[2001:db8::1]:40000");
  const Address server_address = *Address::parse("[2001:db8::2]:9999");
  Greeter greeter({.client = {.server = server_address}},
                  Names(std::vector<std::string>{"Michael", "Tracy", "Sarah"}));
  Server server;
  Trace trace;
  Simulation simulation;
  simulation.add(greeter, client);
  simulation.add(server, server_address);
  simulation.observe(trace);
  const LinkOptions link{.rate = {.bits_per_second = 8000}, .header_bytes = 48};
  join(simulation, link, {}, 4, client, server_address);
  EXPECT_EQ(run(simulation), RunEnd::kIdle);
  EXPECT_EQ(greeter.result().greeted, 3U);
  // 1 ms a byte: 55 for the request, 63 for the answer.
  EXPECT_EQ(greeter.result().rtt.max(), 118ms);
  EXPECT_EQ(trace.lines.front(),
            "0 0 [2001:db8::1]:40000>[2001:db8::2]:9999 1 sent uplink.1:deliver \"Michael\"");
}

// Somebody else's protocol: sends the numbers 1 to N, each until it is acknowledged.
class Counter final : public Endpoint {
 public:
  Counter(Address peer, std::uint32_t last) : peer_(peer), last_(last) {}
  bool done() const { return next_ > last_; }

  void handle_datagram(Instant, const Datagram& datagram) override {
    if (datagram.payload.size() != 4) return;
    std::uint32_t acknowledged = 0;
    std::memcpy(&acknowledged, datagram.payload.data(), 4);
    if (acknowledged != next_) return;
    ++next_;
    sent_ = false;
  }
  void handle_timeout(Instant now) override {
    if (again_ && now >= *again_) sent_ = false;
  }
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer) override {
    if (done()) again_.reset();
    if (done() || sent_) return std::nullopt;
    std::memcpy(buffer.data(), &next_, 4);
    sent_ = true;
    again_ = now + 100ms;
    return Transmit{peer_, 4};
  }
  std::optional<Instant> poll_timeout() const override { return again_; }

 private:
  Address peer_;
  std::uint32_t next_ = 1;
  std::uint32_t last_;
  bool sent_ = false;
  std::optional<Instant> again_{};
};

// Acknowledges every number, and takes each once.
class Acknowledger final : public Endpoint {
 public:
  void handle_datagram(Instant, const Datagram& datagram) override {
    if (datagram.payload.size() != 4) return;
    std::uint32_t number = 0;
    std::memcpy(&number, datagram.payload.data(), 4);
    if (number == taken.size() + 1) taken.push_back(number);
    if (number <= taken.size()) acknowledge_.emplace_back(datagram.source, number);
  }
  void handle_timeout(Instant) override {}
  std::optional<Transmit> poll_transmit(Instant, std::span<std::byte> buffer) override {
    if (acknowledge_.empty()) return std::nullopt;
    const auto [to, number] = acknowledge_.front();
    acknowledge_.pop_front();
    std::memcpy(buffer.data(), &number, 4);
    return Transmit{to, 4};
  }
  std::optional<Instant> poll_timeout() const override { return std::nullopt; }

  std::vector<std::uint32_t> taken;

 private:
  std::deque<std::pair<Address, std::uint32_t>> acknowledge_;
};

// Any protocol with these verbs runs here, not the greeting alone.
TEST(Simulation, RunsSomebodyElsesProtocol) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Counter counter(kServerAddress, 100);
    Acknowledger acknowledger;
    Simulation simulation;
    simulation.add(counter, kClientAddress);
    simulation.add(acknowledger, kServerAddress);
    join(simulation, {.delay = 20ms},
         {.loss = RandomLoss{Probability::ratio(30, 100)},
          .duplicate = Probability::ratio(20, 100),
          .reorder = Probability::ratio(20, 100),
          .jitter = 15ms},
         seed);
    EXPECT_EQ(simulation.run_until([&] { return counter.done(); }, Instant(1h)),
              RunEnd::kPredicate);
    EXPECT_EQ(acknowledger.taken.size(), 100U);
    EXPECT_EQ(run(simulation), RunEnd::kIdle);
  }
}

// A broken caller is told.
TEST(Simulation, RefusesWhatCannotBeMeant) {
  Scripted client;
  Scripted server;
  Simulation simulation;
  simulation.add(client, kClientAddress);
  EXPECT_THROW(simulation.add(server, kClientAddress), std::logic_error);
  EXPECT_THROW(join(simulation, {}, {}, 4), std::logic_error);
  simulation.add(server, kServerAddress);
  EXPECT_THROW(join(simulation, {}, {}, 4, kClientAddress, kClientAddress), std::logic_error);
  EXPECT_NO_THROW(join(simulation, {}, {}, 4));
  EXPECT_THROW(join(simulation, {}, {}, 4), std::logic_error);
  EXPECT_THROW(join(simulation, {}, {}, 4, kServerAddress, kClientAddress), std::logic_error);
  EXPECT_NO_THROW((void)simulation.link(0, Direction::kDownlink));
  EXPECT_THROW((void)simulation.link(1, Direction::kUplink), std::exception);
}

// An endpoint that claims to have written more than its buffer holds is stopped at once.
TEST(Simulation, RefusesAnImpossibleTransmit) {
  struct Liar final : Endpoint {
    void handle_datagram(Instant, const Datagram&) override {}
    void handle_timeout(Instant) override {}
    std::optional<Transmit> poll_transmit(Instant, std::span<std::byte> buffer) override {
      return Transmit{kServerAddress, buffer.size() + 1};
    }
    std::optional<Instant> poll_timeout() const override { return std::nullopt; }
  };
  Liar liar;
  Simulation simulation;
  simulation.add(liar, kClientAddress);
  EXPECT_THROW(run(simulation), std::logic_error);
}

}  // namespace
}  // namespace lossy
