// The control messages that travel with a datagram: which of this machine's addresses it arrived
// at or leaves from, when it arrived, and into how many datagrams of which size the kernel cuts, or
// has merged, it.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <lossy/core/address.hpp>
#include <lossy/core/clock.hpp>

namespace lossy {

// Room for one message of each kind.
struct Control {
  alignas(
      cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(in_pktinfo)) +
                                    CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(timespec))> bytes{};
};

struct ReceivedControl {
  // A local address that can be answered from, with port 0; nothing for a multicast one.
  std::optional<Address> local{};
  // The size of each datagram but the last of those that the kernel has merged; 0 for one alone.
  std::size_t segment_bytes = 0;
  // When the kernel had it, by CLOCK_REALTIME, where that was asked for.
  std::optional<Duration> arrived{};
};
ReceivedControl read_control(msghdr& message);

// Adds what is asked for to `message`, whose control messages then lie in `control`.
void write_control(msghdr& message, Control& control, const std::optional<Address>& local,
                   std::uint16_t segment_bytes);

}  // namespace lossy
