#include <lossy/harness/link/serialiser.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <limits>
#include <string>
#include <vector>

#include <lossy/core/random.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kNoBound = std::numeric_limits<std::size_t>::max();

LinkOptions at_rate(const RateLimit& rate) {
  return {.rate = rate, .queue_datagrams_max = kNoBound};
}

LinkOptions in_trace(const std::string& text) {
  return {.trace = DeliveryTrace::parse(text, "t"), .queue_datagrams_max = kNoBound};
}

// When it has left, or nothing when it found no place.
std::optional<Instant> offer(Serialiser& line, Duration at, std::size_t ip_bytes,
                             const LinkOptions& options) {
  if (!line.has_room(Instant(at), ip_bytes, options)) return std::nullopt;
  return line.send(Instant(at), ip_bytes, options);
}

// What lies below IP, as netem reckons it: ATM's 53 bytes for 48 and the like.
TEST(Serialiser, CountsWhatLiesBelowIp) {
  struct Case {
    std::size_t ip_bytes;
    RateLimit rate;
    std::uint64_t expected;
  };
  constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();
  constexpr std::int32_t kLeast = std::numeric_limits<std::int32_t>::min();
  const Case cases[] = {
      {100, {}, 100},
      {100, {.packet_overhead_bytes = 14}, 114},
      {100, {.packet_overhead_bytes = -40}, 60},
      {100, {.packet_overhead_bytes = -100}, 0},
      {100, {.packet_overhead_bytes = -101}, 0},
      {100, {.packet_overhead_bytes = kLeast}, 0},
      {100, {.cell_bytes = 48}, 144},
      {96, {.cell_bytes = 48}, 96},
      {97, {.cell_bytes = 48}, 144},
      {97, {.cell_bytes = 48, .cell_overhead_bytes = 5}, 159},
      {97, {.packet_overhead_bytes = -1, .cell_bytes = 48, .cell_overhead_bytes = 5}, 106},
      {97, {.cell_bytes = 48, .cell_overhead_bytes = -47}, 3},
      {97, {.cell_bytes = 48, .cell_overhead_bytes = -49}, 0},
      {97, {.packet_overhead_bytes = -97, .cell_bytes = 48, .cell_overhead_bytes = 5}, 0},
      {97, {.cell_overhead_bytes = 5}, 97},  // Without cells there is nothing to add it to.
      {28, {.cell_bytes = 4294967295}, 4294967295},
      {66'507,
       {.packet_overhead_bytes = kMost, .cell_bytes = 1, .cell_overhead_bytes = kMost},
       (66'507ULL + 2'147'483'647) * 2'147'483'648},
      {66'507,
       {.packet_overhead_bytes = kMost, .cell_bytes = 4294967295, .cell_overhead_bytes = kMost},
       4294967295ULL + 2'147'483'647},
  };
  for (const Case& one : cases) EXPECT_EQ(line_bytes(one.ip_bytes, one.rate), one.expected);
}

// Whatever lies below IP, the n-th of datagrams sent back to back has left when the bits of all so
// far have, to the nanosecond.
TEST(Serialiser, TimesAreExact) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    const RandomStream stream(seed);
    const RateLimit rate{
        .bits_per_second = 1 + (stream.at(1) >> (14 + stream.at(2) % 50)),
        .packet_overhead_bytes = static_cast<std::int32_t>(stream.at(3) % 200) - 100,
        .cell_bytes = static_cast<std::uint32_t>(stream.at(4) % 2 * (stream.at(5) % 300)),
        .cell_overhead_bytes = static_cast<std::int32_t>(stream.at(6) % 40) - 20};
    Serialiser line;
    Uint128 bits = 0;
    for (std::uint64_t n = 1; n <= 500; ++n) {
      const std::size_t ip_bytes = 28 + stream.at(10 + n) % 1500;
      std::int64_t bytes = static_cast<std::int64_t>(ip_bytes) + rate.packet_overhead_bytes;
      bytes = std::max<std::int64_t>(bytes, 0);
      if (rate.cell_bytes > 0) {
        std::int64_t cells = 0;
        for (std::int64_t left = bytes; left > 0; left -= rate.cell_bytes) ++cells;
        bytes = cells *
                std::max<std::int64_t>(0, std::int64_t{rate.cell_bytes} + rate.cell_overhead_bytes);
      }
      bits += static_cast<std::uint64_t>(bytes) * 8;
      const Uint128 expected = bits * 1'000'000'000 / rate.bits_per_second;
      const auto left = offer(line, 0s, ip_bytes, at_rate(rate));
      ASSERT_EQ(left, Instant(Duration(static_cast<Duration::rep>(expected)))) << n;
    }
  }
}

