// Has a packet socket see nothing but what may be merged datagrams.
#pragma once

#include <cstdint>

namespace lossy {

enum class SegmentFilter : std::uint8_t {
  kMerged,   // Merged packets alone. The kernel lets not everybody ask for that: it takes CAP_BPF.
  kPackets,  // Each IP packet but those of TCP and SCTP.
  kRefused,  // errno says why.
};

// Gives the socket the first of them that can be had.
SegmentFilter set_segment_filter(int fd);

}  // namespace lossy
