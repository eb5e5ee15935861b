// What the settings of one direction do, in sentences without full stops, in the order in which a
// datagram meets them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <lossy/harness/link/settings.hpp>
#include <lossy/harness/report/path_figures.hpp>

namespace lossy {

// `header_bytes` is 28 for IPv4 and 48 for IPv6. None for settings that deliver everything at once.
std::vector<std::string> words_of(const LinkSettings& settings, const PathFigures& figures,
                                  std::size_t header_bytes);

}  // namespace lossy
