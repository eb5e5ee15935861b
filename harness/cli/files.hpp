// Reading the files that options name. Errors are std::system_error, naming the file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lossy {

inline constexpr std::size_t kFileBytesMax = std::size_t{1} << 30;

// All of a file, at most `bytes_max` bytes; of a text without the byte order mark in front.
std::string read_bytes(const std::string& path, std::size_t bytes_max = kFileBytesMax);
std::string read_file(const std::string& path, std::size_t bytes_max = kFileBytesMax);

// A file and the option that names it; an empty path is none.
struct NamedFile {
  std::string option;
  std::string path;
};

// Refuses, with a usage error, to write a file that is one of those read, or written twice.
void refuse_overwriting(const std::vector<NamedFile>& written, const std::vector<NamedFile>& read);

// "-", "/dev/stdout" and the like.
bool is_standard_output(std::string_view path);

// Refuses the option `name` with a usage error when what it writes would be mixed with the result.
void refuse_standard_output(const std::string& name, const std::string& written);

}  // namespace lossy
