#include <lossy/core/greeting/client.hpp>

#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>
#include <map>

#include <lossy/core/greeting/pair_for_test.hpp>
#include <lossy/core/random.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using namespace testing_pair;
using testing::ElementsAre;
using Kind = ClientEvent::Kind;

constexpr Instant at(Duration since_start) {
  return Instant(since_start);
}

ClientOptions options(std::size_t window = 1, RetryOptions retry = {}) {
  return {.server = kServerAddress, .retry = retry, .window = window};
}

const auto kLoseAll = [](const Sent&) { return true; };

std::vector<Instant> times(const std::vector<Sent>& sent) {
  std::vector<Instant> result;
  for (const Sent& one : sent) result.push_back(one.sent_at);
  return result;
}

std::vector<std::string> payloads(const std::vector<Sent>& sent) {
  std::vector<std::string> result;
  for (const Sent& one : sent) result.push_back(one.payload);
  return result;
}

// The plain case: one request, one answer, one event that tells it as it was.
TEST(Client, GetsItsGreeting) {
  Pair<Client> pair(options());
  EXPECT_EQ(pair.asker.greet("Michael"), 1U);
  EXPECT_EQ(pair.asker.pending(), 1U);
  EXPECT_EQ(pair.asker.outstanding(), 0U);
  pair.drain();
  EXPECT_EQ(pair.asker.outstanding(), 1U);
  EXPECT_EQ(pair.asker.poll_timeout(), at(1s));
  pair.drive();
  EXPECT_THAT(pair.requests, ElementsAre(Sent{at(0s), "Michael"}));
  EXPECT_THAT(pair.ended, ElementsAre(Ended{1, Kind::kGreeted, "Michael", 1, 20ms}));
  EXPECT_EQ(pair.asker.pending(), 0U);
  EXPECT_EQ(pair.asker.outstanding(), 0U);
  EXPECT_EQ(pair.asker.poll_timeout(), std::nullopt);
  EXPECT_EQ(pair.asker.counters().sent, 1U);
  EXPECT_EQ(pair.asker.counters().received, 1U);
}

// The tutorial's three greetings come one after the other, in the order asked.
TEST(Client, GreetsInOrderByDefault) {
  Pair<Client> pair(options());
  for (const char* name : {"Michael", "Tracy", "Sarah"}) pair.asker.greet(name);
  pair.drive();
  EXPECT_THAT(pair.requests, ElementsAre(Sent{at(0ms), "Michael"}, Sent{at(20ms), "Tracy"},
                                         Sent{at(40ms), "Sarah"}));
  ASSERT_EQ(pair.ended.size(), 3U);
  for (std::uint64_t i = 0; i < 3; ++i) EXPECT_EQ(pair.ended[i].request, i + 1);
}

// A name is whatever parse_request() accepts, up to the largest, and nothing else.
TEST(Client, AsksForNamesOnly) {
  Pair<Client> pair(options(4));
  const std::string longest(1016, 'x');
  for (const std::string& name : {std::string("Zoë 🙂"), longest, std::string("Hello, Bob!")}) {
    pair.asker.greet(name);
  }
  pair.drive();
  EXPECT_THAT(payloads(pair.requests), ElementsAre("Zoë 🙂", longest, "Hello, Bob!"));
  for (const Ended& end : pair.ended) EXPECT_EQ(end.kind, Kind::kGreeted);
  for (const std::string& name : {std::string(), std::string(1017, 'x'), std::string("\xFF")}) {
    EXPECT_THROW(pair.asker.greet(name), std::logic_error);
  }
  EXPECT_EQ(pair.asker.pending(), 0U);
}

// Without answers a request is sent at 0, 1, 3, 7 and 15 s and given up at 31 s: five attempts,
// each waiting twice as long as the one before (RFC 8085, 3.1.1; RFC 6298, 5.5).
TEST(Client, RetransmitsOnScheduleAndGivesUp) {
  Pair<Client> pair(options());
  pair.loses_request = kLoseAll;
  pair.asker.greet("Michael");
  pair.drive();
  EXPECT_THAT(times(pair.requests), ElementsAre(at(0s), at(1s), at(3s), at(7s), at(15s)));
  EXPECT_THAT(pair.ended, ElementsAre(Ended{1, Kind::kGaveUp, "Michael", 5, 31s}));
  EXPECT_EQ(pair.asker.counters().sent, 5U);
  EXPECT_EQ(pair.asker.pending(), 0U);
}

