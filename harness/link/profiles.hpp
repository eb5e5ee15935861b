// Networks that people have a name for.
#pragma once

#include <span>
#include <string_view>

#include <lossy/harness/link/direction.hpp>

namespace lossy {

struct Profile {
  std::string_view name;
  std::string_view description;
  std::string_view source;  // Where the figures come from.
  std::string_view uplink;  // Lines of netem's grammar.
  std::string_view downlink;

  std::string_view line(Direction direction) const {
    return direction == Direction::kUplink ? uplink : downlink;
  }
};

// In the order in which `lossy profiles` shows them.
std::span<const Profile> profiles();

// The profile of that name, or nullptr.
const Profile* find_profile(std::string_view name);

}  // namespace lossy
