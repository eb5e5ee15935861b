// Bytes side by side, so that a person sees where two datagrams differ.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace lossy {

// "1 byte", "7 bytes".
std::string count_bytes(std::size_t bytes);

// The offset of the first byte that is not the same in both, or that only one has; nothing when
// they are equal.
std::optional<std::size_t> first_difference(std::span<const std::byte> expected,
                                            std::span<const std::byte> actual);

// A few lines around the first difference, in hexadecimal and as ASCII, with every byte that
// differs marked below, and a last line that names the first one. Ends with a line feed.
std::string side_by_side(std::span<const std::byte> expected, std::span<const std::byte> actual);

}  // namespace lossy
