// Bytes from the network as text that is safe to print.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace lossy {

// Valid UTF-8 stays as it is; control characters, what changes the direction of writing,
// backslashes and everything that is not UTF-8 become \n, \r, \t, \\ or \xNN, so that no terminal
// obeys it and every byte can be told.
std::string escape_bytes(std::span<const std::byte> bytes);

}  // namespace lossy
