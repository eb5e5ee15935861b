// Runs of a script: `lossy simulate --script`, and the goldens that are made so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <lossy/harness/capture/recorder.hpp>
#include <lossy/harness/capture/replay.hpp>
#include <lossy/harness/cli/command_line.hpp>
#include <lossy/harness/cli/protocol_run.hpp>
#include <lossy/harness/sim/script.hpp>

namespace lossy {

// Runs the script of `options`, prints what it came to, and gives the exit code: kDoesNotHold when
// a property of the protocol does not hold, or the golden differs.
int simulate_script(const RunOptions& options, const CommandLine& command_line);

// Records a run of the script. Gives the property that does not hold, if one does not, in words: it
// ended the run, and the recording is not finished.
std::optional<std::string> record_script(const Script& script, RecordingSink& sink);

// Checks that the protocol does again what the recording of a script's run shows. What the client
// is asked, and when its timeouts are called, depends on the script alone, and not on what a
// recording can show: so the script is run again, and all that this gives is compared with the
// recording. Where that shows how a property was broken it must not be the same again, but all
// properties must hold.
ReplayResult replay_script(const std::string& capture, const Script& script);

}  // namespace lossy
