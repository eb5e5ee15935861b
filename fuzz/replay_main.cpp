// Runs a fuzz target over files, and over the files in folders, with any compiler. Exit code 2 when
// one of them gave nothing to run: a corpus that nobody reads must not look like one that holds.
// With
// --digests in front of the files it prints what the target saw of each, as a digest.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "fuzz/trace.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

// The files named, and those in the folders named, in the same order everywhere.
std::vector<fs::path> files_in(const std::vector<fs::path>& arguments) {
  std::vector<fs::path> files;
  if (arguments.empty()) throw std::runtime_error("nothing to replay");
  for (const fs::path& argument : arguments) {
    if (!fs::is_directory(argument)) {
      files.push_back(argument);
      continue;
    }
    const auto first = static_cast<std::ptrdiff_t>(files.size());
    for (const fs::directory_entry& entry : fs::directory_iterator(argument)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    if (files.begin() + first == files.end()) {
      throw std::runtime_error("nothing to replay in " + argument.string());
    }
    std::sort(files.begin() + first, files.end());
  }
  return files;
}

struct Input {
  fs::path file;
  std::vector<char> content;
};

Input read(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw std::runtime_error("cannot read " + file.string());
  Input input{file, {std::istreambuf_iterator<char>(stream), {}}};
  input.content.shrink_to_fit();  // So that AddressSanitizer sees a read past the end.
  return input;
}

std::vector<Input> inputs_in(const std::vector<fs::path>& arguments) {
  std::vector<Input> inputs;
  for (const fs::path& file : files_in(arguments)) inputs.push_back(read(file));
  return inputs;
}

}  // namespace

int main(int count, char** arguments) {
  const bool digests = count > 1 && std::string_view(arguments[1]) == "--digests";
  std::vector<Input> inputs;
  try {
    inputs = inputs_in({arguments + (digests ? 2 : 1), arguments + count});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", arguments[0], error.what());
    return 2;
  }
  // Outside the try: an exception that leaves the target is a finding, and aborts.
  for (const auto& [file, content] : inputs) {
    std::fprintf(stderr, "%s: %zu bytes\n", file.c_str(), content.size());
    if (digests) lossy::fuzz::Trace::begin();
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(content.data()), content.size());
    if (digests) {
      std::printf("%016llx %s\n", static_cast<unsigned long long>(lossy::fuzz::Trace::digest()),
                  file.c_str());
    }
  }
  std::fprintf(stderr, "%zu inputs hold\n", inputs.size());
  return 0;
}
