// A digest of what a target saw while it ran an input. It is kept only when somebody asks: a run
// alone and one among others must have the same (fuzz/determinism_test).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace lossy::fuzz {

class Trace {
 public:
  static void begin() {
    kept_ = true;
    digest_ = kStart;
  }
  static bool is_kept() { return kept_; }
  static std::uint64_t digest() { return digest_; }

  static void add(std::span<const std::byte> bytes) {
    if (!kept_) return;
    for (const std::byte byte : bytes) mix(std::to_integer<std::uint64_t>(byte));
    mix(bytes.size());
  }
  static void add(std::string_view text) { add(std::as_bytes(std::span(text))); }
  static void add(std::uint64_t number) {
    if (!kept_) return;
    for (int shift = 0; shift < 64; shift += 8) mix(number >> shift & 0xFF);
  }

 private:
  // FNV-1a.
  static constexpr std::uint64_t kStart = 0xCBF29CE484222325;
  static void mix(std::uint64_t byte) { digest_ = (digest_ ^ byte) * 0x100000001B3; }

  inline static bool kept_ = false;
  inline static std::uint64_t digest_ = kStart;
};

}  // namespace lossy::fuzz
