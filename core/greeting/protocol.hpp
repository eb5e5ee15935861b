// Greetings as a protocol under test.
#pragma once

#include <lossy/core/greeting/greeter.hpp>
#include <lossy/core/greeting/server.hpp>
#include <lossy/core/protocol.hpp>

namespace lossy {

// A client asks a server for greetings: those of the names given, or of made-up ones.
const Protocol& greetings();

// The application of a plan.
GreeterOptions greeter_options(const RunPlan& plan);
Names greeting_names(const RunPlan& plan);

// What a client says of a request that has ended.
RunEvent told(const ClientEvent& event);

RunFigures greeting_figures(std::uint64_t requests, const GreeterResult& result,
                            const ClientCounters& client, const ServerCounters& server);

}  // namespace lossy
