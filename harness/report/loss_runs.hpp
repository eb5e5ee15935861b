// How long losses in a row are (RFC 3357's loss periods), computed from what loses them.
#pragma once

#include <cstddef>
#include <vector>

#include <lossy/harness/link/settings.hpp>

namespace lossy {

// The share of the runs that are 1, 2, ... `lengths` datagrams long, in the long run; the longer
// ones are what is left of 1. Of losses by chance and by a checksum: queues and outages come on
// top. Empty when nothing, or everything, is lost by chance, and for every n-th datagram together
// with a checksum, which is no Markov chain.
std::vector<double> loss_run_shares(const LinkSettings& settings, std::size_t lengths);

}  // namespace lossy
