#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <lossy/core/random.hpp>
#include <lossy/harness/link/link_for_test.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

// A flipped bit changes that bit, of that copy, and nothing else, whichever copy arrives first.
TEST(Link, FlipsAreExactlyThoseAskedFor) {
  const std::string sent = "Michael";
  const auto flipped = [&](std::initializer_list<std::size_t> bits) {
    std::string text = sent;
    for (const std::size_t bit : bits) {
      text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
    }
    return text;
  };
  for (const char* order : {"+1ms", "-1ms"}) {
    Link link = make_link(
        {.delay = 10ms}, "uplink.1:deliver/deliver" + std::string(order) + "^0^9^55/deliver+2ms^1");
    offer(link, 0s, sent);
    const std::vector<Arrival> all = arrivals(link);
    ASSERT_EQ(all.size(), 3U);
    for (const Arrival& arrival : all) {
      EXPECT_EQ(arrival.payload, arrival.copy == 0   ? sent
                                 : arrival.copy == 1 ? flipped({0, 9, 55})
                                                     : flipped({1}));
      EXPECT_EQ(arrival.delivery.corrupted, arrival.copy != 0);
    }
    EXPECT_EQ(link.counters().corrupted, 2U);
    EXPECT_EQ(link.counters().flips_missed, 0U);
  }
}

// A bit beyond the payload's end cannot be flipped, is counted, and corrupts nothing.
TEST(Link, FlipsBeyondTheEndAreCounted) {
  Link link = make_link({},
                        "uplink.1:corrupt^56,uplink.2:corrupt^55^56^4294967295,"
                        "uplink.3:corrupt^0");
  offer(link, 0s, "Michael");
  offer(link, 0s, "Michael");
  offer(link, 0s, "");
  const std::vector<Arrival> all = arrivals(link);
  EXPECT_EQ(all[0].payload, "Michael");
  EXPECT_FALSE(all[0].delivery.corrupted);
  EXPECT_EQ(all[1].payload, "Michae\xec");
  EXPECT_TRUE(all[1].delivery.corrupted);
  EXPECT_EQ(all[2].payload, "");
  EXPECT_EQ(link.counters().corrupted, 1U);
  EXPECT_EQ(link.counters().flips_missed, 4U);
}

// What chance corrupts differs from what was sent in one bit, always.
TEST(Link, ChanceFlipsOneBit) {
  Link link =
      make_link({}, {.duplicate = Probability::ratio(1, 2), .corrupt = Probability::ratio(1, 2)});
  std::uint64_t corrupted = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::string sent = "guest-" + std::to_string(i);
    offer(link, i * 1ms, sent);
    for (const Arrival& arrival : arrivals(link)) {
      int bits = 0;
      ASSERT_EQ(arrival.payload.size(), sent.size());
      for (std::size_t at = 0; at < sent.size(); ++at) {
        bits += std::popcount(static_cast<unsigned char>(arrival.payload[at] ^ sent[at]));
      }
      ASSERT_EQ(bits, arrival.delivery.corrupted ? 1 : 0);
      corrupted += arrival.delivery.corrupted ? 1 : 0;
    }
  }
  EXPECT_EQ(link.counters().corrupted, corrupted);
  EXPECT_GT(corrupted, 5000U);
}

// A payload is cut after its bits were flipped: what lies beyond is gone, flips included, and was
// corrupted all the same.
TEST(Link, CutsWhatIsBeyond) {
  Link link = make_link({.delay = 1ms},
                        "uplink.1:truncate=3,uplink.2:deliver^1^50=4/deliver/truncate+1ms=0,"
                        "uplink.3:corrupt^50=4,uplink.4:truncate=6");
  for (int i = 0; i < 4; ++i) offer(link, 0s, "Michael");
  std::vector<std::pair<std::string, std::string>> seen;
  for (const Arrival& arrival : arrivals(link)) {
    seen.emplace_back(arrival.payload, std::string(arrival.delivery.corrupted ? "corrupted " : "") +
                                           (arrival.delivery.truncated ? "truncated" : ""));
  }
  EXPECT_EQ(seen, (std::vector<std::pair<std::string, std::string>>{{"Mic", "truncated"},
                                                                    {"Oich", "corrupted truncated"},
                                                                    {"Michael", ""},
                                                                    {"Mich", "corrupted truncated"},
                                                                    {"Michae", "truncated"},
                                                                    {"", "truncated"}}));
  EXPECT_EQ(link.counters().truncated, 5U);
  EXPECT_EQ(link.counters().corrupted, 2U);
  EXPECT_EQ(link.counters().flips_missed, 0U);
  EXPECT_EQ(link.counters().cuts_missed, 0U);
}

// A cut at the payload's end or beyond leaves all of it, and is counted.
TEST(Link, CutsBeyondTheEndAreCounted) {
  Link link = make_link({},
                        "uplink.1:truncate=7,uplink.2:truncate=8/truncate=4294967294,"
                        "uplink.3:truncate=0,uplink.4:truncate=6");
  for (const char* sent : {"Michael", "Michael", "", "Michael"}) offer(link, 0s, sent);
  std::vector<std::string> seen;
  for (const Arrival& arrival : arrivals(link)) {
    seen.push_back(arrival.payload);
    EXPECT_EQ(arrival.delivery.truncated, arrival.number == 4);
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"Michael", "Michael", "Michael", "", "Michae"}));
  EXPECT_EQ(link.counters().truncated, 1U);
  EXPECT_EQ(link.counters().cuts_missed, 4U);
}

}  // namespace
}  // namespace lossy
