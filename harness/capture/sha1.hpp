// SHA-1 (RFC 3174), for names only: libFuzzer calls a file of its corpora by the SHA-1 of what is
// in it. It is no protection against anybody.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace lossy {

// In 40 hexadecimal digits.
std::string sha1(std::span<const std::byte> bytes);

}  // namespace lossy
