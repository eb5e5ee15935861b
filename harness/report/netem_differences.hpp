// Where netem itself would do otherwise than a link with the same words, and by how much.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <lossy/harness/link/settings.hpp>
#include <lossy/harness/report/path_figures.hpp>

namespace lossy {

// Sentences without full stops; finding them out runs netem's own arithmetic, which takes a moment.
// `header_bytes` is 28 for IPv4 and 48 for IPv6.
std::vector<std::string> netem_differences(const LinkSettings& settings, const PathFigures& figures,
                                           std::size_t header_bytes);

}  // namespace lossy
