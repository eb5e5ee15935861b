// The always-on check for broken callers. Bytes from a peer or a file never meet it.
#pragma once

#include <stdexcept>

namespace lossy {

// Throws std::logic_error when a contract is broken: always a bug in the calling code.
constexpr void check(bool holds, const char* contract) {
  if (!holds) [[unlikely]] {
    throw std::logic_error(contract);
  }
}

}  // namespace lossy
