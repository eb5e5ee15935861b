// What links did, as a table for people and as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include <lossy/harness/link/link.hpp>

namespace lossy {

// A table with a column for each direction, and each count beside its part of what it is a part of.
std::string links_text(const LinkCounters& uplink, const LinkCounters& downlink);

nlohmann::ordered_json link_json(const LinkCounters& link);

}  // namespace lossy
