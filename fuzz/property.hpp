// The fuzzers' alarm. It works in every build, whatever NDEBUG says.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace lossy::fuzz {

// Prints the property that is broken, in one line, and aborts.
inline void must(bool holds, const char* property, const char* file = __builtin_FILE(),
                 int line = __builtin_LINE()) {
  if (holds) [[likely]]
    return;
  std::fprintf(stderr, "property broken: %s (%s:%d)\n", property, file, line);
  std::abort();
}

}  // namespace lossy::fuzz