// Attempts are bounded by attempts_max and waiting by max_rto.
TEST(Client, KeepsItsBounds) {
  for (const int attempts : {1, 2, 7, 40}) {
    Pair<Client> pair(options(1, {.max_rto = 3s, .attempts_max = attempts}));
    pair.loses_answer = kLoseAll;
    pair.asker.greet("Michael");
    pair.drive();
    std::vector<Instant> expected = {at(0s), at(1s), at(3s)};
    while (expected.size() < 40) expected.push_back(expected.back() + 3s);
    expected.resize(static_cast<std::size_t>(attempts));
    EXPECT_EQ(times(pair.requests), expected);
    ASSERT_EQ(pair.ended.size(), 1U);
    EXPECT_EQ(pair.ended[0].attempts, attempts);
  }
}

// What was measured sets the next timeout: R = 500 ms gives 500 + 4 * 250 ms (RFC 6298, 2.2).
TEST(Client, LearnsFromWhatWasSentOnce) {
  Pair<Client> pair(options());
  pair.delay = 250ms;
  pair.asker.greet("Michael");
  pair.drive();
  pair.asker.greet("Tracy");
  pair.drain();
  EXPECT_EQ(pair.asker.poll_timeout(), pair.now + 1500ms);
}

// Karn's rule: an answer to a request that was sent twice teaches nothing, however fast it came,
// and the next request begins with the doubled timeout (RFC 6298, 5.5), here before any sample. One
// that was sent once teaches again: R = 20 ms gives 60 ms, which is less than min_rto.
TEST(Client, KeepsTheBackedOffTimeoutUntilASample) {
  Pair<Client> pair(options());
  int losses = 2;
  pair.loses_request = [&](const Sent&) { return losses-- > 0; };
  pair.asker.greet("Michael");
  pair.drive();
  EXPECT_THAT(pair.ended, ElementsAre(Ended{1, Kind::kGreeted, "Michael", 3, 3020ms}));
  pair.asker.greet("Tracy");
  pair.drain();
  EXPECT_EQ(pair.asker.poll_timeout(), pair.now + 4s);
  pair.drive();
  pair.asker.greet("Sarah");
  pair.drain();
  EXPECT_EQ(pair.asker.poll_timeout(), pair.now + 200ms);
}

// When round trips come to take longer than the timeout, the client learns it in as many copies as
// it takes doublings to get there, 200 ms to 3.2 s, and then sends each request once: whether these
// copies are of one request, or of one after the other.
TEST(Client, LearnsALongerRoundTrip) {
  constexpr int kDoublings = 4;
  for (const auto& [attempts_max, given_up] :
       std::map<int, int>{{1, 4}, {2, 1}, {3, 1}, {4, 0}, {40, 0}}) {
    SCOPED_TRACE(attempts_max);
    Pair<Client> pair(options(1, {.attempts_max = attempts_max}));
    for (int i = 0; i < 10; ++i) pair.asker.greet("near-" + std::to_string(i));
    pair.drive();
    pair.delay = 1s;  // A round trip takes 2 s.
    for (int i = 0; i < 10; ++i) pair.asker.greet("far-" + std::to_string(i));
    pair.drive();
    EXPECT_EQ(std::count_if(pair.ended.begin(), pair.ended.end(),
                            [](const Ended& end) { return end.kind == Kind::kGaveUp; }),
              given_up);
    // A timeout that passes is followed by a copy, or by giving up.
    EXPECT_EQ(pair.requests.size(), static_cast<std::size_t>(20 + kDoublings - given_up));
    EXPECT_EQ(pair.ended.back(), (Ended{20, Kind::kGreeted, "far-9", 1, 2s}));
  }
}

