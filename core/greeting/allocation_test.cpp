// The core allocates nothing per datagram once it is warm. This program counts every allocation, so
// it is one of its own.
#include <gtest/gtest.h>

#include <array>

#include <lossy/core/allocations_for_test.hpp>
#include <lossy/core/greeting/greeter.hpp>
#include <lossy/core/greeting/server.hpp>
#include <lossy/core/random.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

const Address kServerAddress = Address::v4({127, 0, 0, 1}, 9999);
const Address kClientAddress = Address::v4({127, 0, 0, 1}, 50'000);

// A network of fixed size that loses 30 % each way and delays nothing.
void greet_until(Greeter& greeter, Server& server, Instant& now, std::uint64_t greetings) {
  const RandomStream losses(1);
  std::uint64_t draws = 0;
  std::array<std::byte, kMessageBytesMax> request;
  std::array<std::byte, kMessageBytesMax> answer;
  const auto lost = [&] { return Probability::ratio(30, 100).happens(losses.at(++draws)); };
  while (greeter.result().greeted < greetings) {
    while (const auto sent = greeter.poll_transmit(now, request)) {
      if (lost()) continue;
      server.handle_datagram(now, {kClientAddress, std::span(request).first(sent->size)});
      const auto answered = server.poll_transmit(now, answer);
      if (!answered || lost()) continue;
      greeter.handle_datagram(now, {kServerAddress, std::span(answer).first(answered->size)});
    }
    if (const auto timeout = greeter.poll_timeout()) now = std::max(now, *timeout);
    greeter.handle_timeout(now);
  }
}

// The counter counts: without this, the test below could not fail.
TEST(Allocation, IsCounted) {
  const std::uint64_t before = allocations;
  ::operator delete(::operator new(1));
  EXPECT_EQ(allocations, before + 1);
}

// Through 60,000 greetings with their retransmissions, after twice as many to get warm, nothing is
// allocated, though the names are longer than what a std::string holds within itself. (Timeouts
// that stay doubled let rare runs of losses reach a new peak of outstanding names: hence so many.)
TEST(Allocation, NoneOnceWarm) {
  for (const std::optional<Duration> interval : {std::optional<Duration>(), {1ms}, {20ms}}) {
    std::vector<std::string> names;
    for (int i = 0; i < 190'000; ++i) {
      names.push_back("a guest with a rather long name, number " + std::to_string(i % 997));
    }
    Server server;
    Greeter greeter({.client = {.server = kServerAddress, .window = 64}, .interval = interval},
                    Names(std::move(names)));
    Instant now{};
    greet_until(greeter, server, now, 120'000);
    const std::uint64_t before = allocations;
    greet_until(greeter, server, now, 180'000);
    EXPECT_EQ(allocations - before, 0U);
    EXPECT_GE(greeter.result().greeted, 180'000U);
  }
}

}  // namespace
}  // namespace lossy
