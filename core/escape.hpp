// Bytes from the network as text that is safe to print.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace lossy {

// Valid UTF-8 stays as it is; control characters, what changes the direction of writing,
// backslashes and everything that is not UTF-8 become \n, \r, \t, \\ or \xNN, so that no terminal
// obeys it and every byte can be told.
std::string escape_bytes(std::span<const std::byte> bytes);

// The same for a sentence of ours in which strangers' words are quoted, a file's name say:
// backslashes stay, because they may be escapes already.
std::string escape_controls(std::string_view text);

}  // namespace lossy