// However many are outstanding when the timeout passes, it doubles once, for each of them and for
// what is sent next.
TEST(Client, BacksOffOnceForAWindow) {
  Pair<Client> pair(options(8));
  pair.loses_request = kLoseAll;
  for (int i = 0; i < 7; ++i) pair.asker.greet("guest-" + std::to_string(i));
  pair.drive_until(at(1s));
  pair.asker.greet("Tracy");
  pair.drive_until(at(7s));
  std::map<std::string, std::vector<Instant>> sent;
  for (const Sent& one : pair.requests) sent[one.payload].push_back(one.sent_at);
  EXPECT_EQ(sent.size(), 8U);
  for (const auto& [name, when] : sent) {
    if (name == "Tracy") {
      EXPECT_THAT(when, ElementsAre(at(1s), at(3s), at(7s)));
    } else {
      EXPECT_THAT(when, ElementsAre(at(0s), at(1s), at(3s), at(7s)));
    }
  }
}

// The longest timeout that a request came to is what the next begins with; others keep to their
// own. A sample ends this for what is sent next, and for nobody else. What was sent before the
// sampled request changes nothing any more, and what was sent after it does.
TEST(Client, BeginsWithTheLongestTimeout) {
  Pair<Client> pair(options(6));
  pair.loses_request = [](const Sent& sent) { return sent.payload != "Ada"; };
  const auto greet_at = [&](Duration when, const char* name) {
    pair.drive_until(at(when));
    pair.asker.greet(name);
  };
  greet_at(0s, "Michael");
  greet_at(500ms, "Tracy");   // Nothing has timed out yet.
  greet_at(7200ms, "Sarah");  // Michael has come to 8 s, and Tracy to 4 s.
  greet_at(7200ms, "Ada");
  pair.drive_until(at(7220ms));
  EXPECT_THAT(pair.ended, ElementsAre(Ended{4, Kind::kGreeted, "Ada", 1, 20ms}));
  greet_at(7600ms, "Zoe");  // Tracy has come to 8 s, of what was sent before Ada.
  greet_at(7900ms, "Bob");  // Zoe has come to 400 ms.
  pair.drive_until(at(20s));
  std::map<std::string, std::vector<Instant>> sent;
  for (const Sent& one : pair.requests) sent[one.payload].push_back(one.sent_at);
  EXPECT_THAT(sent["Michael"], ElementsAre(at(0s), at(1s), at(3s), at(7s), at(15s)));
  EXPECT_THAT(sent["Tracy"],
              ElementsAre(at(500ms), at(1500ms), at(3500ms), at(7500ms), at(15500ms)));
  EXPECT_THAT(sent["Sarah"], ElementsAre(at(7200ms), at(15200ms)));
  EXPECT_THAT(sent["Zoe"], ElementsAre(at(7600ms), at(7800ms), at(8200ms), at(9s), at(10600ms)));
  EXPECT_THAT(sent["Bob"],
              ElementsAre(at(7900ms), at(8300ms), at(9100ms), at(10700ms), at(13900ms)));
}

// Losses among many do not slow the others down while answers keep coming: though of each ten the
// first is lost for ever, and comes to 3.2 s, each begins with 200 ms.
TEST(Client, KeepsItsPaceWhileAnswersCome) {
  Pair<Client> pair(options(1000));
  pair.loses_request = [](const Sent& sent) { return sent.payload.back() == '0'; };
  for (int i = 1; i <= 5'000; ++i) {
    pair.drive_until(at(10ms * i));
    pair.asker.greet("guest-" + std::to_string(i));
  }
  pair.drive();
  std::map<std::string, std::vector<Instant>> sent;
  for (const Sent& one : pair.requests) sent[one.payload].push_back(one.sent_at);
  for (int i = 10; i <= 5'000; i += 10) {
    const std::vector<Instant>& when = sent["guest-" + std::to_string(i)];
    ASSERT_EQ(when.size(), 5U);
    EXPECT_EQ(when[1] - when[0], 200ms);
  }
}

