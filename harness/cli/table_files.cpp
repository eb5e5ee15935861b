#include <lossy/harness/cli/table_files.hpp>

#include <array>
#include <cstdlib>
#include <filesystem>

#include <lossy/harness/cli/files.hpp>

namespace lossy {
namespace {

// Far more than the 16,384 numbers of a table take.
constexpr std::size_t kDistributionBytesMax = std::size_t{1} << 20;

std::string installed_distribution(const std::string& name) {
  if (const char* const folder = std::getenv("TC_LIB_DIR")) {
    return std::string(folder) + '/' + name + ".dist";
  }
  const std::array<std::string, 3> folders{"/usr/lib/" LOSSY_LIBRARY_ARCHITECTURE "/tc",
                                           "/usr/lib/tc", "/usr/lib64/tc"};
  for (const std::string& folder : folders) {
    const std::string path = folder + '/' + name + ".dist";
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) return path;
  }
  return folders[0] + '/' + name + ".dist";
}

}  // namespace

bool is_table_path(const std::string& name) {
  return name.find('/') != std::string::npos || name.ends_with(".dist");
}

void check_table_path(const std::string& path) {
  if (path.find_first_of(" \t\n\v\f\r;") != std::string::npos) {
    throw TextError("the name of the file " + quote(path) +
                    " has white space or a semicolon, which end a word of netem's; rename it");
  }
}

TableFiles DiskTables::files() {
  return {.distribution = [this](const std::string& name) { return distribution(name); },
          .trace = [this](const std::string& path) { return trace(path); }};
}

std::string DiskTables::distribution(const std::string& name) {
  return read("a distribution", is_table_path(name) ? name : installed_distribution(name),
              kDistributionBytesMax);
}

std::string DiskTables::trace(const std::string& path) {
  return read("a trace", path, kFileBytesMax);
}

std::string DiskTables::read(const char* what, const std::string& path, std::size_t bytes_max) {
  check_table_path(path);
  files_read_.push_back({what, path});
  return read_file(path, bytes_max);
}

}  // namespace lossy
