// Runs `lossy proxy`: the proxy, the command beside it, and what is printed and written meanwhile.
#pragma once

#include <lossy/harness/cli/command_line.hpp>
#include <lossy/harness/cli/proxy_options.hpp>

namespace lossy {

// Runs until a signal asks for the end, or COMMAND has ended, and gives the exit code: COMMAND's
// own, if that is not 0; else 1 when a file could not be written to its end. What cannot be tried
// is thrown.
int run_proxy(const ProxyCommandOptions& options, const CommandLine& command_line);

}  // namespace lossy
