// Standard output that must not fail unnoticed.
#pragma once

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace lossy {

// Hands on what was printed. Throws std::system_error when it cannot be written, to a full disk
// say.
inline void flush_output() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot write to standard output");
  }
}

}  // namespace lossy
