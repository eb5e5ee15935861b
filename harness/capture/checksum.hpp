// The Internet checksum (RFC 1071), as IPv4 and UDP use it.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace lossy {

// Adds the carries back in, until 16 bits are left.
constexpr std::uint16_t fold_checksum(std::uint64_t sum) {
  sum = (sum & 0xFFFFFFFF) + (sum >> 32);
  sum = (sum & 0xFFFFFFFF) + (sum >> 32);
  sum = (sum & 0xFFFF) + (sum >> 16);
  sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

// The one's complement sum of the bytes taken as big-endian 16-bit words; of an odd number of bytes
// the last is followed by a zero. Words are added in the machine's own byte order, eight bytes at a
// time, which RFC 1071 section 2 shows to give the same sum with its bytes swapped. Not for more
// than 2^32 bytes.
inline std::uint16_t sum_words(std::span<const std::byte> bytes) {
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t sum = 0;
  const auto add = [&](auto word) {
    std::memcpy(&word, at, sizeof(word));
    at += sizeof(word);
    left -= sizeof(word);
    return word;
  };
  while (left >= 8) {
    const std::uint64_t word = add(std::uint64_t{});
    sum += (word & 0xFFFFFFFF) + (word >> 32);
  }
  if (left >= 4) sum += add(std::uint32_t{});
  if (left >= 2) sum += add(std::uint16_t{});
  std::uint16_t folded = fold_checksum(sum);
  if constexpr (std::endian::native == std::endian::little) {
    folded = static_cast<std::uint16_t>((folded << 8) | (folded >> 8));
  }
  if (left == 0) return folded;
  return fold_checksum(std::uint64_t{folded} + (std::to_integer<std::uint64_t>(*at) << 8));
}

}  // namespace lossy
