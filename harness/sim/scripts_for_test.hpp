// Scripts by chance, for the tests of whatever reads them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <lossy/core/random.hpp>
#include <lossy/harness/sim/script.hpp>

namespace lossy {

// Up to some forty operations, any bytes at all.
inline std::vector<std::byte> random_bytes(std::uint64_t seed) {
  const RandomStream stream(seed);
  std::vector<std::byte> bytes(uniform_below(stream.at(0), 180));
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::byte>(stream.at(i + 1));
  return bytes;
}

inline Script random_script(std::uint64_t seed) {
  return decode(random_bytes(seed));
}

}  // namespace lossy
