#include <lossy/harness/link/due_queue.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include <lossy/core/random.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

using Queue = DueQueue<std::uint64_t>;

// What a queue gives back, all of it.
std::vector<std::uint64_t> drained(Queue& queue) {
  std::vector<std::uint64_t> items;
  for (; !queue.empty(); queue.pop()) items.push_back(queue.front().item);
  return items;
}

// The plainest queue with the same promise: looks at everything each time.
class Reference {
 public:
  void push(Instant due, std::uint64_t item) { entries_.push_back({due, item}); }
  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  // The first of the earliest.
  auto first() const { return std::ranges::min_element(entries_, {}, &Entry::due); }
  void pop() { entries_.erase(first()); }

 private:
  struct Entry {
    Instant due;
    std::uint64_t item;
  };
  std::vector<Entry> entries_;
};

// By due time, and at equal times in the order they came.
TEST(DueQueue, EarliestFirst) {
  Queue queue;
  const Duration dues[] = {5ms, 3ms, 5ms, 9ms, 3ms, 1ms, 9ms, 5ms};
  for (std::uint64_t i = 0; i < std::size(dues); ++i) queue.push(Instant(dues[i]), i);
  EXPECT_EQ(queue.size(), 8U);
  EXPECT_EQ(queue.front().due, Instant(1ms));
  EXPECT_EQ(drained(queue), (std::vector<std::uint64_t>{5, 1, 4, 0, 2, 7, 3, 6}));
  EXPECT_EQ(queue.size(), 0U);
}

// Items due at the same instant leave in the order they came, whichever way they came in: behind
// the last, before it, or both.
TEST(DueQueue, EqualTimesAreFirstInFirstOut) {
  Queue queue;
  queue.push(Instant(5ms), 0);
  queue.push(Instant(9ms), 1);
  queue.push(Instant(5ms), 2);
  queue.push(Instant(5ms), 3);
  queue.pop();
  queue.push(Instant(5ms), 4);
  queue.push(Instant(9ms), 5);
  EXPECT_EQ(drained(queue), (std::vector<std::uint64_t>{2, 3, 4, 1, 5}));
  for (std::uint64_t i = 0; i < 100; ++i) queue.push(Instant(1ms), i);
  for (std::uint64_t i = 0; i < 100; ++i) {
    ASSERT_EQ(queue.front().item, i);
    queue.pop();
  }
}

// A stable sort gives the same, whatever the due times.
TEST(DueQueue, SortsAsAStableSortDoes) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    const RandomStream stream(seed);
    const std::uint64_t times = 1 + stream.at(1) % 300;  // Few times, many ties.
    Queue queue;
    std::vector<std::uint64_t> expected;
    std::vector<Instant> dues;
    for (std::uint64_t i = 0; i < 2000; ++i) {
      dues.push_back(Instant(Duration(static_cast<Duration::rep>(stream.at(2 + i) % times))));
      queue.push(dues[i], i);
      expected.push_back(i);
    }
    std::ranges::stable_sort(expected, {}, [&](std::uint64_t i) { return dues[i]; });
    EXPECT_EQ(drained(queue), expected);
  }
}

// Pushes and pops in any order: as the plainest queue does it. Times move on as a link's do, with
// items that overtake and items that are held back.
TEST(DueQueue, BehavesAsTheReference) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    const RandomStream stream(seed);
    Queue queue;
    Reference reference;
    for (std::uint64_t n = 1; n <= 3000; ++n) {
      const std::uint64_t draw = stream.at(n);
      const bool grows = draw % 16 < (n / 300 % 2 == 0 ? 9 : 7);
      if (grows) {
        const auto now = static_cast<Duration::rep>(n / 4);
        const auto delay = static_cast<Duration::rep>((draw >> 8) % (seed % 5 == 0 ? 1 : 40));
        const Instant due(Duration(now + delay));
        queue.push(due, n);
        reference.push(due, n);
      } else if (!reference.empty()) {
        queue.pop();
        reference.pop();
      }
      ASSERT_EQ(queue.size(), reference.size());
      ASSERT_EQ(queue.empty(), reference.empty());
      if (reference.empty()) continue;
      ASSERT_EQ(queue.front().due, reference.first()->due);
      ASSERT_EQ(queue.front().item, reference.first()->item);
    }
  }
}

// The ends of time are times like others.
TEST(DueQueue, TheEndsOfTimeAreTimes) {
  Queue queue;
  queue.push(Instant::max(), 0);
  queue.push(Instant::min(), 1);
  queue.push(Instant::max(), 2);
  queue.push(Instant{}, 3);
  queue.push(Instant::min(), 4);
  EXPECT_EQ(drained(queue), (std::vector<std::uint64_t>{1, 4, 3, 0, 2}));
}

}  // namespace
}  // namespace lossy
