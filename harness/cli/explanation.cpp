#include "harness/cli/explanation.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "harness/report/explain.hpp"
#include "harness/report/json_text.hpp"

namespace lossy {

void print_explanation(const PathOptions& path, const std::string& command, bool json) {
  const auto way = [&path](Direction direction) {
    return explain(direction, path.settings(direction), path.header_bytes());
  };
  const WayExplanation uplink = way(Direction::kUplink);
  const WayExplanation downlink = way(Direction::kDownlink);
  if (json) {
    nlohmann::ordered_json object{{"command", command}, {"explain", true}};
    object.update(explanation_json(uplink, downlink));
    fmt::print("{}\n", json_text(object));
    return;
  }
  if (path.faults()) fmt::print("What is lost, late and damaged is listed by --faults.\n\n");
  fmt::print("{}", explanation_text(uplink, downlink));
}

}  // namespace lossy
