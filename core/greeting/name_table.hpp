// Finds an outstanding request by the hash of its name: a flat table with linear probing, because
// it is asked twice a greeting and a node a name would be an allocation each time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace lossy {

// A hash that costs a multiplication for eight bytes. It decides about places in the table and
// nothing else.
inline std::uint64_t hash_name(std::string_view name) {
  std::uint64_t hash = name.size();
  const auto mix_in = [&hash](std::uint64_t word) {
    hash = (hash ^ word) * 0x9E3779B97F4A7C15;
    hash ^= hash >> 32;
  };
  for (; name.size() >= 8; name.remove_prefix(8)) {
    std::uint64_t word = 0;
    std::memcpy(&word, name.data(), 8);
    mix_in(word);
  }
  std::uint64_t rest = 0;
  for (const char c : name) rest = rest << 8 | static_cast<unsigned char>(c);
  mix_in(rest);
  return hash;
}

// Maps hashes to indices. Hashes may collide, so a look-up takes a predicate that compares the
// names.
class NameTable {
 public:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;

  NameTable() : slots_(16) {}

  // The index under `hash` for which matches(index) holds, or kNone.
  template <typename Matches>
  std::uint32_t find(std::uint64_t hash, Matches&& matches) const {
    for (std::size_t at = home(hash); slots_[at].index != kNone; at = next(at)) {
      if (slots_[at].hash == hash && matches(slots_[at].index)) return slots_[at].index;
    }
    return kNone;
  }

  void insert(std::uint64_t hash, std::uint32_t index);

  // Removes what insert(hash, index) put in; it must be there.
  void erase(std::uint64_t hash, std::uint32_t index);

 private:
  struct Slot {
    std::uint64_t hash = 0;
    std::uint32_t index = kNone;
  };

  std::size_t home(std::uint64_t hash) const { return hash & (slots_.size() - 1); }
  std::size_t next(std::size_t at) const { return (at + 1) & (slots_.size() - 1); }
  void place(Slot slot);
  void grow();

  std::vector<Slot> slots_;  // A power of two, at most half of them used.
  std::size_t used_ = 0;
};

}  // namespace lossy
