#include <lossy/harness/capture/replay_client.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lossy/harness/capture/recorded_for_test.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

const Address kTested = *Address::parse("127.0.0.1:7777");

// A client in virtual time, and a server that answers by hand.
class ReplayClientTest : public testing::Test {
 protected:
  void play(const std::vector<SaidForTest>& all, const RecordedFlowsOptions& how = {}) {
    flows = recorded(all, how);
    options.server = kTested;
    client.emplace(flows.flows.at(0), options, start);
    drain();
  }
  // Lets time pass until then; what is sent on the way is noted with its time since the start.
  void run_until(Duration until) {
    for (int steps = 0; steps < 10'000; ++steps) {
      const auto timeout = client->poll_timeout();
      if (!timeout || *timeout > start + until) break;
      now = std::max(now, *timeout);
      client->handle_timeout(now);
      drain();
    }
    now = std::max(now, start + until);
  }
  void run() { run_until(1h); }
  void hear(std::string_view text, Address source = kTested) {
    client->handle_datagram(now, {source, as_bytes(text)});
    drain();
  }
  void hear_at(Duration at, std::string_view text) {
    run_until(at);
    hear(text);
  }
  void drain() {
    std::vector<std::byte> buffer(kPayloadBytesMax);
    while (const auto transmit = client->poll_transmit(now, buffer)) {
      EXPECT_EQ(transmit->destination, kTested);
      sent.emplace_back(now - start, to_text(std::span(buffer).first(transmit->size)));
    }
  }
  // "matched 1, different 0, missing 0, unexpected 0, late 0"
  std::string result() {
    const ReplayOutcome outcome = client->outcome();
    return "matched " + std::to_string(outcome.matched) + ", different " +
           std::to_string(outcome.different) + ", missing " + std::to_string(outcome.missing) +
           ", unexpected " + std::to_string(outcome.unexpected) + ", late " +
           std::to_string(outcome.late);
  }

  const Instant start{10s};
  Instant now = start;
  ReplayClientOptions options;
  RecordedFlows flows;
  std::optional<ReplayClient> client;
  std::vector<std::pair<Duration, std::string>> sent;
};

// Requests leave at the capture's times, counted from the start: what an answer was late for is
// made up.
TEST_F(ReplayClientTest, CapturedTimes) {
  play({ask("a", 0s), reply("A", 1ms), ask("b", 100ms), reply("B", 101ms), ask("c", 200ms)});
  hear_at(150ms, "A");
  hear_at(160ms, "B");
  run();
  EXPECT_THAT(sent, ElementsAre(Pair(0s, "a"), Pair(150ms, "b"), Pair(200ms, "c")));
  EXPECT_EQ(result(), "matched 2, different 0, missing 0, unexpected 0, late 0");
  EXPECT_TRUE(client->has_ended());
}

TEST_F(ReplayClientTest, TwiceAsFast) {
  options.timing = ReplayTiming::captured(2000);
  play({ask("a", 0s), ask("b", 100ms), ask("c", 1s)});
  run();
  EXPECT_THAT(sent, ElementsAre(Pair(0s, "a"), Pair(50ms, "b"), Pair(500ms, "c")));
}

TEST_F(ReplayClientTest, Pace) {
  options.timing = ReplayTiming::paced(4, 1s);
  play({ask("a", 0s), ask("b", 1ms), ask("c", 1h)});
  run();
  EXPECT_THAT(sent, ElementsAre(Pair(0s, "a"), Pair(250ms, "b"), Pair(500ms, "c")));
  // What is no whole number of nanoseconds adds up all the same.
  const RecordedStep step{.is_request = true, .number = 30, .at = 1h};
  EXPECT_EQ(ReplayTiming::paced(3, 1s).due(step), 10s);
}

