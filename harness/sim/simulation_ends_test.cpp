#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include <lossy/core/endpoint.hpp>
#include <lossy/core/greeting/server.hpp>
#include <lossy/harness/sim/simulation_for_test.hpp>

namespace lossy {
namespace {

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
      EXPECT_EQ(run(simulation), RunEnd::kStuck);
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
    EXPECT_EQ(run(simulation), burst == 1000 ? RunEnd::kIdle : RunEnd::kStuck);
    EXPECT_EQ(run(simulation), RunEnd::kIdle);  // The bound is each run's own.
  }
}

}  // namespace
}  // namespace lossy
