// Reading the files that options name. Errors are std::system_error, naming the file.
#pragma once

#include <cstddef>
#include <string>

namespace lossy {

inline constexpr std::size_t kFileBytesMax = std::size_t{1} << 30;

// All of a file, at most `bytes_max` bytes.
std::string read_file(const std::string& path, std::size_t bytes_max = kFileBytesMax);

}  // namespace lossy