// The slowest and the largest that there can be ends at the end of time, and the fastest takes the
// time that it takes.
TEST(Serialiser, TimesSaturate) {
  constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();
  const LinkOptions slow = at_rate({.bits_per_second = 1,
                                    .packet_overhead_bytes = kMost,
                                    .cell_bytes = 1,
                                    .cell_overhead_bytes = kMost});
  Serialiser line;
  EXPECT_EQ(offer(line, 5s, 66'507, slow), Instant::max());
  EXPECT_EQ(offer(line, 5s, 66'507, slow), Instant::max());
  EXPECT_EQ(offer(line, 6s, 28, at_rate({.bits_per_second = 1})), Instant::max());

  Serialiser late;
  const LinkOptions one_bit = at_rate({.bits_per_second = 1});
  const Duration year_30 = kDurationMax;
  EXPECT_EQ(offer(late, year_30, 125, one_bit), Instant(year_30 + 1000s));

  Serialiser fast;
  const LinkOptions petabit = at_rate({.bits_per_second = 1'000'000'000'000'000});
  for (int n = 1; n <= 1000; ++n) {
    ASSERT_EQ(offer(fast, 0s, 125, petabit), Instant(Duration(n / 1000)));
  }
  Serialiser fastest;
  const LinkOptions most = at_rate({.bits_per_second = std::numeric_limits<std::uint64_t>::max()});
  for (int n = 0; n < 1000; ++n) ASSERT_EQ(offer(fastest, 0s, 1500, most), Instant{});
}

// So many bytes may wait, not counting what is being sent; what does not fit is dropped, and
// something smaller may still fit.
TEST(Serialiser, BoundsTheBytesThatWait) {
  LinkOptions options = at_rate({.bits_per_second = 8'000});  // A byte each millisecond.
  options.queue_bytes_max = 200;
  Serialiser line;
  EXPECT_EQ(offer(line, 0s, 1000, options), Instant(1s));  // However large: it does not wait.
  EXPECT_EQ(offer(line, 0s, 201, options), std::nullopt);
  EXPECT_EQ(offer(line, 0s, 150, options), Instant(1150ms));
  EXPECT_EQ(offer(line, 0s, 51, options), std::nullopt);
  EXPECT_EQ(offer(line, 0s, 50, options), Instant(1200ms));
  EXPECT_EQ(offer(line, 1s - 1ns, 1, options), std::nullopt);
  EXPECT_EQ(offer(line, 1s, 150, options), Instant(1350ms));  // The 150 are being sent now.
  EXPECT_EQ(offer(line, 1s, 1, options), std::nullopt);
  EXPECT_EQ(offer(line, 1350ms, 300, options), Instant(1650ms));
  options.queue_bytes_max = 0;
  EXPECT_EQ(offer(line, 1650ms - 1ns, 1, options), std::nullopt);
  EXPECT_EQ(offer(line, 1650ms, 5, options), Instant(1655ms));
}

// Both bounds hold, with a trace as with a rate, and whichever is reached first drops.
TEST(Serialiser, BothBoundsHold) {
  for (LinkOptions options : {at_rate({.bits_per_second = 8'000}), in_trace("1000\n")}) {
    options.queue_datagrams_max = 3;
    options.queue_bytes_max = 200;
    const auto burst = [&](std::size_t ip_bytes) {
      Serialiser line;
      int sent = 0;
      for (int i = 0; i < 10; ++i) sent += offer(line, 0s, ip_bytes, options) ? 1 : 0;
      return sent;
    };
    EXPECT_EQ(burst(50), 4);
    EXPECT_EQ(burst(66), 4);
    EXPECT_EQ(burst(67), 3);
    EXPECT_EQ(burst(101), 2);
    EXPECT_EQ(burst(201), 1);
  }
}

// Without a limit nothing waits, and nothing is dropped.
TEST(Serialiser, WithoutALimitNothingWaits) {
  Serialiser line;
  const LinkOptions options{.queue_datagrams_max = 0, .queue_bytes_max = 0};
  for (int i = 0; i < 100; ++i) EXPECT_EQ(offer(line, i * 1ns, 65'000, options), Instant(i * 1ns));
}

// An opportunity carries 1504 bytes: several small datagrams share it, a large one takes several.
TEST(Serialiser, OpportunitiesAreSharedAndSpanned) {
  Serialiser line;
  const LinkOptions options = in_trace("10\n20\n30\n30\n40\n");
  EXPECT_EQ(offer(line, 5ms, 1000, options), Instant(10ms));
  EXPECT_EQ(offer(line, 6ms, 504, options), Instant(10ms));
  EXPECT_EQ(offer(line, 7ms, 1, options), Instant(20ms));
  EXPECT_EQ(offer(line, 8ms, 1504, options), Instant(30ms));
  EXPECT_EQ(offer(line, 9ms, 1503, options), Instant(30ms));
  EXPECT_EQ(offer(line, 9ms, 1504, options), Instant(30ms));      // The second of that millisecond.
  EXPECT_EQ(offer(line, 9ms, 3 * 1504, options), Instant(60ms));  // At 40, 50 and 60 ms.
  EXPECT_EQ(offer(line, 9ms, 1, options), Instant(70ms));
}

// What is not used when it comes is wasted; what comes at the very time of an opportunity may
// still use it.
TEST(Serialiser, UnusedOpportunitiesAreWasted) {
  Serialiser line;
  const LinkOptions options = in_trace("10\n");
  EXPECT_EQ(offer(line, 35ms, 100, options), Instant(40ms));
  EXPECT_EQ(offer(line, 40ms, 100, options), Instant(40ms));
  EXPECT_EQ(offer(line, 40ms + 1ns, 100, options), Instant(50ms));
  EXPECT_EQ(offer(line, 100ms, 1504, options), Instant(100ms));
  EXPECT_EQ(offer(line, 100ms, 1, options), Instant(110ms));
}

// A trace that starts at 0 has an opportunity at once.
TEST(Serialiser, TheFirstOpportunityMayBeAtOnce) {
  Serialiser line;
  const LinkOptions options = in_trace("0\n10\n");
  EXPECT_EQ(offer(line, 0ms, 1504, options), Instant{});
  EXPECT_EQ(offer(line, 0ms, 1504, options), Instant(10ms));
  EXPECT_EQ(offer(line, 0ms, 1504, options), Instant(10ms));  // The second round's 0.
  EXPECT_EQ(offer(line, 0ms, 1504, options), Instant(20ms));
}

// mahimahi's own way of doing it, opportunity by opportunity: each takes bytes off what waits.
TEST(Serialiser, DoesWhatMahimahiDoes) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    const RandomStream stream(seed);
    std::string text;
    std::uint64_t time = 0;
    for (std::uint64_t i = 0; i < 1 + stream.at(1) % 30; ++i) {
      time += stream.at(100 + i) % 4;
      text += std::to_string(time) + '\n';
    }
    text += std::to_string(time + 1);
    const LinkOptions options = in_trace(text);

    struct Waiting {
      Instant offered;
      std::size_t bytes;
      std::size_t index;
    };
    std::deque<Waiting> waiting;
    std::vector<Instant> left;
    Serialiser line;
    Duration now{};
    const std::uint64_t pause = stream.at(2) % 2 == 0 ? 2'000'000 : 20'000'000;
    for (std::uint64_t n = 0; n < 300; ++n) {
      const std::uint64_t draw = stream.at(1000 + n);
      now += Duration(static_cast<Duration::rep>(draw % pause));
      if (draw % 3 == 0) now -= now % 1ms;  // Often at an opportunity's very time.
      now = std::max(now, waiting.empty() ? 0ns : waiting.back().offered.time_since_epoch());
      const std::size_t bytes = 1 + (draw >> 32) % (draw % 5 == 0 ? 60'000 : 1500);
      waiting.push_back({Instant(now), bytes, n});
      left.push_back(*offer(line, now, bytes, options));
    }
    for (std::uint64_t n = 0; !waiting.empty(); ++n) {
      const Instant opportunity = options.trace->when(n);
      std::size_t room = DeliveryTrace::kOpportunityBytes;
      while (room > 0 && !waiting.empty() && waiting.front().offered <= opportunity) {
        const std::size_t taken = std::min(room, waiting.front().bytes);
        waiting.front().bytes -= taken;
        room -= taken;
        if (waiting.front().bytes > 0) break;
        ASSERT_EQ(left[waiting.front().index], opportunity) << waiting.front().index;
        waiting.pop_front();
      }
    }
  }
}

// Years without anything cost nothing: a loop over their opportunities would never end.
TEST(Serialiser, YearsPassAtOnce) {
  Serialiser line;
  const LinkOptions options = in_trace("1\n2\n3\n");
  for (Duration now = 0ns; now <= kDurationMax; now += kDurationMax / 1000) {
    EXPECT_EQ(offer(line, now, 1504, options),
              Instant(now + (1ms - now % 1ms) % 1ms + (now == 0ns ? 1ms : 0ms)));
  }
  const Instant last = *offer(line, Duration::max(), 1504, options);
  EXPECT_EQ(last, Instant::max());
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(offer(line, Duration::max(), 60'000, options), Instant::max());
  }
}

// A change of speed moves nothing that is queued already, and what comes then leaves behind it.
TEST(Serialiser, AChangeLetsTheQueueGoFirst) {
  const LinkOptions slow = at_rate({.bits_per_second = 8'000});  // A byte each millisecond.
  const LinkOptions fast = at_rate({.bits_per_second = 8'000'000});
  const LinkOptions trace = in_trace("100\n");
  Serialiser line;
  EXPECT_EQ(offer(line, 0s, 1000, slow), Instant(1000ms));
  EXPECT_EQ(offer(line, 1ms, 1000, fast), Instant(1001ms));
  EXPECT_EQ(offer(line, 2ms, 10, trace), Instant(1100ms));
  EXPECT_EQ(offer(line, 3ms, 10, LinkOptions{}), Instant(1100ms));
  EXPECT_EQ(offer(line, 4ms, 10, slow), Instant(1110ms));
  EXPECT_EQ(offer(line, 5ms, 1494, in_trace("100\n")), Instant(1200ms));
  EXPECT_EQ(offer(line, 6ms, 20, in_trace("100\n")), Instant(1300ms));
  EXPECT_EQ(offer(line, 7ms, 20, in_trace("50\n")), Instant(1300ms));
  EXPECT_EQ(offer(line, 2s, 10, LinkOptions{}), Instant(2s));
}

// What is left of a nanosecond belongs to what is sent back to back at one rate, and to nothing
// else.
TEST(Serialiser, PartsOfANanosecondEndWithAPause) {
  const LinkOptions third = at_rate({.bits_per_second = 3});    // 2,666,666,666 2/3 ns a byte.
  const LinkOptions seventh = at_rate({.bits_per_second = 7});  // 1,142,857,142 6/7 ns a byte.
  Serialiser line;
  EXPECT_EQ(offer(line, 0s, 1, third), Instant(2'666'666'666ns));
  EXPECT_EQ(offer(line, 10s, 1, third), Instant(10s + 2'666'666'666ns));
  EXPECT_EQ(offer(line, 10s, 1, seventh), Instant(10s + 2'666'666'666ns + 1'142'857'142ns));
}

// An opportunity that was begun belongs to its trace.
TEST(Serialiser, AnotherTraceBeginsWithItsOwnOpportunities) {
  Serialiser line;
  EXPECT_EQ(offer(line, 0s, 100, in_trace("100\n")), Instant(100ms));
  EXPECT_EQ(offer(line, 1ms, 100, in_trace("30\n")), Instant(120ms));
  EXPECT_EQ(offer(line, 1ms, 1505, in_trace("30\n")), Instant(150ms));
}

// The same trace read twice is the same trace: what was used of an opportunity stays used.
TEST(Serialiser, TheSameTraceGoesOn) {
  Serialiser line;
  EXPECT_EQ(offer(line, 0s, 1000, in_trace("100\n")), Instant(100ms));
  EXPECT_EQ(offer(line, 0s, 1000, in_trace("100\n")), Instant(200ms));
}

}  // namespace
}  // namespace lossy
