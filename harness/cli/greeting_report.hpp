// What a run of greetings over links came to, as it is reported.
#pragma once

#include <lossy/core/greeter.hpp>
#include <lossy/core/server.hpp>
#include <lossy/harness/cli/scenario.hpp>
#include <lossy/harness/link/link.hpp>
#include <lossy/harness/report/summary.hpp>

namespace lossy {

// All that follows from the scenario and from those who took part; `end` is when the run ended.
// Which command it was, how long it took and how to have it again is for the caller to say.
RunReport greeting_report(const Scenario& scenario, const Greeter& greeter, const Server& server,
                          const Link& uplink, const Link& downlink, Instant end);

}  // namespace lossy