// A request that is given up passes its doubled timeout on, too, and max_rto bounds that.
TEST(Client, GivingUpBacksOff) {
  Pair<Client> pair(options(1, {.max_rto = 10s, .attempts_max = 2}));
  pair.loses_request = kLoseAll;
  for (const char* name : {"Michael", "Tracy", "Sarah"}) pair.asker.greet(name);
  pair.drive();
  EXPECT_THAT(times(pair.requests), ElementsAre(at(0s), at(1s), at(3s), at(7s), at(15s), at(25s)));
  EXPECT_EQ(pair.ended.back(), (Ended{3, Kind::kGaveUp, "Sarah", 2, 20s}));
}

// An answer that arrives at the very instant of the timeout counts: deliveries come first.
TEST(Client, AnswerAtTheDeadlineCounts) {
  Pair<Client> pair(options(1, {.attempts_max = 1}));
  pair.delay = 500ms;
  pair.asker.greet("Michael");
  pair.drive();
  EXPECT_THAT(pair.ended, ElementsAre(Ended{1, Kind::kGreeted, "Michael", 1, 1s}));
}

// A nanosecond after the last timeout the request is over, and its answer is unexpected.
TEST(Client, LateAnswerIsUnexpected) {
  Pair<Client> pair(options(1, {.attempts_max = 1}));
  pair.delay = 500ms + 1ns;
  pair.asker.greet("Michael");
  pair.drive();
  EXPECT_THAT(pair.ended, ElementsAre(Ended{1, Kind::kGaveUp, "Michael", 1, 1s}));
  EXPECT_EQ(pair.asker.counters().received, 1U);
  EXPECT_EQ(pair.asker.counters().unexpected, 1U);
}

// Copies of an answer, and greetings that nobody asked for, are counted and change nothing.
TEST(Client, DuplicateAndUnaskedAnswersAreUnexpected) {
  Pair<Client> pair(options());
  pair.inject("Hello, Michael!");
  EXPECT_EQ(pair.asker.counters().unexpected, 1U);
  pair.asker.greet("Michael");
  pair.asker.greet("Tracy");
  pair.drain();
  pair.inject("Hello, Tracy!");  // Asked for, but not sent yet: it cannot be an answer.
  EXPECT_EQ(pair.asker.counters().unexpected, 2U);
  EXPECT_TRUE(pair.ended.empty());
  pair.inject("Hello, Michael!");
  pair.inject("Hello, Michael!");
  EXPECT_EQ(pair.asker.counters().unexpected, 3U);
  EXPECT_EQ(pair.ended.size(), 1U);
}

// Only the server that was asked can answer: host, port, scope and family must be its own.
TEST(Client, TakesAnswersOnlyFromTheServerAsked) {
  Pair<Client> pair(options());
  pair.asker.greet("Michael");
  pair.drain();
  const std::array<std::uint8_t, 16> octets{127, 0, 0, 1};
  const std::vector<Address> others = {Address::v4({127, 0, 0, 1}, 9998),
                                       Address::v4({127, 0, 0, 2}, 9999), kClientAddress,
                                       Address::v6(octets, 9999), Address()};
  for (const Address& other : others) pair.inject("Hello, Michael!", other);
  EXPECT_EQ(pair.asker.counters().wrong_source, others.size());
  EXPECT_EQ(pair.asker.counters().received, others.size());
  EXPECT_TRUE(pair.ended.empty());
  pair.inject("Hello, Michael!");
  EXPECT_EQ(pair.ended.size(), 1U);

  const Address scoped = Address::v6({0xFE, 0x80}, 9999, 1);
  Client link_local(ClientOptions{.server = scoped});
  link_local.handle_datagram(at(0s), {Address::v6({0xFE, 0x80}, 9999, 2), bytes("Hello, Bob!")});
  EXPECT_EQ(link_local.counters().wrong_source, 1U);
}

// What the server sent that is no greeting is counted by reason and changes nothing.
TEST(Client, CountsMalformedAnswersByReason) {
  Pair<Client> pair(options());
  pair.asker.greet("Michael");
  pair.drain();
  pair.inject("Hello, !");
  pair.inject("Hello, " + std::string(1017, 'x') + "!");
  pair.inject("Hello, \xFF!");
  pair.inject("");
  pair.inject("Michael");
  EXPECT_THAT(pair.asker.counters().refused, ElementsAre(1, 1, 1, 2));
  EXPECT_EQ(pair.asker.counters().received, 5U);
  EXPECT_TRUE(pair.ended.empty());
  EXPECT_EQ(pair.asker.outstanding(), 1U);
}