// At top speed nothing but answers is waited for.
TEST_F(ReplayClientTest, TopSpeed) {
  options.timing = ReplayTiming::top_speed();
  play({ask("a", 0s), ask("b", 1h), reply("A", 1h), reply("B", 1h), ask("c", 2h)});
  hear_at(2ms, "B");
  EXPECT_EQ(sent.size(), 2U);
  hear_at(3ms, "A");
  EXPECT_THAT(sent, ElementsAre(Pair(0s, "a"), Pair(0s, "b"), Pair(3ms, "c")));
  EXPECT_EQ(result(), "matched 2, different 0, missing 0, unexpected 0, late 0");
}

// No time is too long for arithmetic.
TEST_F(ReplayClientTest, LongestTimes) {
  RecordedStep step{.is_request = true, .number = ~std::uint64_t{0}, .at = Duration::max()};
  EXPECT_EQ(ReplayTiming::captured(1).due(step), Duration::max());
  EXPECT_EQ(ReplayTiming::captured(1000).due(step), Duration::max());
  EXPECT_EQ(ReplayTiming::paced(1, 1s).due(step), Duration::max());
  EXPECT_EQ(ReplayTiming::top_speed().due(step), 0s);
}

// Without waiting it is the times alone that count.
TEST_F(ReplayClientTest, NoWait) {
  options.wait = false;
  play({ask("a", 0s), reply("A", 1ms), ask("b", 2ms), reply("B", 3ms)});
  run_until(10ms);
  EXPECT_THAT(sent, ElementsAre(Pair(0s, "a"), Pair(2ms, "b")));
  hear("B");
  hear("A");
  EXPECT_EQ(result(), "matched 2, different 0, missing 0, unexpected 0, late 0");
}

// An answer that does not come is waited for until its time is over, which is as long as it took in
// the capture and the timeout more; then the next request leaves all the same.
TEST_F(ReplayClientTest, Missing) {
  play({ask("a", 0s), reply("A", 300ms), ask("b", 400ms), reply("B", 401ms)});
  run_until(1299ms);
  EXPECT_EQ(sent.size(), 1U);
  hear_at(1301ms, "B");
  EXPECT_THAT(sent, ElementsAre(Pair(0s, "a"), Pair(1300ms, "b")));
  run();
  EXPECT_EQ(result(), "matched 1, different 0, missing 1, unexpected 0, late 0");
  const ReplayOutcome outcome = client->outcome();
  ASSERT_EQ(outcome.findings.size(), 1U);
  EXPECT_EQ(outcome.findings[0].expected->record, 2U);
  EXPECT_EQ(outcome.verdict(), AnswerVerdict::kMissing);
}

// What comes when its time is over, and within another timeout, is late and not missing.
TEST_F(ReplayClientTest, Late) {
  play({ask("a", 0s), reply("A", 300ms)});
  hear_at(1301ms, "A");
  run();
  EXPECT_EQ(result(), "matched 0, different 0, missing 0, unexpected 0, late 1");
  EXPECT_EQ(client->outcome().findings.at(0).after, 1301ms);
  EXPECT_EQ(client->outcome().verdict(), AnswerVerdict::kLate);
}

// However much is late, what is worse is among the first findings.
TEST_F(ReplayClientTest, LateOnesHideNothing) {
  std::vector<SaidForTest> said{ask("a", 0s)};
  for (const char* answer : {"1", "2", "3", "4", "5", "never"}) said.push_back(reply(answer, 0ms));
  play(said);
  run_until(1001ms);
  for (const char* answer : {"1", "2", "3", "4", "5"}) hear(answer);
  run();
  EXPECT_EQ(result(), "matched 0, different 0, missing 1, unexpected 0, late 5");
  const ReplayOutcome outcome = client->outcome();
  ASSERT_EQ(outcome.findings.size(), ReplayClient::kFindingsMax);
  EXPECT_EQ(outcome.findings[0].verdict, AnswerVerdict::kMissing);
  EXPECT_EQ(outcome.findings[1].verdict, AnswerVerdict::kLate);
}

