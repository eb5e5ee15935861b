// Bytes, one by one, and the checksum over them as RFC 1071 describes it: for those who write
// packets by the book.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lossy::fuzz {

using Octets = std::vector<std::byte>;

// Empty, with memory for what most hold: growing byte by byte would take most of a fuzzer's time.
inline Octets no_octets() {
  Octets octets;
  octets.reserve(512);
  return octets;
}

inline void put(Octets& to, std::uint64_t value, int bytes) {
  while (bytes-- > 0) to.push_back(static_cast<std::byte>(value >> (8 * bytes) & 0xFF));
}
inline void put(Octets& to, const Octets& other) {
  to.insert(to.end(), other.begin(), other.end());
}
inline void put_at(Octets& to, std::size_t at, std::uint16_t value) {
  to[at] = static_cast<std::byte>(value >> 8);
  to[at + 1] = static_cast<std::byte>(value & 0xFF);
}

// The one's complement sum of 16-bit words, word by word, from the `first` octet on.
inline std::uint16_t internet_sum(const Octets& octets, std::size_t first = 0) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; first + i < octets.size(); ++i) {
    const auto octet = std::to_integer<std::uint32_t>(octets[first + i]);
    sum += i % 2 == 0 ? octet << 8 : octet;
    if (sum > 0xFFFF) sum -= 0xFFFF;
  }
  return static_cast<std::uint16_t>(sum);
}

}  // namespace lossy::fuzz
