#include <lossy/harness/cli/explanation.hpp>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <lossy/harness/report/explain.hpp>

namespace lossy {

void print_explanation(const PathOptions& path, const std::string& command,
                       const JsonOption& json) {
  JsonOutput output(json);
  const auto way = [&path](Direction direction) {
    return explain(direction, path.settings(direction), path.header_bytes());
  };
  const WayExplanation uplink = way(Direction::kUplink);
  const WayExplanation downlink = way(Direction::kDownlink);
  if (!json.replaces_text()) {
    if (path.faults()) fmt::print("What is lost, late and damaged is listed by --faults.\n\n");
    fmt::print("{}", explanation_text(uplink, downlink));
  }
  if (json.is_wanted()) {
    nlohmann::ordered_json object{{"command", command}, {"explain", true}};
    object.update(explanation_json(uplink, downlink));
    output.write_last(object);
  }
}

}  // namespace lossy
