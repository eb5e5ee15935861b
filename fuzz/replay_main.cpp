// Runs a fuzz target over files, and over the files in folders, with any compiler. Exit code 2 when
// one of them gave nothing to run: a corpus that nobody reads must not look like one that holds.
// With --digests in front of the files it prints what the target saw of each, as a digest; with
// --digests-apart, too, but each is run in a process that has run no other.
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

#include <sys/wait.h>
#include <unistd.h>

#include <lossy/fuzz/trace.hpp>

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

void run(const Input& input) {
  std::fprintf(stderr, "%s: %zu bytes\n", input.file.c_str(), input.content.size());
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.content.data()),
                         input.content.size());
}

void run_and_tell(const Input& input) {
  lossy::fuzz::Trace::begin();
  run(input);
  std::printf("%016llx %s\n", static_cast<unsigned long long>(lossy::fuzz::Trace::digest()),
              input.file.c_str());
}

// Whether it ended well.
bool run_and_tell_apart(const Input& input) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("no process more can be had");
  if (child == 0) {
    run_and_tell(input);
    std::fflush(stdout);
    _exit(0);
  }
  int status = 1;
  return waitpid(child, &status, 0) == child && status == 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view first = count > 1 ? arguments[1] : "";
  const bool digests = first == "--digests";
  const bool apart = first == "--digests-apart";
  std::vector<Input> inputs;
  try {
    inputs = inputs_in({arguments + (digests || apart ? 2 : 1), arguments + count});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", arguments[0], error.what());
    return 2;
  }
  // Outside the try: an exception that leaves the target is a finding, and aborts.
  for (const Input& input : inputs) {
    if (apart) {
      if (!run_and_tell_apart(input)) return 1;
    } else if (digests) {
      run_and_tell(input);
    } else {
      run(input);
    }
  }
  std::fprintf(stderr, "%zu inputs hold\n", inputs.size());
  return 0;
}
