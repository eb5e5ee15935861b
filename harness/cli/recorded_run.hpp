// A scenario's run, for its recording alone: goldens, and captures of scripts that are replayed.
#pragma once

#include <optional>
#include <string>

#include <lossy/harness/capture/recorder.hpp>
#include <lossy/harness/capture/replay.hpp>
#include <lossy/harness/cli/scenario.hpp>
#include <lossy/harness/link/observer.hpp>

namespace lossy {

// Thrown when a signal ends a run. Nothing is left of that run.
struct RunInterrupted {
  int signal = 0;
};

// Runs the scenario, which is in the file `path`, over the simulated network, and records it. Gives
// the property that does not hold, if one does not, in words: it ended the run, and the recording
// is not finished.
std::optional<std::string> record_run(const Scenario& scenario, const std::string& path,
                                      RecordingSink& sink, Observer* observer = nullptr);

// Checks that the protocol does again what the recording of a script's run shows. What is asked,
// and when timeouts are called, depends on the script alone, and not on what a recording can show:
// so the script is run again, and all that this gives is compared with the recording. Where that
// shows how a property was broken it must not be the same again, but all properties must hold.
ReplayResult replay_script(const std::string& capture, const Scenario& scenario,
                           const std::string& path);

}  // namespace lossy
