// Losses that something else than chance explains: datagrams that are larger than all that arrived,
// and such as found the queue in front of the rate full.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include <lossy/harness/capture/path_log.hpp>

namespace lossy {

struct OtherLosses {
  // Of what is above it all is lost, and the largest that arrived is as large.
  std::optional<std::size_t> mtu_bytes{};
  std::uint64_t too_large = 0;
  // As many wait when one more is lost.
  std::optional<std::uint64_t> queue_datagrams{};
  std::uint64_t overflowed = 0;
};

// Each needs five losses that chance would hardly make all, less than once in a million times.
OtherLosses find_large(const LoggedPath& path);
// How many wait is worked out from the rate.
void find_overflow(const LoggedPath& path, std::uint64_t bits_per_second, OtherLosses& losses);

// Calls visit(datagram, how many wait in front of it) for each of a flow, as a line at the rate has
// it. What is lost does not come to wait.
void for_each_waiting(
    const LoggedFlow& flow, std::uint64_t bits_per_second,
    const std::function<void(const LoggedDatagram& datagram, std::uint64_t waiting)>& visit);

}  // namespace lossy
