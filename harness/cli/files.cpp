#include <lossy/harness/cli/files.hpp>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>

#include <lossy/harness/cli/option.hpp>

namespace lossy {
namespace {

bool is_same(const std::string& path, const std::string& other) {
  if (path.empty() || other.empty()) return false;
  std::error_code error;
  // Of a bare name that is nowhere yet it would give the bare name.
  const auto canonical = [&error](const std::string& name) {
    return std::filesystem::weakly_canonical(std::filesystem::absolute(name), error);
  };
  const auto one = canonical(path);
  return !error && one == canonical(other) && !error;
}

}  // namespace

std::string read_bytes(const std::string& path, std::size_t bytes_max) {
  const auto fail = [&path](int error, const std::string& which = "") {
    return std::system_error(error, std::generic_category(), "cannot read '" + path + "'" + which);
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             std::fclose);
  if (!file) throw fail(errno);
  std::string text;
  std::array<char, 65536> buffer;
  while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
    if (text.size() + size > bytes_max) {
      throw fail(EFBIG, ", which has more than " + std::to_string(bytes_max) + " bytes");
    }
    text.append(buffer.data(), size);
  }
  if (std::ferror(file.get()) != 0) throw fail(errno);
  return text;
}

std::string read_file(const std::string& path, std::size_t bytes_max) {
  std::string text = read_bytes(path, bytes_max);
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  // Some editors begin with it.
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  return text;
}

void refuse_overwriting(const std::vector<NamedFile>& written, const std::vector<NamedFile>& read) {
  std::vector<NamedFile> others = read;
  for (const NamedFile& file : written) {
    for (const NamedFile& other : others) {
      if (!is_same(file.path, other.path)) continue;
      throw usage_error(file.option,
                        "it would overwrite the file of " + other.option + "; choose another");
    }
    others.push_back(file);
  }
}

bool is_standard_output(std::string_view path) {
  return path == "-" || path == "/dev/stdout" || path == "/dev/fd/1" || path == "/proc/self/fd/1";
}

void refuse_standard_output(const std::string& name, const std::string& written) {
  if (is_standard_output(written)) {
    throw usage_error(name, "standard output is for the result; give a file or a named pipe");
  }
}

}  // namespace lossy
