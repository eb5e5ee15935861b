#include <lossy/harness/report/rtt_json.hpp>

#include <nlohmann/json.hpp>

#include <lossy/harness/report/readable.hpp>

namespace lossy {

nlohmann::ordered_json rtt_ms_json(const Histogram& rtt) {
  return {{"min", in_ms(rtt.min())},
          {"median", in_ms(rtt.quantile(1, 2))},
          {"p99", in_ms(rtt.quantile(99, 100))},
          {"max", in_ms(rtt.max())}};
}

}  // namespace lossy
