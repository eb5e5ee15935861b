#include <lossy/core/greeting/name_table.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <lossy/core/random.hpp>

namespace lossy {
namespace {

std::uint32_t find(const NameTable& table, std::uint64_t hash, std::uint32_t index) {
  return table.find(hash, [&](std::uint32_t candidate) { return candidate == index; });
}

// Whatever was put in is found and whatever was taken out is not, also when hashes collide, when
// they fall onto neighbouring places, and when their places wrap around the end of the table.
TEST(NameTable, AgreesWithAMap) {
  const RandomStream stream(1);
  for (const std::uint64_t hashes : {1U, 2U, 7U, 40U, 1'000'000U}) {
    SCOPED_TRACE(hashes);
    NameTable table;
    std::map<std::uint32_t, std::uint64_t> expected;
    for (std::uint64_t i = 1; i <= 20'000; ++i) {
      const std::uint64_t draw = stream.stream(hashes).at(i);
      const auto index = static_cast<std::uint32_t>(draw & 63);
      if (const auto found = expected.find(index); found != expected.end()) {
        table.erase(found->second, index);
        expected.erase(found);
      } else {
        // Counted back from the largest hash, so that small tables wrap around.
        const std::uint64_t hash = ~std::uint64_t{0} - uniform_below(draw, hashes);
        table.insert(hash, index);
        expected.emplace(index, hash);
      }
      for (const auto& [present, hash] : expected) ASSERT_EQ(find(table, hash, present), present);
      ASSERT_EQ(find(table, ~std::uint64_t{0}, 64), NameTable::kNone);
    }
  }
}

// Names as they come in practice, alike but for a digit, do not share places or hashes.
TEST(NameTable, HashTellsSimilarNamesApart) {
  constexpr std::size_t kNames = 1 << 14;
  std::set<std::uint64_t> hashes;
  std::vector<int> places(kNames);
  int fullest = 0;
  for (std::size_t i = 0; i < kNames / 4; ++i) {
    for (const char* prefix : {"", "guest-", "a guest with a long name "}) {
      const std::uint64_t hash = hash_name(prefix + std::to_string(i));
      hashes.insert(hash);
      fullest = std::max(fullest, ++places[hash % kNames]);
    }
  }
  EXPECT_EQ(hashes.size(), 3 * kNames / 4);
  EXPECT_LE(fullest, 12);
}

// Names that differ only in zero bytes, or in where a word ends, are different names.
TEST(NameTable, HashCountsEveryByte) {
  std::set<std::uint64_t> hashes;
  for (std::size_t size = 0; size <= 64; ++size) hashes.insert(hash_name(std::string(size, '\0')));
  EXPECT_EQ(hashes.size(), 65U);
  for (std::size_t at = 0; at < 64; ++at) {
    std::string name(64, '\0');
    name[at] = 1;
    hashes.insert(hash_name(name));
  }
  EXPECT_EQ(hashes.size(), 65U + 64U);
}

// Names are compared only when the hashes are equal.
TEST(NameTable, AsksOnlyAboutTheSameHash) {
  NameTable table;
  table.insert(1, 10);
  table.insert(17, 20);  // The same place in a table of 16.
  const auto found = table.find(17, [](std::uint32_t index) {
    EXPECT_EQ(index, 20U);
    return true;
  });
  EXPECT_EQ(found, 20U);
}

TEST(NameTable, RefusesToEraseWhatIsNotThere) {
  NameTable table;
  EXPECT_THROW(table.erase(1, 1), std::logic_error);
  table.insert(1, 1);
  EXPECT_THROW(table.erase(1, 2), std::logic_error);
}

}  // namespace
}  // namespace lossy