TEST_F(ReplayClientTest, JustInTime) {
  play({ask("a", 0s), reply("A", 300ms)});
  hear_at(1300ms, "A");
  EXPECT_EQ(result(), "matched 1, different 0, missing 0, unexpected 0, late 0");
}

TEST_F(ReplayClientTest, TooLateIsMissing) {
  play({ask("a", 0s), reply("A", 300ms)});
  run_until(2299ms);
  EXPECT_FALSE(client->has_ended());
  run_until(2300ms);
  EXPECT_TRUE(client->has_ended());
  hear("A");
  EXPECT_EQ(result(), "matched 0, different 0, missing 1, unexpected 0, late 0");
}

// Three times in a row in vain is enough: a silent server keeps a long flow for seconds, not hours.
// When something comes there is waiting again.
TEST_F(ReplayClientTest, ASilentServerIsNotWaitedForForEver) {
  options.timing = ReplayTiming::top_speed();
  std::vector<SaidForTest> all;
  for (int i = 0; i < 1000; ++i) {
    all.push_back(ask("ask " + std::to_string(i)));
    all.push_back(reply("answer " + std::to_string(i)));
  }
  play(all);
  run_until(2999ms);
  EXPECT_EQ(sent.size(), 3U);
  run_until(3s);
  EXPECT_EQ(sent.size(), 1000U);
  run();
  EXPECT_EQ(client->outcome().missing, 1000U);
  EXPECT_LE(now - start, 1h);
  EXPECT_EQ(client->outcome().findings.size(), ReplayClient::kFindingsMax);
}

// Nobody listens: nothing more is waited for, and the end is near.
TEST_F(ReplayClientTest, Refused) {
  play({ask("a", 0s), reply("A", 1ms), ask("b", 2ms), reply("B", 3ms)});
  client->handle_refusal(now, {});
  run_until(2ms);
  EXPECT_EQ(sent.size(), 2U);
  client->handle_refusal(now, {});
  run_until(2ms + ReplayClientOptions{}.linger);
  EXPECT_TRUE(client->has_ended());
  EXPECT_EQ(result(), "matched 0, different 0, missing 2, unexpected 0, late 0");
  EXPECT_EQ(client->outcome().refusals, 2U);
}

// A server that comes up is waited for again.
TEST_F(ReplayClientTest, RefusedAtFirst) {
  play({ask("a", 0s), reply("A", 1ms), ask("b", 2ms), reply("B", 3ms), ask("c", 4ms),
        reply("C", 5ms), ask("d", 6ms)});
  client->handle_refusal(now, {});
  hear_at(2ms, "B");
  run_until(500ms);
  EXPECT_EQ(sent.size(), 3U);
  hear("C");
  EXPECT_EQ(sent.size(), 4U);
  EXPECT_EQ(result(), "matched 2, different 0, missing 1, unexpected 0, late 0");
}

// Something else in an answer's place is different, and what follows need not wait for more.
TEST_F(ReplayClientTest, Different) {
  play({ask("a", 0s), reply("A", 1ms), ask("b", 2ms), reply("B", 3ms)});
  hear("X");
  run_until(2ms);
  EXPECT_EQ(sent.size(), 2U);
  hear("B");
  run();
  EXPECT_EQ(result(), "matched 1, different 1, missing 0, unexpected 0, late 0");
  const ReplayFinding finding = client->outcome().findings.at(0);
  EXPECT_EQ(to_text(finding.expected->payload), "A");
  EXPECT_EQ(to_text(finding.payload), "X");
  EXPECT_EQ(client->outcome().verdict(), AnswerVerdict::kDifferent);
}

// When the answer comes after all, what came in its place was unexpected.
TEST_F(ReplayClientTest, SomethingInBetween) {
  play({ask("a", 0s), reply("A", 1ms)});
  hear("X");
  hear_at(500ms, "A");
  run();
  EXPECT_EQ(result(), "matched 1, different 0, missing 0, unexpected 1, late 0");
  EXPECT_EQ(to_text(client->outcome().findings.at(0).payload), "X");
}

