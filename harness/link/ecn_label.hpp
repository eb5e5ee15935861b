// What a link's label says of a datagram that is under way: the place where whoever offered it
// keeps the rest, and its ECN bits.
#pragma once

#include <cstdint>

#include <lossy/core/endpoint.hpp>

namespace lossy {

constexpr std::uint64_t ecn_label(std::uint64_t place, Ecn ecn) {
  return place << 2 | static_cast<std::uint64_t>(ecn);
}
constexpr std::uint64_t place_in(std::uint64_t label) {
  return label >> 2;
}
constexpr Ecn ecn_in(std::uint64_t label) {
  return static_cast<Ecn>(label & 3);
}

}  // namespace lossy
