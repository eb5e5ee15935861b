// Runs a fuzz target over files, and over the files in folders, with any compiler. Exit code 2 when
// there was nothing to run: a corpus that nobody reads must not look like one that holds.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

// The files named, and those in the folders named, in the same order everywhere.
std::vector<fs::path> files_in(const std::vector<fs::path>& arguments) {
  std::vector<fs::path> files;
  for (const fs::path& argument : arguments) {
    if (!fs::is_directory(argument)) {
      files.push_back(argument);
      continue;
    }
    const auto first = static_cast<std::ptrdiff_t>(files.size());
    for (const fs::directory_entry& entry : fs::directory_iterator(argument)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::sort(files.begin() + first, files.end());
  }
  return files;
}

void replay(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw std::runtime_error("cannot read " + file.string());
  std::vector<char> content((std::istreambuf_iterator<char>(stream)), {});
  content.shrink_to_fit();  // So that AddressSanitizer sees a read past the end.
  std::fprintf(stderr, "%s: %zu bytes\n", file.c_str(), content.size());
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(content.data()), content.size());
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const std::vector<fs::path> files = files_in({arguments + 1, arguments + count});
    if (files.empty()) throw std::runtime_error("nothing to replay");
    for (const fs::path& file : files) replay(file);
    std::fprintf(stderr, "%zu inputs hold\n", files.size());
    return 0;
  } catch (
      const std::runtime_error& error) {  // A target's own exceptions are findings: they abort.
    std::fprintf(stderr, "%s: %s\n", arguments[0], error.what());
    return 2;
  }
}
