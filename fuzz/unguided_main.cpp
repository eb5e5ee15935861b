// Runs a fuzz target over inputs that random_inputs.hpp makes, until one breaks it or the processor
// time is up, and prints how many it ran. Exit codes: 0 nothing found; 1 something was, which the
// target has said; 2 it could not be tried.
//
// usage: TARGET_unguided FORM SEED SECONDS BYTES_MAX DICTIONARY
//        with FORM one of bytes, text, script and two-scripts
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string_view>

#include <lossy/fuzz/random_inputs.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Form = lossy::fuzz::RandomInputs::Form;

Form form_named(std::string_view name) {
  constexpr std::array<std::string_view, 4> kNames{"bytes", "text", "script", "two-scripts"};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Form>(i);
  }
  throw std::runtime_error("there is no such form of inputs");
}

std::size_t number(const char* text) {
  char* end = nullptr;
  const unsigned long value = std::strtoul(text, &end, 10);
  if (*end != '\0' || value == 0) throw std::runtime_error("here stands a number from 1 on");
  return value;
}

// What stands between the first and the last quote of each line, with \xNN, \\ and \" in it.
std::vector<std::string> read_dictionary(const char* path) {
  std::ifstream stream(path);
  if (!stream) throw std::runtime_error("cannot read the dictionary");
  std::vector<std::string> words;
  for (std::string line; std::getline(stream, line);) {
    const std::size_t first = line.find('"');
    const std::size_t last = line.rfind('"');
    if (line.starts_with('#') || first == last) continue;
    std::string word;
    for (std::size_t at = first + 1; at < last; ++at) {
      if (line[at] != '\\') {
        word += line[at];
      } else if (line[++at] == 'x') {
        word += static_cast<char>(std::stoul(line.substr(at + 1, 2), nullptr, 16));
        at += 2;
      } else {
        word += line[at];
      }
    }
    words.push_back(word);
  }
  return words;
}

[[noreturn]] void run(lossy::fuzz::RandomInputs& inputs, volatile std::uint64_t& count) {
  for (;;) {
    const std::vector<std::uint8_t>& made = inputs.next();
    // In a buffer of its size, so that AddressSanitizer sees a read past the end.
    const auto input = std::make_unique_for_overwrite<std::uint8_t[]>(made.size());
    std::memcpy(input.get(), made.data(), made.size());
    count = count + 1;
    LLVMFuzzerTestOneInput(input.get(), made.size());
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 6) throw std::runtime_error("usage: FORM SEED SECONDS BYTES_MAX DICTIONARY");
  lossy::fuzz::RandomInputs inputs(number(argv[2]), form_named(argv[1]), number(argv[4]),
                                   read_dictionary(argv[5]));
  const rlimit limit{.rlim_cur = number(argv[3]), .rlim_max = number(argv[3]) + 1};
  // The count outlives whatever ends the one that counts.
  void* const shared = ::mmap(nullptr, sizeof(std::uint64_t), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) throw std::runtime_error("there is no memory");
  auto& count = *static_cast<volatile std::uint64_t*>(shared);
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("cannot start a process");
  if (child == 0) {
    ::setrlimit(RLIMIT_CPU, &limit);
    run(inputs, count);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) != child) {
  }
  std::printf("executed %llu\n", static_cast<unsigned long long>(count));
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 2;
}
