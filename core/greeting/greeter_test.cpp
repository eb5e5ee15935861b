#include <lossy/core/greeting/greeter.hpp>

#include <gmock/gmock.h>

#include <lossy/core/greeting/pair_for_test.hpp>
#include <lossy/core/random.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using namespace testing_pair;
using testing::ElementsAre;

constexpr Instant at(Duration since_start) {
  return Instant(since_start);
}

GreeterOptions options(std::size_t window = 1, std::optional<Duration> interval = {}) {
  return {.client = {.server = kServerAddress, .window = window}, .interval = interval};
}

Names given(std::vector<std::string> names) {
  return Names(std::move(names));
}

// Generated names are guest-1 to guest-N, for any N, without a list of them.
TEST(Names, AreGivenOrMadeUp) {
  Names made_up(std::uint64_t{12'000'000'000});
  EXPECT_EQ(made_up.size(), 12'000'000'000U);
  EXPECT_EQ(made_up.at(0), "guest-1");
  EXPECT_EQ(made_up.at(11'999'999'999), "guest-12000000000");
  EXPECT_THROW(made_up.at(12'000'000'000), std::logic_error);

  Names two = given({"Michael", "Tracy"});
  EXPECT_EQ(two.size(), 2U);
  EXPECT_EQ(two.at(1), "Tracy");
  EXPECT_THROW(two.at(2), std::logic_error);
  EXPECT_THROW(given({}).at(0), std::logic_error);
}

// Without an interval, the next greeting is asked for when the one before has ended.
TEST(Greeter, GreetsOneAfterTheOther) {
  Pair<Greeter> pair(options(), given({"Michael", "Tracy", "Sarah"}));
  EXPECT_EQ(pair.asker.poll_timeout(), at(0s));
  EXPECT_FALSE(pair.asker.done());
  pair.drive();
  EXPECT_THAT(pair.requests, ElementsAre(Sent{at(0ms), "Michael"}, Sent{at(20ms), "Tracy"},
                                         Sent{at(40ms), "Sarah"}));
  EXPECT_TRUE(pair.asker.done());
  EXPECT_EQ(pair.asker.requests(), 3U);
  EXPECT_EQ(pair.asker.result().greeted, 3U);
  EXPECT_EQ(pair.asker.result().gave_up, 0U);
  EXPECT_EQ(pair.asker.result().attempts, 3U);
  EXPECT_EQ(pair.asker.result().rtt.count(), 3U);
  EXPECT_EQ(pair.asker.result().rtt.min(), 20ms);
  EXPECT_EQ(pair.asker.poll_timeout(), std::nullopt);
}

// It fills its window, and keeps it full.
TEST(Greeter, FillsItsWindow) {
  Pair<Greeter> pair(options(4), Names(10));
  pair.drive();
  std::vector<Duration> sent;
  for (const Sent& one : pair.requests) sent.push_back(one.sent_at.time_since_epoch());
  EXPECT_THAT(sent, ElementsAre(0ms, 0ms, 0ms, 0ms, 20ms, 20ms, 20ms, 20ms, 40ms, 40ms));
}

// A name that waits for its own kind does not keep the rest of the window empty, and the greeter
// has asked for all that fits when it has nothing more to send.
TEST(Greeter, WaitingNamesLeaveTheWindowToOthers) {
  Pair<Greeter> pair(options(2), given({"Bob", "Bob", "Bob", "Tracy"}));
  pair.step();
  EXPECT_THAT(pair.requests, ElementsAre(Sent{at(0s), "Bob"}, Sent{at(0s), "Tracy"}));
  EXPECT_EQ(pair.asker.poll_timeout(), at(1s));
  pair.drive();
  EXPECT_EQ(pair.asker.result().greeted, 4U);
}

// With an interval, greetings are asked for on the dot, whatever is still outstanding.
TEST(Greeter, PacesItsGreetings) {
  Pair<Greeter> pair(options(100, 5ms), Names(4));
  pair.loses_request = [](const Sent& sent) { return sent.payload == "guest-2"; };
  pair.drive_until(at(500ms));
  EXPECT_THAT(pair.requests, ElementsAre(Sent{at(0ms), "guest-1"}, Sent{at(5ms), "guest-2"},
                                         Sent{at(10ms), "guest-3"}, Sent{at(15ms), "guest-4"}));
  EXPECT_FALSE(pair.asker.done());
  pair.loses_request = nullptr;
  pair.drive();
  EXPECT_TRUE(pair.asker.done());
  EXPECT_EQ(pair.asker.result().greeted, 4U);
  EXPECT_EQ(pair.asker.result().attempts, 5U);
  EXPECT_EQ(pair.asker.result().rtt.count(), 3U) << "what was sent twice was not measured";
}

// Paced greetings beyond the window wait for room in it, and none is forgotten.
TEST(Greeter, PacedGreetingsRespectTheWindow) {
  Pair<Greeter> pair(options(1, 5ms), Names(3));
  pair.drive();
  EXPECT_THAT(pair.requests, ElementsAre(Sent{at(0ms), "guest-1"}, Sent{at(20ms), "guest-2"},
                                         Sent{at(40ms), "guest-3"}));
}

// A driver that is late catches up with what was due meanwhile.
TEST(Greeter, CatchesUpWhenDrivenLate) {
  Pair<Greeter> pair(options(100, 5ms), Names(4));
  pair.now = at(12ms);
  pair.asker.handle_timeout(pair.now);
  pair.drain();
  EXPECT_EQ(pair.requests.size(), 3U);
  EXPECT_EQ(pair.asker.poll_timeout(), at(15ms));
}

// Nothing happens before the start.
TEST(Greeter, StartsAtItsStart) {
  for (const std::optional<Duration> interval : {std::optional<Duration>(), {5ms}}) {
    GreeterOptions late = options(1, interval);
    late.start = at(3s);
    Pair<Greeter> pair(late, Names(2));
    EXPECT_EQ(pair.asker.poll_timeout(), at(3s));
    pair.asker.handle_timeout(at(3s) - 1ns);
    pair.drain();
    EXPECT_TRUE(pair.requests.empty());
    pair.drive();
    EXPECT_EQ(pair.requests.at(0).sent_at, at(3s));
    EXPECT_TRUE(pair.asker.done());
  }
}

// Nobody to greet: it is done before it has begun.
TEST(Greeter, IsDoneWithNobodyToGreet) {
  for (const std::optional<Duration> interval : {std::optional<Duration>(), {5ms}}) {
    Pair<Greeter> pair(options(1, interval), Names(0));
    EXPECT_TRUE(pair.asker.done());
    EXPECT_EQ(pair.asker.poll_timeout(), std::nullopt);
    pair.drive();
    EXPECT_TRUE(pair.requests.empty());
  }
}

// More greetings than the client takes at once are all asked for in the end.
TEST(Greeter, AsksForMoreThanTheClientTakesAtOnce) {
  Pair<Greeter> pair(options(1, 1ns), Names(Client::kRequestsMax + 2));
  pair.now = at(1s);
  pair.asker.handle_timeout(pair.now);
  pair.drain();
  EXPECT_EQ(pair.asker.client().pending(), Client::kRequestsMax);
  EXPECT_EQ(pair.asker.poll_timeout(), at(2s)) << "with no room, only the client's timer is armed";
  pair.inject("Hello, guest-1!");
  EXPECT_EQ(pair.asker.poll_timeout(), at(0s) + Duration(Client::kRequestsMax))
      << "with room again, the next is overdue";
  pair.asker.handle_timeout(pair.now);
  EXPECT_EQ(pair.asker.client().pending(), Client::kRequestsMax);
}

// Each end is told once, with all there is to know, and the result adds up.
TEST(Greeter, TellsEachEnd) {
  std::vector<Ended> told;
  GreeterOptions two_attempts = options(8);
  two_attempts.client.retry.attempts_max = 2;
  Pair<Greeter> pair(
      two_attempts, given({"Michael", "Tracy", "Sarah"}), [&](const ClientEvent& event) {
        told.push_back(
            {event.request, event.kind, std::string(event.name), event.attempts, event.elapsed});
      });
  int sent_of_sarah = 0;
  pair.loses_request = [&](const Sent& sent) {
    return sent.payload == "Tracy" || (sent.payload == "Sarah" && sent_of_sarah++ == 0);
  };
  pair.drive();
  using Kind = ClientEvent::Kind;
  EXPECT_THAT(told, ElementsAre(Ended{1, Kind::kGreeted, "Michael", 1, 20ms},
                                Ended{3, Kind::kGreeted, "Sarah", 2, 1020ms},
                                Ended{2, Kind::kGaveUp, "Tracy", 2, 3s}));
  EXPECT_EQ(pair.asker.result().greeted, 2U);
  EXPECT_EQ(pair.asker.result().gave_up, 1U);
  EXPECT_EQ(pair.asker.result().attempts, 5U);
  EXPECT_EQ(pair.asker.result().rtt.count(), 1U);
}

// The sum of the results is the number of names, whatever is lost and however it is paced.
TEST(Greeter, ResultsAddUpUnderLoss) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    const RandomStream stream(seed);
    std::uint64_t draws = 0;
    const auto loses = [&](const Sent&) {
      return Probability::ratio(30, 100).happens(stream.at(++draws));
    };
    const auto interval = seed % 2 == 0 ? std::optional<Duration>(3ms) : std::nullopt;
    Pair<Greeter> pair(options(1 + seed % 5, interval), Names(60));
    pair.loses_request = loses;
    pair.loses_answer = loses;
    pair.drive();
    EXPECT_TRUE(pair.asker.done());
    EXPECT_EQ(pair.asker.result().greeted + pair.asker.result().gave_up, 60U);
    EXPECT_EQ(pair.asker.result().attempts, pair.requests.size());
  }
}

// An interval that lies beyond the end of time is never due, and does not overflow.
TEST(Greeter, ExtremeTimesDoNotOverflow) {
  GreeterOptions far = options(100, kDurationMax);
  far.start = Instant::max() - 1ns;
  Pair<Greeter> pair(far, Names(100));
  EXPECT_EQ(pair.asker.poll_timeout(), Instant::max() - 1ns);
  pair.now = Instant::max() - 1ns;
  pair.asker.handle_timeout(pair.now);
  pair.drain();
  EXPECT_EQ(pair.requests.size(), 1U);
  EXPECT_EQ(pair.asker.poll_timeout(), Instant::max());
}

TEST(Greeter, RefusesOptionsOutOfRange) {
  for (const Duration bad : {Duration(0s), Duration(-1ns), kDurationMax + 1ns}) {
    EXPECT_THROW(Greeter(options(1, bad), Names(1)), std::logic_error);
  }
}

}  // namespace
}  // namespace lossy