// An answer belongs to the request with its name, in whatever order answers come.
TEST(Client, MatchesAnswersByName) {
  Pair<Client> pair(options(3));
  for (const char* name : {"Michael", "Tracy", "Sarah"}) pair.asker.greet(name);
  pair.drain();
  for (const char* name : {"Sarah", "Michael", "Tracy"}) {
    pair.inject("Hello, " + std::string(name) + "!");
  }
  EXPECT_THAT(pair.ended, ElementsAre(Ended{3, Kind::kGreeted, "Sarah", 1, 0s},
                                      Ended{1, Kind::kGreeted, "Michael", 1, 0s},
                                      Ended{2, Kind::kGreeted, "Tracy", 1, 0s}));
}

// Two names of 16 bytes that hash_name() gives the same hash. Its first step is undone by choosing
// the second half of one of them; most such halves are not ASCII, so several are tried.
std::pair<std::string, std::string> colliding_names() {
  const auto word_of = [](const std::string& half) {
    std::uint64_t word = 0;
    std::memcpy(&word, half.data(), sizeof word);
    return word;
  };
  const auto after_first_half = [&](const std::string& half) {
    const std::uint64_t hash = (16 ^ word_of(half)) * 0x9E3779B97F4A7C15;
    return hash ^ hash >> 32;
  };
  const std::string first = "Bob Bob ";
  for (int i = 10'000'000; i < 10'100'000; ++i) {
    const std::string other = std::to_string(i);
    const std::uint64_t word = word_of(first) ^ after_first_half(first) ^ after_first_half(other);
    std::string half(8, ' ');
    std::memcpy(half.data(), &word, sizeof word);
    if ((word & 0x8080808080808080) == 0) return {first + first, other + half};
  }
  return {};
}

// Names are told apart by their bytes, not by their hashes.
TEST(Client, TellsCollidingNamesApart) {
  const auto [one, other] = colliding_names();
  ASSERT_NE(one, other);
  ASSERT_EQ(hash_name(one), hash_name(other));
  Pair<Client> pair(options(2));
  pair.asker.greet(one);
  pair.drain();
  pair.inject("Hello, " + other + "!");
  EXPECT_EQ(pair.asker.counters().unexpected, 1U);
  pair.asker.greet(other);
  pair.drain();
  EXPECT_THAT(payloads(pair.requests), ElementsAre(one, other));
  pair.inject("Hello, " + other + "!");
  pair.inject("Hello, " + one + "!");
  ASSERT_EQ(pair.ended.size(), 2U);
  EXPECT_EQ(pair.ended[0].name, other);
  EXPECT_EQ(pair.ended[1].name, one);
}

// A greeting for a name that is outstanding waits for that one to end, and lets others pass.
TEST(Client, SameNameWaits) {
  Pair<Client> pair(options(3));
  for (const char* name : {"Michael", "Michael", "Michael", "Tracy"}) pair.asker.greet(name);
  pair.drain();
  EXPECT_THAT(payloads(pair.requests), ElementsAre("Michael", "Tracy"));
  pair.drive();
  EXPECT_THAT(payloads(pair.requests), ElementsAre("Michael", "Tracy", "Michael", "Michael"));
  EXPECT_THAT(times(pair.requests), ElementsAre(at(0ms), at(0ms), at(20ms), at(40ms)));
  ASSERT_EQ(pair.ended.size(), 4U);
  EXPECT_EQ(pair.ended[0].request, 1U);
  EXPECT_EQ(pair.ended[2].request, 2U);
  EXPECT_EQ(pair.ended[3].request, 3U);
}

