#include <lossy/harness/cli/golden_verdict.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include <lossy/core/counted.hpp>
#include <lossy/core/escape.hpp>
#include <lossy/harness/cli/exit_code.hpp>

namespace lossy {

nlohmann::ordered_json golden_json(const GoldenComparer& golden, const std::string& path) {
  nlohmann::ordered_json json{
      {"file", path}, {"same", golden.same()}, {"records", golden.matched()}};
  if (golden.error()) json["error"] = golden.error()->text;
  if (!golden.explanation().empty()) json["difference"] = golden.explanation();
  return json;
}

int judge_golden(const GoldenComparer& golden, const std::string& path,
                 const std::string& reproduce, bool json) {
  if (golden.error()) throw CannotTry(golden.error()->text);
  if (!golden.same()) {
    fmt::print(stderr, "lossy: {}The same run again: {}\n", golden.explanation(), reproduce);
    return kDoesNotHold;
  }
  if (!json) {
    fmt::print("The same as {}: {}\n", escape_controls(path), counted(golden.matched(), "record"));
  }
  return kHolds;
}

}  // namespace lossy
