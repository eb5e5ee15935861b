#include "harness/cli/golden_verdict.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "core/counted.hpp"
#include "core/escape.hpp"
#include "harness/cli/exit_code.hpp"

namespace lossy {

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
