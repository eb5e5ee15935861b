// Runs of a script of greetings: `lossy simulate --script`, and the goldens that are made so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <lossy/harness/capture/recorder.hpp>
#include <lossy/harness/cli/command_line.hpp>
#include <lossy/harness/cli/protocol_run.hpp>
#include <lossy/harness/link/observer.hpp>
#include <lossy/harness/sim/script.hpp>

namespace lossy {

// Runs the script of `options`, prints what it came to, and gives the exit code: kDoesNotHold when
// a property of the protocol does not hold, or the golden differs.
int simulate_script(const RunOptions& options, const CommandLine& command_line);

// Records a run of the script. Gives the property that does not hold, if one does not, in words: it
// ended the run, and the recording is not finished.
std::optional<std::string> record_script(const Script& script, RecordingSink& sink,
                                         Observer* observer = nullptr);

}  // namespace lossy
