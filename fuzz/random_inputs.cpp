#include <lossy/fuzz/random_inputs.hpp>

#include <algorithm>

namespace lossy::fuzz {

const std::vector<std::uint8_t>& RandomInputs::next() {
  input_.clear();
  const std::size_t size = below(bytes_max_ + 1);
  switch (form_) {
    case Form::kBytes:
      add_bytes(size);
      break;
    case Form::kText:
      add_text(size);
      break;
    case Form::kScript:
      add_script(bytes_max_);
      break;
    case Form::kTwoScripts: {
      const std::size_t half = (bytes_max_ - 1) / 2;
      input_.push_back(0);
      add_script(half);
      input_.front() = static_cast<std::uint8_t>(input_.size() - 1);
      // Every other one is the same, up to where it is changed: what has little in common is told
      // apart at once.
      if (below(2) == 0) {
        const std::vector<std::uint8_t> first(input_.begin() + 1, input_.end());
        input_.insert(input_.end(), first.begin(), first.end());
        if (below(2) == 0) input_.back() = static_cast<std::uint8_t>(below(256));
      } else {
        add_script(half);
      }
      break;
    }
  }
  if (input_.size() > bytes_max_) input_.resize(bytes_max_);
  return input_;
}

// In every other input all bytes are alike probable; in the others small numbers are more so, which
// choices and lengths are made of, and words stand among them.
void RandomInputs::add_bytes(std::size_t size) {
  const bool uniform = below(2) == 0;
  while (input_.size() < size) {
    if (!uniform && !words_.empty() && below(8) == 0) {
      add_word();
    } else {
      input_.push_back(static_cast<std::uint8_t>(below(uniform || below(2) == 0 ? 256 : 8)));
    }
  }
}

void RandomInputs::add_word() {
  const std::string& word = words_[below(words_.size())];
  input_.insert(input_.end(), word.begin(), word.end());
}

void RandomInputs::add_text(std::size_t size) {
  constexpr std::string_view kDigits = "0123456789.";
  while (input_.size() < size) {
    switch (below(4)) {
      case 0:
        for (std::size_t digits = 1 + below(4); digits > 0; --digits) {
          input_.push_back(static_cast<std::uint8_t>(kDigits[below(kDigits.size())]));
        }
        break;
      case 1:
        input_.push_back(static_cast<std::uint8_t>(below(256)));
        break;
      default:
        if (!words_.empty()) add_word();
        break;
    }
    if (below(2) == 0) input_.push_back(below(4) == 0 ? '\n' : ' ');
  }
}

void RandomInputs::add_script(std::size_t size) {
  const std::size_t operations =
      size < Script::kHeaderBytes ? 0 : (size - Script::kHeaderBytes) / Operation::kBytes;
  static Script script;
  static std::vector<std::byte> bytes;
  mutator_.make(script, operations);
  encode(script, bytes);
  std::ranges::transform(bytes, std::back_inserter(input_),
                         [](std::byte byte) { return std::to_integer<std::uint8_t>(byte); });
}

}  // namespace lossy::fuzz
