// The tables of a page, as page/README.md describes them: what was counted, by the names of the
// RFCs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include <lossy/core/histogram.hpp>
#include <lossy/harness/capture/exchanges.hpp>
#include <lossy/harness/capture/path_metrics.hpp>
#include <lossy/harness/link/link.hpp>

namespace lossy {

nlohmann::ordered_json links_table(const LinkCounters& uplink, const LinkCounters& downlink);
// `counted` also gives how many were sent, lost and so on; else a table of links tells that.
nlohmann::ordered_json path_table(const PathMetrics& uplink, const PathMetrics& downlink,
                                  bool counted);
nlohmann::ordered_json exchanges_table(const ExchangeCounters& exchanges);

// "edges" in nanoseconds, "counts" between them, how many are "above" the last, and quantiles; null
// when there is nothing.
nlohmann::ordered_json page_histogram(const Histogram& values, std::string_view title);

}  // namespace lossy
