// The fuzzers' alarm. It works in every build, whatever NDEBUG says.
#pragma once

#include <cstdio>
#include <cstdlib>

#include <lossy/harness/sim/properties.hpp>

namespace lossy::fuzz {

// Prints the property that is broken, in one line, and aborts.
inline void must(bool holds, const char* property, const char* file = __builtin_FILE(),
                 int line = __builtin_LINE()) {
  if (holds) [[likely]]
    return;
  std::fprintf(stderr, "property broken: %s (%s:%d)\n", property, file, line);
  std::abort();
}

// What a target gives whose run() throws the property of the protocol that does not hold.
template <typename Run>
int must_hold(Run&& run) {
  try {
    run();
  } catch (const PropertyViolation& violation) {
    must(false, violation.what());
  }
  return 0;
}

}  // namespace lossy::fuzz
