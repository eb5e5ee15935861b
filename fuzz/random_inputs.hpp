// Inputs for a fuzz target without any guidance: random bytes, words of the target's dictionary and
// random scripts. They are what a fuzzer that learns from what it covers has to be better than.
//
// The same seed and words give the same inputs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <lossy/fuzz/script_mutator.hpp>

namespace lossy::fuzz {

class RandomInputs {
 public:
  enum class Form : std::uint8_t {
    kBytes,       // Bytes, and words of the dictionary among them.
    kText,        // Words of the dictionary with spaces or line ends between them.
    kScript,      // A script in binary.
    kTwoScripts,  // Where the second one begins, and both.
  };

  // `bytes_max` is at least 1.
  RandomInputs(std::uint64_t seed, Form form, std::size_t bytes_max, std::vector<std::string> words)
      : stream_(seed),
        mutator_(seed),
        form_(form),
        bytes_max_(bytes_max),
        words_(std::move(words)) {}

  // Valid until the next call.
  const std::vector<std::uint8_t>& next();

 private:
  std::size_t below(std::size_t bound) { return uniform_below(stream_.at(++drawn_), bound); }
  void add_bytes(std::size_t size);
  void add_word();
  void add_text(std::size_t size);
  void add_script(std::size_t size);

  RandomStream stream_;
  std::uint64_t drawn_ = 0;
  ScriptMutator mutator_;
  Form form_;
  std::size_t bytes_max_;
  std::vector<std::string> words_;
  std::vector<std::uint8_t> input_;
};

}  // namespace lossy::fuzz
