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

// The same number with its bytes in network order, and back.
constexpr std::uint16_t in_network_order(std::uint16_t number) {
  if constexpr (std::endian::native == std::endian::big) return number;
  return static_cast<std::uint16_t>((number << 8) | (number >> 8));
}

// The bytes taken as 16-bit words, in the machine's own byte order, and added up; of an odd number
// of bytes the last is followed by a zero. Such sums may be added to each other, all but the last
// being of an even number of bytes; fold_checksum() makes the one's complement sum of them, which
// RFC 1071 section 2 shows to be that of the words in network order with its bytes swapped. Eight
// bytes are added at a time. Not for more than 2^32 bytes.
inline std::uint64_t add_words(std::span<const std::byte> bytes) {
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
  if (left == 0) return sum;
  return sum + in_network_order(static_cast<std::uint16_t>(std::to_integer<unsigned>(*at) << 8));
}

// The one's complement sum of the bytes taken as big-endian 16-bit words.
inline std::uint16_t sum_words(std::span<const std::byte> bytes) {
  return in_network_order(fold_checksum(add_words(bytes)));
}

}  // namespace lossy
