// A number with its noun.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lossy {

// "1 datagram", "5 datagrams"; for nouns that take an s.
inline std::string counted(std::uint64_t number, std::string_view noun) {
  return std::to_string(number) + ' ' + std::string(noun) + (number == 1 ? "" : "s");
}

// "1 was", "5 were"; for verbs, and nouns that take no s.
inline std::string counted(std::uint64_t number, std::string_view one, std::string_view more) {
  return std::to_string(number) + ' ' + std::string(number == 1 ? one : more);
}

}  // namespace lossy
