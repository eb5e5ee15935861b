// Writes numbers in little-endian order, one behind the other: the order of our files.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lossy {

// The caller has made room for what is put.
class LittleEndian {
 public:
  explicit LittleEndian(std::span<std::byte> room) : room_(room) {}

  void put16(std::uint16_t value) { put(value, 2); }
  void put32(std::uint32_t value) { put(value, 4); }
  void put64(std::uint64_t value) { put(value, 8); }
  void put(std::span<const std::byte> bytes) {
    std::ranges::copy(bytes, room_.begin());
    room_ = room_.subspan(bytes.size());
  }
  // Zeros until what is left is a multiple of 4 bytes.
  void pad() {
    while (room_.size() % 4 != 0) put(0, 1);
  }

 private:
  void put(std::uint64_t value, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i, value >>= 8) room_[i] = std::byte(value & 0xFF);
    room_ = room_.subspan(bytes);
  }

  std::span<std::byte> room_;
};

}  // namespace lossy
