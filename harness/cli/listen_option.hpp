// --listen, wherever something listens.
#pragma once

#include <string>

#include <lossy/harness/cli/option.hpp>
#include <lossy/harness/net/socket_address.hpp>

namespace lossy {

// `where` is who sends there, and `initial` what is meant without it.
template <typename Value>
CLI::Option* add_listen(CLI::App& app, Value& value, const std::string& where,
                        const std::string& initial) {
  return add_parsed(app, "--listen", value, resolve_listen,
                    where +
                        "; * is all of this machine's addresses, 0.0.0.0 its IPv4 ones, [::] its "
                        "IPv6 ones, port 0 any free one [" +
                        initial + "]",
                    "HOST:PORT");
}

}  // namespace lossy
