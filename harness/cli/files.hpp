// Reading the files that options name. Errors are std::system_error, naming the file.
#pragma once

#include <string>

namespace lossy {

// All of a file, at most kFileBytesMax bytes.
std::string read_file(const std::string& path);
inline constexpr std::size_t kFileBytesMax = std::size_t{1} << 30;

}  // namespace lossy
