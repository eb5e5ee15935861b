#include <lossy/harness/capture/exchanges.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace lossy {
namespace {

using namespace std::chrono_literals;

class ExchangesTest : public testing::Test {
 protected:
  void ask(std::string_view text, Duration at = 0s) {
    exchanges.request(std::as_bytes(std::span(text)), Instant(at), budget);
  }
  void answer(std::string_view text, Duration at = 0s) {
    exchanges.answer(std::as_bytes(std::span(text)), Instant(at), times);
  }
  const ExchangeCounters& counted() {
    exchanges.finish();
    return exchanges.counters();
  }

  Exchanges exchanges;
  ExchangeBudget budget;
  Histogram times;
};

// A greeting belongs to the request whose name is in it, in whatever order they come.
TEST_F(ExchangesTest, AnswersAreToldByTheirContent) {
  ask("Michael", 0ms);
  ask("Tracy", 10ms);
  ask("Sarah", 20ms);
  answer("Hello, Sarah!", 21ms);
  answer("Hello, Michael!", 40ms);
  EXPECT_EQ(counted().answered, 2U);
  EXPECT_EQ(counted().unanswered, 1U);
  EXPECT_EQ(times.min(), 1ms);
  EXPECT_EQ(times.max(), 40ms);
}

// A greeting of guest-21 contains guest-2, too.
TEST_F(ExchangesTest, TheLongestRequestContainedIsAnswered) {
  ask("guest-2", 0ms);
  ask("guest-21", 10ms);
  answer("Hello, guest-21!", 11ms);
  EXPECT_EQ(times.max(), 1ms);
  answer("Hello, guest-2!", 15ms);
  EXPECT_EQ(times.max(), 15ms);
  EXPECT_EQ(counted().answered, 2U);
}

// DNS repeats the number in its first two bytes.
TEST_F(ExchangesTest, AnswersAreToldByTheirNumber) {
  ask("\x12\x34 query for one", 0ms);
  ask("\x12\x35 query for two", 10ms);
  answer("\x12\x34 the first one", 12ms);
  answer("\x12\x35 the second one", 12ms);
  EXPECT_EQ(counted().answered, 2U);
  EXPECT_EQ(times.min(), 2ms);
  EXPECT_EQ(times.max(), 12ms);
}

// Answers that say nothing belong to the latest request that waits.
TEST_F(ExchangesTest, AnswersWithoutContentFollowTheOrder) {
  ask("get 1", 0ms);
  ask("get 2", 100ms);
  answer("OK", 101ms);
  ask("get 3", 200ms);
  answer("OK", 202ms);
  EXPECT_EQ(counted().answered, 2U);
  EXPECT_EQ(counted().unanswered, 1U);
  EXPECT_EQ(times.max(), 2ms);
}

// A copy of a request that waits is a retransmission; the response time counts from the first. The
// second answer is one too many, even while something else is asked.
TEST_F(ExchangesTest, RetransmissionsAndSecondAnswers) {
  ask("Michael", 0s);
  ask("Michael", 1s);
  answer("Hello, Michael!", 1001ms);
  ask("Tracy", 1100ms);
  answer("Hello, Michael!", 1200ms);
  answer("Hello, Tracy!", 1300ms);
  answer("Hello, nobody!", 1400ms);
  ask("Michael", 2s);
  const ExchangeCounters expected{.requests = 3,
                                  .answered = 2,
                                  .unanswered = 1,
                                  .retransmitted = 1,
                                  .answered_twice = 1,
                                  .unasked = 1};
  EXPECT_EQ(counted(), expected);
  EXPECT_EQ(times.max(), 1001ms);
}

// Of what waits, 64 requests are remembered: an older one has no answer.
TEST_F(ExchangesTest, RemembersSoMany) {
  for (int i = 0; i < 100; ++i) ask("request number " + std::to_string(i));
  EXPECT_EQ(exchanges.counters().unanswered, 36U);
  EXPECT_EQ(budget.requests, (std::size_t{1} << 17) - 64);
  EXPECT_EQ(counted().unanswered, 100U);
}

// Without memory for them requests are counted, and no more.
TEST_F(ExchangesTest, StaysWithinItsBudget) {
  budget.requests = 0;
  ask("Michael");
  answer("Hello, Michael!");
  EXPECT_EQ(counted().unfollowed, 1U);
  EXPECT_EQ(counted().unasked, 1U);
}

// Where the clock went back between the two nobody knows how long it took.
TEST_F(ExchangesTest, AnswersInFrontOfTheirRequests) {
  ask("Michael", 2s);
  answer("Hello, Michael!", 1s);
  EXPECT_EQ(counted().answered, 1U);
  EXPECT_EQ(times.count(), 0U);
}

// Nothing at all is a request and an answer like any other.
TEST_F(ExchangesTest, EmptyOnes) {
  ask("");
  answer("");
  EXPECT_EQ(counted().answered, 1U);
}

}  // namespace
}  // namespace lossy
