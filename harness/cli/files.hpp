// Reading the files that options name. Errors are std::system_error, naming the file.
#pragma once

#include <cstddef>
#include <string>

namespace lossy {

inline constexpr std::size_t kFileBytesMax = std::size_t{1} << 30;

// All of a file, at most `bytes_max` bytes.
std::string read_file(const std::string& path, std::size_t bytes_max = kFileBytesMax);

// Refuses the option `name` with a usage error when the file that it writes is the one of another
// option. An empty path is none.
void refuse_overwriting(const std::string& name, const std::string& written,
                        const std::string& other_name, const std::string& other);

// Refuses the option `name` with a usage error when what it writes would be mixed with the result.
void refuse_standard_output(const std::string& name, const std::string& written);

}  // namespace lossy
