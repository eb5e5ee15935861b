#include <lossy/harness/sim/simulation.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lossy/core/endpoint.hpp>
#include <lossy/core/greeting/greeter.hpp>
#include <lossy/core/greeting/server.hpp>
#include <lossy/harness/link/fault_list.hpp>
#include <lossy/harness/sim/simulation_for_test.hpp>

namespace lossy {
namespace {

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

// Whoever ends a run learns what is in flight then, way by way, and of no datagram that has
// arrived.
TEST(Simulation, TellsWhatIsInFlight) {
  Scripted client;
  Scripted server;
  Simulation simulation;
  simulation.add(client, kClientAddress);
  simulation.add(server, kServerAddress);
  join(simulation, {.delay = 10ms}, {}, 4);
  for (const char* text : {"a", "b"}) client.send(kServerAddress, text);
  client.at(5ms);
  client.on_timeout = [&] { client.send(kServerAddress, "c"); };
  server.on_datagram = [&](const Datagram& datagram) { server.send(datagram.source, "answer"); };
  run(simulation, Instant(10ms));
  Trace trace;
  simulation.observe(trace);
  simulation.tell_in_flight();
  EXPECT_EQ(trace.lines, (Strings{"10000000 0 192.0.2.1:40000>192.0.2.2:9999 3 in flight \"\"",
                                  "10000000 0 192.0.2.2:9999>192.0.2.1:40000 1 in flight \"\"",
                                  "10000000 0 192.0.2.2:9999>192.0.2.1:40000 2 in flight \"\""}));
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
  server.send(kClientAddress, "three");
  run(simulation);
  using Received = std::vector<std::pair<Address, std::string>>;
  EXPECT_EQ(server.received, (Received{{kClientAddress, "one"}, {kClientAddress, ""}}));
  EXPECT_EQ(bystander.received, (Received{{kClientAddress, "two"}}));
  EXPECT_EQ(client.received, (Received{{kServerAddress, "three"}}));
  EXPECT_EQ(simulation.unroutable(), 0U);
}

// The longest datagram that IP has goes through, and one byte more than IPv4 has is the endpoint's
// mistake.
TEST(Simulation, CarriesWhatIpCarries) {
  const Address client6 = *Address::parse("[2001:db8::1]:40000");
  const Address server6 = *Address::parse("[2001:db8::2]:9999");
  for (const auto& [from, to, longest] :
       {std::tuple{kClientAddress, kServerAddress, std::size_t{65'507}},
        std::tuple{client6, server6, std::size_t{65'527}}}) {
    Scripted client;
    Scripted server;
    Simulation simulation;
    simulation.add(client, from);
    simulation.add(server, to);
    Impairments twice;
    twice.duplicate.probability = Probability::ratio(1, 1);
    join(simulation, {.delay = 1ms}, twice, 4, from, to);
    const std::string text(longest, 'x');
    client.send(to, text);
    run(simulation);
    using Received = std::vector<std::pair<Address, std::string>>;
    EXPECT_EQ(server.received, (Received{{from, text}, {from, text}}));
    if (to.is_v6()) continue;  // There the buffer ends, too.
    client.send(to, text + 'x');
    EXPECT_THROW(run(simulation), std::logic_error);
  }
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
  const Path path = join(simulation, {}, {}, 4);
  client.send(at_alone, "no path");
  client.send(Address::v4({203, 0, 113, 1}, 1), "nobody");
  client.send(kServerAddress, "somebody");
  client.send(kClientAddress, "oneself");
  alone.send(kClientAddress, "no path");
  EXPECT_EQ(run(simulation), RunEnd::kIdle);
  EXPECT_EQ(simulation.unroutable(), 4U);
  EXPECT_EQ(server.received.size(), 1U);
  EXPECT_TRUE(client.received.empty());
  EXPECT_EQ(simulation.link(path.there).counters().offered, 1U);
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
  simulation.path(simulation.host_at(kClientAddress), simulation.host_at(kServerAddress),
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
  std::vector<Path> paths;
  for (std::uint16_t i = 0; i < 3; ++i) {
    const Address client = Address::v4({192, 0, 2, 1}, static_cast<std::uint16_t>(40'000 + i));
    greeters.push_back(std::make_unique<Greeter>(paced(3, 3ms), Names(2000)));
    simulation.add(*greeters.back(), client);
    paths.push_back(join(simulation, kSlowLink, everything(), i, client));
  }
  EXPECT_EQ(run(simulation), RunEnd::kIdle);
  for (std::size_t i = 0; i < 6; ++i) {
    const auto direction = static_cast<Direction>(i % 2);
    const LinkCounters& counted = simulation.link(paths[i / 2][direction]).counters();
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
  EXPECT_NO_THROW((void)simulation.link(LinkId{1}));
  EXPECT_THROW((void)simulation.link(LinkId{2}), std::logic_error);
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
