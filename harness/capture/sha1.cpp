#include <lossy/harness/capture/sha1.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace lossy {
namespace {

constexpr std::size_t kBlockBytes = 64;
constexpr std::size_t kLengthBytes = 8;
using State = std::array<std::uint32_t, 5>;

std::uint32_t load32(std::span<const std::byte> bytes, std::size_t at) {
  std::uint32_t word = 0;
  for (const std::byte byte : bytes.subspan(at, 4))
    word = word << 8 | static_cast<std::uint32_t>(byte);
  return word;
}

// RFC 3174 section 5: the function and the constant of a step.
std::uint32_t mix(std::size_t step, const State& s) {
  if (step < 20) return ((s[1] & s[2]) | (~s[1] & s[3])) + 0x5A827999;
  if (step < 40) return (s[1] ^ s[2] ^ s[3]) + 0x6ED9EBA1;
  if (step < 60) return ((s[1] & s[2]) | (s[1] & s[3]) | (s[2] & s[3])) + 0x8F1BBCDC;
  return (s[1] ^ s[2] ^ s[3]) + 0xCA62C1D6;
}

// Section 6.1.
void add_block(State& state, std::span<const std::byte> block) {
  std::array<std::uint32_t, 80> words;
  for (std::size_t t = 0; t < 16; ++t) words[t] = load32(block, t * 4);
  for (std::size_t t = 16; t < words.size(); ++t) {
    words[t] = std::rotl(words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16], 1);
  }
  State s = state;
  for (std::size_t t = 0; t < words.size(); ++t) {
    const std::uint32_t next = std::rotl(s[0], 5) + mix(t, s) + s[4] + words[t];
    s = {next, s[0], std::rotl(s[1], 30), s[2], s[3]};
  }
  for (std::size_t i = 0; i < state.size(); ++i) state[i] += s[i];
}

}  // namespace

std::string sha1(std::span<const std::byte> bytes) {
  State state = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  const std::uint64_t bits = std::uint64_t{bytes.size()} * 8;
  while (bytes.size() >= kBlockBytes) {
    add_block(state, bytes.first(kBlockBytes));
    bytes = bytes.subspan(kBlockBytes);
  }
  // Section 4: a bit that is set, zeros, and the length at the end of the last block.
  std::array<std::byte, 2 * kBlockBytes> end{};
  std::ranges::copy(bytes, end.begin());
  end[bytes.size()] = std::byte{0x80};
  const std::size_t size =
      bytes.size() + 1 + kLengthBytes <= kBlockBytes ? kBlockBytes : 2 * kBlockBytes;
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    end[size - 1 - i] = static_cast<std::byte>(bits >> (8 * i) & 0xFF);
  }
  for (std::size_t at = 0; at < size; at += kBlockBytes) {
    add_block(state, std::span(end).subspan(at, kBlockBytes));
  }
  std::string digits;
  for (const std::uint32_t word : state) {
    for (int shift = 28; shift >= 0; shift -= 4) digits += "0123456789abcdef"[word >> shift & 15];
  }
  return digits;
}

}  // namespace lossy
