// The two directions of a path between a client and its server.
#pragma once

#include <cstdint>
#include <string_view>

namespace lossy {

enum class Direction : std::uint8_t {
  kUplink,    // Client to server.
  kDownlink,  // Server to client.
};

constexpr Direction opposite(Direction direction) {
  return direction == Direction::kUplink ? Direction::kDownlink : Direction::kUplink;
}

constexpr std::string_view to_string(Direction direction) {
  return direction == Direction::kUplink ? "uplink" : "downlink";
}

}  // namespace lossy