// The end that a waiting greeting waits for may also be that the first one is given up.
TEST(Client, SameNameIsSentWhenTheFirstGivesUp) {
  Pair<Client> pair(options(4, {.attempts_max = 1}));
  for (const char* name : {"Michael", "Tracy", "Michael", "Tracy"}) pair.asker.greet(name);
  pair.loses_request = kLoseAll;
  pair.drive();
  // Both end at once, and what waited for them is sent in the order asked.
  EXPECT_THAT(pair.requests, ElementsAre(Sent{at(0s), "Michael"}, Sent{at(0s), "Tracy"},
                                         Sent{at(1s), "Michael"}, Sent{at(1s), "Tracy"}));
  EXPECT_EQ(pair.ended.size(), 4U);
}

// Never are more outstanding than the window allows, and as many as it allows are.
TEST(Client, RespectsItsWindow) {
  for (const std::size_t window : {1U, 2U, 7U, 20U, 100U}) {
    Pair<Client> pair(options(window));
    for (int i = 0; i < 20; ++i) pair.asker.greet("guest-" + std::to_string(i));
    std::size_t most = 0;
    do {
      pair.drain();
      most = std::max(most, pair.asker.outstanding());
    } while (pair.step());
    EXPECT_EQ(most, std::min<std::size_t>(window, 20));
    EXPECT_EQ(pair.ended.size(), 20U);
  }
}

// window_left() is the room for greetings that would be sent at once.
TEST(Client, TellsWhatIsLeftOfItsWindow) {
  Pair<Client> pair(options(2));
  EXPECT_EQ(pair.asker.window_left(), 2U);
  pair.asker.greet("Michael");
  EXPECT_EQ(pair.asker.window_left(), 1U);
  pair.drain();
  EXPECT_EQ(pair.asker.window_left(), 1U);
  pair.asker.greet("Tracy");
  pair.asker.greet("Sarah");
  EXPECT_EQ(pair.asker.window_left(), 0U);
  pair.drive();
  EXPECT_EQ(pair.asker.window_left(), 2U);
}

// Not more than kRequestsMax may be pending; one more is refused, until one has ended.
TEST(Client, BoundsItsRequests) {
  Pair<Client> pair(options());
  for (std::size_t i = 0; i < Client::kRequestsMax; ++i) {
    ASSERT_EQ(pair.asker.greet("Bob"), i + 1);
  }
  EXPECT_EQ(pair.asker.greet("Bob"), std::nullopt);
  EXPECT_EQ(pair.asker.pending(), Client::kRequestsMax);
  pair.step();
  EXPECT_EQ(pair.asker.greet("Bob"), std::nullopt);
  pair.step();
  EXPECT_EQ(pair.ended.size(), 1U);
  EXPECT_EQ(pair.asker.greet("Bob"), Client::kRequestsMax + 1);
  EXPECT_EQ(pair.asker.greet("Bob"), std::nullopt);
}

// Each request ends exactly once, whatever is lost and however the answers are delayed, and sends
// no more than its attempts.
TEST(Client, EachRequestEndsExactlyOnce) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    const RandomStream stream(seed);
    std::uint64_t draws = 0;
    const auto loses = [&](const Sent&) {
      return Probability::ratio(40, 100).happens(stream.at(++draws));
    };
    Pair<Client> pair(options(1 + seed % 9));
    pair.delay = Duration(100ms) * static_cast<Duration::rep>(seed % 7);
    pair.loses_request = loses;
    pair.loses_answer = loses;
    std::map<std::uint64_t, std::string> asked;
    for (std::uint64_t i = 0; i < 50; ++i) {
      const std::string name = "guest-" + std::to_string(uniform_below(stream.at(++draws), 20));
      asked.emplace(pair.asker.greet(name).value(), name);
    }
    pair.drive();
    std::uint64_t attempts = 0;
    for (const Ended& end : pair.ended) {
      const auto found = asked.find(end.request);
      ASSERT_NE(found, asked.end());
      EXPECT_EQ(found->second, end.name);
      EXPECT_GE(end.attempts, end.kind == Kind::kGaveUp ? 5 : 1);
      EXPECT_LE(end.attempts, 5);
      attempts += static_cast<std::uint64_t>(end.attempts);
      asked.erase(found);
    }
    EXPECT_TRUE(asked.empty());
    EXPECT_EQ(attempts, pair.requests.size());
    EXPECT_EQ(pair.asker.counters().sent, pair.requests.size());
    EXPECT_EQ(pair.asker.pending(), 0U);
    EXPECT_EQ(pair.asker.poll_timeout(), std::nullopt);
  }
}

