#include <lossy/harness/link/delivery_trace.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include <lossy/core/random.hpp>
#include <lossy/harness/link/text.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::shared_ptr<const DeliveryTrace> trace(const std::string& text) {
  return DeliveryTrace::parse(text, "t");
}

// What the refusal says, or "accepted".
std::string refusal(const std::string& text) {
  try {
    (void)DeliveryTrace::parse(text, "some file");
  } catch (const TextError& error) {
    return error.what();
  }
  return "accepted";
}

std::string repeated(const std::string& line, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += line;
  return text;
}

// One number is one opportunity, several in a millisecond are as many, and a last line needs no
// end.
TEST(DeliveryTrace, ReadsOneOpportunityALine) {
  for (const char* text : {"0\n3\n3\n10\n", "0\n3\n3\n10", "0\r\n3\r\n3\r\n10\r\n"}) {
    const auto read = trace(text);
    EXPECT_EQ(read->name(), "t");
    EXPECT_EQ(read->opportunities(), 4U);
    EXPECT_EQ(read->period(), 10ms);
    EXPECT_EQ(*read, *trace("0\n3\n3\n10\n"));
    EXPECT_FALSE(*read == *trace("0\n3\n10\n"));
  }
  EXPECT_EQ(trace("4294967295")->period(), 4294967295ms);
}

// What cannot be read is refused, with the line where it stands.
TEST(DeliveryTrace, RefusalsNameTheLine) {
  const std::pair<std::string, const char*> broken[] = {
      {"", "\"some file\" is empty"},
      {"\n", "line 1 of \"some file\": it is empty"},
      {"1\n\n2\n", "line 2 of \"some file\": it is empty"},
      {"1\n2\n\n", "line 3 of \"some file\": it is empty"},
      {"1\nx\n", "line 2 of \"some file\": \"x\" is not a whole number"},
      {"1 2\n", "line 1 of \"some file\": \"1 2\" is not a whole number"},
      {"1\n-2\n", "line 2 of \"some file\": \"-2\" is not a whole number"},
      {"1.5\n", "line 1 of \"some file\": \"1.5\" is not a whole number"},
      {"4294967296\n", "is not a whole number from 0 to 4294967295"},
      {"1\n\x1b[0m\n", "line 2 of \"some file\": \"\\x1b[0m\" is not"},
      {"1\n5\n4\n9", "line 3 of \"some file\": 4 comes after 5, but times must not decrease"},
      {"0\n0\n", "line 2 of \"some file\": the last time is the length of a round"},
      {repeated("0\n", 100'000) + "0\n9\n", "line 100001 of \"some file\": at most 100000 lines"},
      {"3\n" + repeated("7\n", 100'001), "line 100002 of \"some file\": at most 100000 lines"},
  };
  for (const auto& [text, why] : broken) EXPECT_THAT(refusal(text), HasSubstr(why));
  EXPECT_EQ(refusal(repeated("7\n", 100'000) + "8\n"), "accepted");
  EXPECT_LT(refusal(std::string(100'000, 'x')).size(), 500U);
}

// Counting the rounds one by one finds the same opportunities.
TEST(DeliveryTrace, RepeatsForEver) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const RandomStream stream(seed);
    std::vector<std::uint64_t> times;
    std::uint64_t time = stream.at(1) % 3;
    const std::uint64_t count = 1 + stream.at(2) % 20;
    for (std::uint64_t i = 0; i < count; ++i) {
      time += stream.at(3 + i) % 4;
      times.push_back(time);
    }
    if (times.back() == 0) times.push_back(1);
    std::string text;
    for (const std::uint64_t one : times) text += std::to_string(one) + '\n';
    SCOPED_TRACE(text);
    const auto read = trace(text);

    std::vector<Instant> all;
    for (std::uint64_t round = 0; round < 20; ++round) {
      for (const std::uint64_t one : times) {
        all.push_back(Instant(std::chrono::milliseconds(round * times.back() + one)));
      }
    }
    for (std::size_t n = 0; n < all.size(); ++n) ASSERT_EQ(read->when(n), all[n]) << n;
    const auto milliseconds = static_cast<std::int64_t>(19 * times.back());
    for (std::int64_t at = -1; at <= milliseconds; ++at) {
      for (const Duration off : {Duration(-1ns), Duration(0ns), Duration(1ns)}) {
        const Instant now(std::chrono::milliseconds(at) + off);
        const auto first = std::ranges::lower_bound(all, now);
        ASSERT_EQ(read->first_at(now), static_cast<std::uint64_t>(first - all.begin())) << at;
      }
    }
  }
}

// At the end of time the densest trace and the longest still count right: each first opportunity is
// the first.
TEST(DeliveryTrace, CountsToTheEndOfTime) {
  for (const auto& read : {trace(repeated("0\n", 100'000) + repeated("1\n", 100'000)), trace("1"),
                           trace("4294967295"), trace("0\n7\n4294967295\n")}) {
    for (const Instant now : {Instant(1ns), Instant(kDurationMax), Instant(kDurationMax - 1ns),
                              Instant::max() - 4294967296ms, Instant::max() - 1ms}) {
      const std::uint64_t n = read->first_at(now);
      EXPECT_GE(read->when(n), now);
      if (n > 0) {
        EXPECT_LT(read->when(n - 1), now);
      }
    }
    EXPECT_EQ(read->when(read->first_at(Instant::max())), Instant::max());
    EXPECT_EQ(read->when(std::numeric_limits<std::uint64_t>::max()), Instant::max());
    EXPECT_EQ(read->first_at(Instant::min()), 0U);
  }
}

}  // namespace
}  // namespace lossy
