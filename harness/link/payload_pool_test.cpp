#include <lossy/harness/link/payload_pool.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include <lossy/core/random.hpp>

namespace lossy {
namespace {

std::vector<std::byte> payload(std::size_t size, std::uint64_t key) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(RandomStream(key).at(i));
  return bytes;
}

// What a slot for so many bytes takes.
std::size_t slot_bytes(std::size_t size) {
  return std::max<std::size_t>(64, std::bit_ceil(size));
}

// Whatever comes and goes, every slot keeps its own bytes until its last reference is given back.
TEST(PayloadPool, SlotsKeepTheirBytes) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    struct Held {
      PayloadPool::Slot slot;
      std::vector<std::byte> bytes;
      int references;
    };
    const RandomStream stream(seed);
    PayloadPool pool;
    std::vector<Held> all;
    std::size_t used = 0;
    for (std::uint64_t n = 1; n <= 3000; ++n) {
      const std::uint64_t draw = stream.at(n);
      const std::uint64_t action = draw % 8;
      if (all.empty() || action < (n / 300 % 2 == 0 ? 4U : 1U)) {
        // Sizes of every class alike.
        const auto size = static_cast<std::size_t>((draw >> 8) % 65'537 >> (draw >> 40) % 17);
        const auto bytes = payload(size, draw);
        all.push_back({pool.add(bytes), bytes, 1});
        used += slot_bytes(size);
      } else {
        Held& held = all[(draw >> 8) % all.size()];
        ASSERT_TRUE(std::ranges::equal(pool.bytes(held.slot), held.bytes));
        if (action == 4) {
          pool.retain(held.slot);
          ++held.references;
        } else {
          pool.release(held.slot);
          if (--held.references == 0) {
            used -= slot_bytes(held.bytes.size());
            std::swap(held, all.back());
            all.pop_back();
          }
        }
      }
      ASSERT_EQ(pool.bytes_used(), used);
      ASSERT_GE(pool.bytes_reserved(), used);
    }
    for (const Held& held : all) {
      ASSERT_TRUE(std::ranges::equal(pool.bytes(held.slot), held.bytes));
      for (int i = 0; i < held.references; ++i) pool.release(held.slot);
    }
    EXPECT_EQ(pool.bytes_used(), 0U);
  }
}

// Bytes given back are used again: memory grows to the most that was in use at once, and stays.
TEST(PayloadPool, MemoryIsUsedAgain) {
  PayloadPool pool;
  const auto bytes = payload(1000, 1);
  std::vector<PayloadPool::Slot> slots;
  for (int i = 0; i < 1000; ++i) slots.push_back(pool.add(bytes));
  const std::size_t peak = pool.bytes_reserved();
  EXPECT_GE(peak, 1000U * 1024);
  EXPECT_LT(peak, 1000U * 1024 + 65'536);
  for (int round = 0; round < 100; ++round) {
    for (const PayloadPool::Slot slot : slots) pool.release(slot);
    EXPECT_EQ(pool.bytes_used(), 0U);
    for (PayloadPool::Slot& slot : slots) slot = pool.add(bytes);
    EXPECT_EQ(pool.bytes_used(), 1000U * 1024);
    EXPECT_EQ(pool.bytes_reserved(), peak);
  }
}

// A pool that holds little takes little: a proxy has thousands of them.
TEST(PayloadPool, LittleTakesLittle) {
  PayloadPool pool;
  for (int i = 0; i < 4; ++i) pool.add(payload(200, 1));
  EXPECT_LE(pool.bytes_reserved(), 4096U);
}

// From nothing to the largest size, and not one byte more.
TEST(PayloadPool, TakesAnySizeUpToItsBound) {
  PayloadPool pool;
  for (const std::size_t size : {0U, 1U, 63U, 64U, 65U, 128U, 129U, 65'507U, 65'535U, 65'536U}) {
    const auto bytes = payload(size, size);
    const PayloadPool::Slot slot = pool.add(bytes);
    EXPECT_TRUE(std::ranges::equal(pool.bytes(slot), bytes)) << size;
    EXPECT_EQ(pool.bytes_used(), slot_bytes(size));
    pool.release(slot);
  }
  EXPECT_THROW(pool.add(payload(65'537, 1)), std::logic_error);
}

// A slot can be written to, which changes no other.
TEST(PayloadPool, SlotsDoNotOverlap) {
  PayloadPool pool;
  for (const std::size_t size : {64U, 1024U, 65'536U}) {
    std::vector<PayloadPool::Slot> slots;
    for (int i = 0; i < 100; ++i) slots.push_back(pool.add(std::vector<std::byte>(size)));
    for (std::size_t i = 0; i < slots.size(); ++i) {
      std::ranges::fill(pool.bytes(slots[i]), static_cast<std::byte>(i));
    }
    for (std::size_t i = 0; i < slots.size(); ++i) {
      const auto bytes = pool.bytes(slots[i]);
      ASSERT_EQ(std::ranges::count(bytes, static_cast<std::byte>(i)),
                static_cast<std::ptrdiff_t>(size));
    }
  }
}

// A mark stays until the slot is given back, and a slot that is used again is not marked.
TEST(PayloadPool, MarksEndWithTheSlot) {
  PayloadPool pool;
  const auto bytes = payload(10, 1);
  const PayloadPool::Slot first = pool.add(bytes);
  EXPECT_FALSE(pool.mark(first));
  EXPECT_TRUE(pool.mark(first));
  const PayloadPool::Slot other = pool.add(bytes);
  EXPECT_FALSE(pool.mark(other));
  pool.retain(first);
  pool.release(first);
  EXPECT_TRUE(pool.mark(first));
  pool.release(first);
  pool.release(other);
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(pool.mark(pool.add(bytes)));
}

}  // namespace
}  // namespace lossy