// Calling handle_timeout() early, and as often as one likes, changes nothing at all.
TEST(Client, EarlyTimeoutsAreHarmless) {
  const auto run = [](bool eager) {
    const RandomStream stream(3);
    std::uint64_t draws = 0;
    Pair<Client> pair(options(3));
    pair.loses_request = [&](const Sent&) {
      return Probability::ratio(1, 2).happens(stream.at(++draws));
    };
    for (int i = 0; i < 30; ++i) pair.asker.greet("guest-" + std::to_string(i % 10));
    do {
      for (int i = 0; eager && i < 3; ++i) {
        pair.asker.handle_timeout(pair.now);
        pair.drain();
      }
      if (const auto timeout = pair.asker.poll_timeout();
          eager && timeout && pair.uplink.empty() && pair.downlink.empty()) {
        pair.now = *timeout - 1ns;
        pair.asker.handle_timeout(pair.now);
        pair.drain();
      }
    } while (pair.step());
    return std::pair(pair.requests, pair.ended);
  };
  EXPECT_EQ(run(true), run(false));
}

// A timeout that was handled late sends once, not once for each it missed.
TEST(Client, LateTimeoutSendsOnce) {
  Pair<Client> pair(options());
  pair.loses_request = kLoseAll;
  pair.asker.greet("Michael");
  pair.drain();
  pair.now = at(10s);
  pair.asker.handle_timeout(pair.now);
  pair.drain();
  EXPECT_THAT(times(pair.requests), ElementsAre(at(0s), at(10s)));
  EXPECT_EQ(pair.asker.poll_timeout(), at(12s));
}

