// A page has no disk: whatever wants a file is told so, in place of harness/cli/files.cpp and
// harness/cli/table_files.cpp.
#include <lossy/harness/cli/files.hpp>
#include <lossy/harness/cli/table_files.hpp>
#include <lossy/harness/link/text.hpp>

namespace lossy {
namespace {

[[noreturn]] void refuse(const std::string& path) {
  throw TextError("a page reads no files, and " + quote(path) +
                  " would be one; run the command in a terminal");
}

}  // namespace

std::string read_file(const std::string& path, std::size_t) {
  refuse(path);
}

TableFiles DiskTables::files() {
  return {.distribution = [this](const std::string& name) { return distribution(name); },
          .trace = [this](const std::string& path) { return trace(path); }};
}

std::string DiskTables::distribution(const std::string& name) {
  refuse(name + ".dist");
}

std::string DiskTables::trace(const std::string& path) {
  refuse(path);
}

}  // namespace lossy