// A changed answer stands in the place of the one that it is most like.
TEST_F(ReplayClientTest, DifferentIsWhatItIsMostLike) {
  play({ask("1"), ask("2"), ask("3"), reply("answer one"), reply("record two"),
        reply("line three")});
  hear("record twp");
  hear("line three");
  hear("answer one");
  run();
  EXPECT_EQ(result(), "matched 2, different 1, missing 0, unexpected 0, late 0");
  EXPECT_EQ(to_text(client->outcome().findings.at(0).expected->payload), "record two");
}

// And what it was taken for at first is free again when that comes.
TEST_F(ReplayClientTest, DifferentMovesOn) {
  play({ask("1"), ask("2"), reply("aaaa"), reply("bbbb")});
  hear("aaxx");
  hear("aaaa");
  run();
  EXPECT_EQ(result(), "matched 1, different 1, missing 0, unexpected 0, late 0");
  EXPECT_EQ(to_text(client->outcome().findings.at(0).expected->payload), "bbbb");
}

// The same answer several times stands for as many, and for no more.
TEST_F(ReplayClientTest, TheSameAnswerSeveralTimes) {
  play({ask("a"), reply("pong"), reply("pong"), reply("pong")});
  hear("pong");
  hear("pong");
  EXPECT_FALSE(client->is_complete());
  hear("pong");
  EXPECT_TRUE(client->is_complete());
  hear("pong");
  run();
  EXPECT_EQ(result(), "matched 3, different 0, missing 0, unexpected 1, late 0");
  EXPECT_EQ(client->outcome().verdict(), AnswerVerdict::kUnexpected);
}

// A complete flow listens a little longer, and then no more.
TEST_F(ReplayClientTest, Linger) {
  play({ask("a"), reply("A")});
  hear("A");
  run_until(99ms);
  EXPECT_FALSE(client->has_ended());
  hear("more");
  run_until(100ms);
  EXPECT_TRUE(client->has_ended());
  hear("too late");
  EXPECT_EQ(result(), "matched 1, different 0, missing 0, unexpected 1, late 0");
}

TEST_F(ReplayClientTest, IgnoreUnexpected) {
  options.ignore_unexpected = true;
  play({ask("a"), reply("A")});
  hear("A");
  hear("more");
  EXPECT_EQ(result(), "matched 1, different 0, missing 0, unexpected 0, late 0");
  EXPECT_THAT(client->outcome().findings, IsEmpty());
}

// An answer that comes from elsewhere is no answer, whatever it says.
TEST_F(ReplayClientTest, FromElsewhere) {
  const Address elsewhere = *Address::parse("127.0.0.1:7778");
  play({ask("a"), reply("A")});
  hear("A", elsewhere);
  run();
  EXPECT_EQ(result(), "matched 0, different 0, missing 1, unexpected 1, late 0");
  EXPECT_EQ(client->outcome().findings.at(1).source, elsewhere);
}

// Order does not matter, unless it is asked for: then what comes behind a later one is different.
TEST_F(ReplayClientTest, Order) {
  const std::vector<SaidForTest> all = {ask("1"),   ask("2"),   ask("3"),
                                        reply("A"), reply("B"), reply("C")};
  for (const bool ordered : {false, true}) {
    options.ordered = ordered;
    play(all);
    hear("B");
    hear("C");
    hear("A");
    EXPECT_EQ(result(), ordered ? "matched 2, different 1, missing 0, unexpected 0, late 0"
                                : "matched 3, different 0, missing 0, unexpected 0, late 0");
  }
  EXPECT_EQ(to_text(client->outcome().findings.at(0).expected->payload), "A");
  EXPECT_EQ(to_text(client->outcome().findings.at(0).overtaken->payload), "C");
}

