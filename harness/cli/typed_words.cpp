#include <lossy/harness/cli/typed_words.hpp>

#include <algorithm>

#include <lossy/harness/cli/option.hpp>

namespace lossy {
namespace {

void refuse_list(const std::string& word) {
  if (word.starts_with('[') && word.ends_with(']')) {
    throw CLI::ValidationError(
        "'" + word +
        "' cannot be told from a list: a name must not be in brackets, and a file in "
        "brackets needs ./ in front");
  }
}

[[noreturn]] void refuse_empty_value(const std::string& option) {
  throw usage_error(option, "its value is missing; give one, or leave the option out");
}

// As getopt(3) has it, the value of "-w=FILE" would be "=FILE".
void refuse_short_assignment(const std::string& word) {
  if (word.size() > 2 && word[0] == '-' && word[1] != '-' && word[2] == '=') {
    throw usage_error(word.substr(0, 2), "its value stands behind a space, without a =");
  }
}

// What begins as an option does, but for "-", is none of the names or files, though CLI11 may take
// "-5" and "--!x" for some.
void refuse_strange_option(const std::string& word) {
  if (word.size() < 2 || word[0] != '-') return;
  const char first = word.c_str()[word[1] == '-' ? 2 : 1];
  const char lower = static_cast<char>(first | 0x20);
  const bool is_name = ('a' <= lower && lower <= 'z') || (first & 0x80) != 0;
  if (!is_name) {
    throw usage_error(word, "there is no such option; a name that begins with - goes behind --");
  }
}

// The one that is called, or nothing.
const CLI::App* called_command(const CLI::App& app, const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    const auto found =
        app.get_subcommands([&](const CLI::App* command) { return command->get_name() == word; });
    if (!found.empty()) return found.front();
  }
  return nullptr;
}

class Options {
 public:
  Options(const CLI::App& app, const CLI::App* command) : app_(app), command_(command) {}

  const CLI::Option* find(const std::string& word) const {
    if (!word.starts_with('-')) return nullptr;  // A positional has a name, too.
    const CLI::Option* own = command_ == nullptr ? nullptr : command_->get_option_no_throw(word);
    return own != nullptr ? own : app_.get_option_no_throw(word);
  }

 private:
  const CLI::App& app_;
  const CLI::App* command_;
};

}  // namespace

void refuse_misread_words(const CLI::App& app, const std::vector<std::string>& words) {
  for (const std::string& word : words) refuse_list(word);
  const CLI::App* const command = called_command(app, words);
  const Options options(app, command);
  bool in_front = true;  // Of the command.
  const auto end = std::find(words.begin(), words.end(), "--");
  for (auto word = words.begin(); word != end; ++word) {
    if (word->starts_with("--") && word->find('=') == word->size() - 1) {
      refuse_empty_value(word->substr(0, word->size() - 1));
    }
    refuse_short_assignment(*word);
    refuse_strange_option(*word);
    const CLI::Option* const option = options.find(*word);
    in_front = in_front && (command == nullptr || *word != command->get_name());
    if (in_front && word->starts_with('-') && word->size() > 1 &&
        options.find(word->substr(0, word->find('='))) == nullptr) {
      throw usage_error(*word, "there is no such option in front of a command");
    }
    const auto value = word + 1;
    if (*word == "--json" && value != words.end() && value->ends_with(".json")) {
      throw usage_error(*word, "its file stands behind a =, as in --json=" + *value);
    }
    if (option == nullptr || option->get_items_expected_max() == 0 || value == words.end())
      continue;
    if (value->empty()) refuse_empty_value(*word);
    if (option->get_items_expected_min() == 0) continue;
    if (value->starts_with("--") || options.find(*value) != nullptr) {
      throw usage_error(*word, "its value is missing: '" + *value + "' would be an option");
    }
    ++word;
  }
}

}  // namespace lossy
