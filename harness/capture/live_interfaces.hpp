// The network interfaces of this machine that LiveCapture can capture on.
#pragma once

#include <string>
#include <vector>

namespace lossy {

// All interfaces at once, as libpcap calls them.
inline constexpr const char* kAnyInterface = "any";

struct LiveInterface {
  std::string name;
  std::vector<std::string> addresses;  // IPv4 and IPv6, as text.
  bool up = false;                     // Somebody has switched it on.
  bool running = false;                // And there is something at the other end.
  bool loopback = false;
  bool wireless = false;
  std::string description;              // Often empty.
  std::vector<std::string> timestamps;  // The kinds that may be asked for; empty when only one is.
};

// The most useful first. Needs no privilege. Throws std::runtime_error when there is no list.
std::vector<LiveInterface> live_interfaces();

// Whether there is one by that name now.
bool is_live_interface(const std::string& name);

}  // namespace lossy
