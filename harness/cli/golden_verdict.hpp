// What a run's comparison with its golden comes to.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include <lossy/harness/capture/golden.hpp>

namespace lossy {

// The file, whether the run is the same, how many records were, and what differs first. After the
// run.
nlohmann::ordered_json golden_json(const GoldenComparer& golden, const std::string& path);

// Says it, the sameness not beside JSON, and gives the exit code. `path` is the golden's and
// `reproduce` the command that makes the run again. Throws CannotTry when the golden cannot be
// read.
int judge_golden(const GoldenComparer& golden, const std::string& path,
                 const std::string& reproduce, bool json);

}  // namespace lossy
