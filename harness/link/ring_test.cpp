#include <lossy/harness/link/ring.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>

#include <lossy/core/random.hpp>

namespace lossy {
namespace {

// First in, first out, across many turns of the ring and while it grows: as std::deque does it.
TEST(Ring, IsFirstInFirstOut) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Ring<std::uint64_t> ring;
    std::deque<std::uint64_t> reference;
    for (std::uint64_t n = 1; n <= 5000; ++n) {
      const std::uint64_t draw = RandomStream(seed).at(n);
      // Now it tends to grow, now to shrink, so that it is full and empty at times.
      const bool grows = draw % 8 < (n / 500 % 2 == 0 ? 5 : 3);
      if (grows) {
        ring.push_back(draw);
        reference.push_back(draw);
      } else if (!reference.empty()) {
        ring.pop_front();
        reference.pop_front();
      }
      ASSERT_EQ(ring.size(), reference.size());
      ASSERT_EQ(ring.empty(), reference.empty());
      if (reference.empty()) continue;
      ASSERT_EQ(ring.front(), reference.front());
      ASSERT_EQ(ring.back(), reference.back());
    }
  }
}

// It grows in the middle of a turn without mixing up what it holds.
TEST(Ring, GrowsInTheMiddleOfATurn) {
  for (int popped = 0; popped <= 16; ++popped) {
    Ring<int> ring;
    for (int i = 0; i < 16; ++i) ring.push_back(i);
    for (int i = 0; i < popped; ++i) ring.pop_front();
    for (int i = 16; i < 40; ++i) ring.push_back(i);
    for (int i = popped; i < 40; ++i) {
      ASSERT_EQ(ring.front(), i);
      ASSERT_EQ(ring.back(), 39);
      ring.pop_front();
    }
    EXPECT_TRUE(ring.empty());
  }
}

}  // namespace
}  // namespace lossy
