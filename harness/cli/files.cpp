#include "harness/cli/files.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

namespace lossy {

std::string read_file(const std::string& path, std::size_t bytes_max) {
  const auto fail = [&path](int error) {
    return std::system_error(error, std::generic_category(), "cannot read '" + path + "'");
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             std::fclose);
  if (!file) throw fail(errno);
  std::string text;
  std::array<char, 65536> buffer;
  while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
    if (text.size() + size > bytes_max) throw fail(EFBIG);
    text.append(buffer.data(), size);
  }
  if (std::ferror(file.get()) != 0) throw fail(errno);
  return text;
}

}  // namespace lossy
