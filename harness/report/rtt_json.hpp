// Round-trip times as every JSON of ours says them.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <lossy/core/histogram.hpp>

namespace lossy {

// {"min", "median", "p99", "max"} in milliseconds; zeros when nothing was measured.
nlohmann::ordered_json rtt_ms_json(const Histogram& rtt);

}  // namespace lossy