// What is missing makes nothing else come out of order.
TEST_F(ReplayClientTest, OrderWithoutOne) {
  options.ordered = true;
  play({ask("1"), ask("2"), reply("A"), reply("B")});
  hear("B");
  run();
  EXPECT_EQ(result(), "matched 1, different 0, missing 1, unexpected 0, late 0");
}

// A second answer may come before the request that it stands behind in the capture.
TEST_F(ReplayClientTest, AnswersAheadOfTheCapture) {
  play({ask("1", 0s), reply("A", 1ms), ask("2", 2s), reply("more of A", 3s), reply("B", 3s)});
  hear("A");
  hear("more of A");
  hear_at(2s, "B");
  run();
  EXPECT_EQ(result(), "matched 3, different 0, missing 0, unexpected 0, late 0");
}

// What a mask ignores makes no difference.
TEST_F(ReplayClientTest, Mask) {
  PayloadMask mask;
  ASSERT_EQ(mask.ignore_bytes("0"), std::nullopt);
  ASSERT_EQ(mask.ignore_matches("at [0-9]+"), std::nullopt);
  options.mask = &mask;
  play({ask("1"), ask("2"), reply("1 one at 12"), reply("2 two at 13")});
  hear("x two at 9");
  hear("y one at 100000");
  EXPECT_EQ(result(), "matched 2, different 0, missing 0, unexpected 0, late 0");
  hear("y one in 100000");
  EXPECT_EQ(client->outcome().unexpected, 1U);
}

// Retransmissions are sent once, and as often as captured when that is asked for.
TEST_F(ReplayClientTest, Retransmissions) {
  const std::vector<SaidForTest> all = {ask("Michael", 0s), ask("Michael", 1s),
                                        reply("Hello, Michael!", 1001ms)};
  play(all);
  hear("Hello, Michael!");
  run();
  EXPECT_EQ(sent.size(), 1U);
  EXPECT_EQ(result(), "matched 1, different 0, missing 0, unexpected 0, late 0");
  sent.clear();
  now = start;
  play(all, {.retransmissions = true});
  run_until(1s);
  EXPECT_EQ(sent.size(), 2U);
}

// Datagrams without content, and with as much as there can be.
TEST_F(ReplayClientTest, ShortestAndLongest) {
  const std::string longest(65'507, 'x');
  play({ask(""), reply(""), ask(longest), reply(longest)});
  hear("");
  EXPECT_THAT(sent, ElementsAre(Pair(0s, ""), Pair(0s, longest)));
  hear(longest);
  EXPECT_EQ(result(), "matched 2, different 0, missing 0, unexpected 0, late 0");
}

// A flood of what nobody asked for is counted, and only its beginning kept.
TEST_F(ReplayClientTest, Flood) {
  play({ask("a"), reply("A")});
  for (int i = 0; i < 100'000; ++i) {
    client->handle_datagram(now, {kTested, as_bytes("flood")});
  }
  hear("A");
  EXPECT_EQ(result(), "matched 1, different 0, missing 0, unexpected 100000, late 0");
  EXPECT_EQ(client->outcome().findings.size(), ReplayClient::kFindingsMax);
}

// A server that is wrong about everything costs no more than one that is right.
TEST_F(ReplayClientTest, AllDifferent) {
  options.wait = false;
  options.timing = ReplayTiming::top_speed();
  std::vector<SaidForTest> all;
  for (int i = 0; i < 20'000; ++i) {
    all.push_back(ask("ask " + std::to_string(i)));
    all.push_back(reply("ok, ask " + std::to_string(i)));
  }
  play(all);
  EXPECT_EQ(sent.size(), 20'000U);
  for (int i = 0; i < 20'000; ++i) client->handle_datagram(now, {kTested, as_bytes("no")});
  run();
  EXPECT_EQ(result(), "matched 0, different 20000, missing 0, unexpected 0, late 0");
}

}  // namespace
}  // namespace lossy