// The timer that is armed is always that of the earliest request, also after others have ended.
TEST(Client, ArmsTheEarliestTimer) {
  Pair<Client> pair(options(64));
  pair.loses_request = kLoseAll;
  const RandomStream stream(9);
  std::map<std::string, Instant> deadlines;
  for (int i = 0; i < 64; ++i) {
    pair.now += Duration(1ms);
    const std::string name = "guest-" + std::to_string(i);
    deadlines.emplace(name, pair.now + 1s);
    pair.asker.greet(name);
    pair.drain();
  }
  for (std::uint64_t draw = 1; !deadlines.empty(); ++draw) {
    const auto earliest =
        std::min_element(deadlines.begin(), deadlines.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    ASSERT_EQ(pair.asker.poll_timeout(), earliest->second);
    const auto answered =
        std::next(deadlines.begin(),
                  static_cast<std::ptrdiff_t>(uniform_below(stream.at(draw), deadlines.size())));
    pair.inject("Hello, " + answered->first + "!");
    deadlines.erase(answered);
  }
  EXPECT_EQ(pair.asker.poll_timeout(), std::nullopt);
}

// A hundred thousand greetings for one name take time that grows with their number, not with its
// square: 10^10 steps would not end within the limit for tests.
TEST(Client, ManyEqualNamesAreLinear) {
  Pair<Client> pair(options(16));
  pair.delay = 0s;
  constexpr std::size_t kCount = 100'000;
  for (std::size_t i = 0; i < kCount; ++i) pair.asker.greet("Bob");
  pair.drive();
  EXPECT_EQ(pair.ended.size(), kCount);
  EXPECT_TRUE(std::is_sorted(pair.ended.begin(), pair.ended.end(),
                             [](const Ended& a, const Ended& b) { return a.request < b.request; }));
}

// From the first Instant there is to the last, no time overflows, and every request ends.
TEST(Client, ExtremeTimesDoNotOverflow) {
  Pair<Client> pair(options(2));
  pair.loses_request = kLoseAll;
  pair.now = Instant::min();
  pair.asker.greet("Michael");
  pair.drain();
  EXPECT_EQ(pair.asker.poll_timeout(), Instant::min() + 1s);
  pair.now = Instant::max();
  pair.inject("Hello, Michael!");
  EXPECT_THAT(pair.ended, ElementsAre(Ended{1, Kind::kGreeted, "Michael", 1, Duration::max()}));

  // At the end of time a timeout is due at once, so that what cannot be answered ends.
  pair.asker.greet("Tracy");
  pair.drain();
  EXPECT_EQ(pair.asker.poll_timeout(), Instant::max());
  pair.asker.handle_timeout(pair.now);
  pair.drain();
  ASSERT_EQ(pair.ended.size(), 2U);
  EXPECT_EQ(pair.ended[1], (Ended{2, Kind::kGaveUp, "Tracy", 5, 0s}));
  EXPECT_EQ(pair.asker.poll_timeout(), std::nullopt);
}

// The longest timeouts that may be configured do not overflow either.
TEST(Client, LongestTimeoutsDoNotOverflow) {
  Pair<Client> pair(
      options(1, {.initial_rto = kDurationMax, .min_rto = kDurationMax, .max_rto = kDurationMax}));
  pair.loses_request = kLoseAll;
  pair.asker.greet("Michael");
  pair.drive();
  EXPECT_THAT(times(pair.requests), ElementsAre(at(0s), at(kDurationMax), at(2 * kDurationMax),
                                                at(3 * kDurationMax), at(4 * kDurationMax)));
  EXPECT_EQ(pair.ended.at(0).elapsed, 5 * kDurationMax);
}

// An event says when its request ended, which may be before it is asked for.
TEST(Client, EventsSayWhen) {
  Client client(options(1, {.attempts_max = 1}));
  std::array<std::byte, kMessageBytesMax> buffer{};
  client.greet("Michael");
  client.greet("Tracy");
  EXPECT_TRUE(client.poll_transmit(at(5s), buffer));
  client.handle_datagram(at(5s + 30ms), {kServerAddress, bytes("Hello, Michael!")});
  EXPECT_TRUE(client.poll_transmit(at(5s + 40ms), buffer));
  EXPECT_EQ(client.poll_event().value().ended, at(5s + 30ms));
  client.handle_timeout(at(9s));
  EXPECT_FALSE(client.poll_transmit(at(9s), buffer));
  EXPECT_EQ(client.poll_event().value().ended, at(9s));
}

// The name of an event stays readable until the next one is asked for.
TEST(Client, EventNamesLive) {
  Pair<Client> pair(options(3));
  for (const char* name : {"Michael", "Tracy", "Sarah"}) pair.asker.greet(name);
  std::array<std::byte, kMessageBytesMax> buffer{};
  while (pair.asker.poll_transmit(at(0s), buffer)) {
  }
  for (const char* answer : {"Hello, Michael!", "Hello, Tracy!", "Hello, Sarah!"}) {
    pair.asker.handle_datagram(at(0s), {kServerAddress, bytes(answer)});
  }
  for (const char* name : {"Michael", "Tracy", "Sarah"}) {
    const auto event = pair.asker.poll_event();
    ASSERT_TRUE(event);
    EXPECT_FALSE(pair.asker.poll_transmit(at(0s), buffer));
    EXPECT_EQ(event->name, name);
  }
  EXPECT_FALSE(pair.asker.poll_event());
}

// Options out of their range are a broken caller's, and told at once.
TEST(Client, RefusesOptionsOutOfRange) {
  const auto refuses = [](ClientOptions bad) { EXPECT_THROW(Client{bad}, std::logic_error); };
  refuses(options(0));
  refuses(options(ClientOptions::kWindowMax + 1));
  refuses(options(1, {.attempts_max = 0}));
  refuses(options(1, {.attempts_max = -1}));
  refuses(options(1, {.initial_rto = 0s}));
  refuses(options(1, {.initial_rto = -1s}));
  refuses(options(1, {.initial_rto = 61s}));
  refuses(options(1, {.min_rto = 0s}));
  refuses(options(1, {.min_rto = 61s}));
  refuses(options(1, {.max_rto = kDurationMax + 1ns}));
  EXPECT_NO_THROW(Client{options(ClientOptions::kWindowMax)});
}

}  // namespace
}  // namespace lossy
