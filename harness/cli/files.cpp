#include "harness/cli/files.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>

#include "harness/cli/option.hpp"

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

void refuse_overwriting(const std::string& name, const std::string& written,
                        const std::string& other_name, const std::string& other) {
  if (written.empty() || other.empty()) return;
  std::error_code error;
  const auto path = std::filesystem::weakly_canonical(written, error);
  if (!error && path == std::filesystem::weakly_canonical(other, error) && !error) {
    throw usage_error(name, "it would overwrite the file of " + other_name + "; choose another");
  }
}

void refuse_standard_output(const std::string& name, const std::string& written) {
  for (const char* const output : {"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}) {
    if (written == output) {
      throw usage_error(name, "standard output is for the result; give a file or a named pipe");
    }
  }
}

}  // namespace lossy
