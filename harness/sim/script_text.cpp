#include <lossy/harness/sim/script_text.hpp>

#include <algorithm>
#include <optional>
#include <utility>

#include <lossy/core/escape.hpp>
#include <lossy/core/greeting/message.hpp>
#include <lossy/harness/link/scan.hpp>

namespace lossy {
namespace {

constexpr std::string_view kTextWord = "text";
constexpr std::string_view kLongestWord = "longest";

// The operations that are a word and what stands behind it; those with two words are looked at one
// by one.
struct KindWord {
  std::string_view word;
  OperationKind kind;
};
constexpr std::array kTimeWords{KindWord{"tick", OperationKind::kTick},
                                KindWord{"pass", OperationKind::kPass},
                                KindWord{"wait", OperationKind::kWait}};
constexpr std::array kPlaceWords{
    KindWord{"deliver", OperationKind::kDeliver},     KindWord{"drop", OperationKind::kDrop},
    KindWord{"duplicate", OperationKind::kDuplicate}, KindWord{"swap", OperationKind::kSwap},
    KindWord{"flip", OperationKind::kFlip},           KindWord{"cut", OperationKind::kCut}};

template <std::size_t kSize>
std::optional<OperationKind> kind_of(const std::array<KindWord, kSize>& words,
                                     std::string_view word) {
  for (const KindWord& one : words) {
    if (one.word == word) return one.kind;
  }
  return std::nullopt;
}

template <std::size_t kSize>
std::string word_of(const std::array<KindWord, kSize>& words, OperationKind kind) {
  const auto found = std::find_if(words.begin(), words.end(),
                                  [kind](const KindWord& one) { return one.kind == kind; });
  return std::string(found->word);
}

// The text operations of `bytes`, three each but the last.
void append_text(std::string_view bytes, std::vector<Operation>& operations) {
  for (; !bytes.empty(); bytes.remove_prefix(std::min<std::size_t>(3, bytes.size()))) {
    const std::size_t size = std::min<std::size_t>(3, bytes.size());
    Operation operation{.kind = static_cast<OperationKind>(
                            static_cast<std::size_t>(OperationKind::kText1) + size - 1)};
    for (std::size_t i = 0; i < size; ++i) {
      operation.arguments[i] = static_cast<std::uint8_t>(bytes[i]);
    }
    operations.push_back(operation);
  }
}

std::string_view bytes_of(const Operation& text) {
  return {reinterpret_cast<const char*>(text.arguments.data()), text_bytes(text.kind)};
}

// The script's own name that says this, except the longest, which has a word.
std::optional<std::size_t> own_name(std::string_view bytes) {
  for (std::size_t i = 0; i < kScriptNameCount; ++i) {
    if (script_name(i) == bytes) return i;
  }
  return std::nullopt;
}

class Parser : private ScriptLines {
 public:
  explicit Parser(std::string_view text) : ScriptLines(text) {}

  Script parse() {
    begin(kScriptVersion);
    while (next_line()) {
      if (!option()) operation();
      end_line();
    }
    return std::move(script_);
  }

 private:
  // "250ms"
  void time(Operation& operation) {
    const std::string_view found = word();
    std::string_view unit = found;
    const std::string_view digits =
        unit.substr(0, std::min(unit.size(), unit.find_first_not_of("0123456789")));
    unit.remove_prefix(digits.size());
    const auto known = std::find(kScriptTimeUnits.begin(), kScriptTimeUnits.end(), unit);
    std::size_t count = 0;
    if (!digits.empty() && digits.size() <= 5) {
      for (const char c : digits) count = 10 * count + static_cast<std::size_t>(c - '0');
    }
    if (known == kScriptTimeUnits.end() || digits.empty() || digits.size() > 5 || count > 0xFFFF ||
        (digits.size() > 1 && digits.front() == '0')) {
      fail(found, "here stands a time, a whole number up to 65535 of " + one_of(kScriptTimeUnits) +
                      ", as in 1500ms");
    }
    operation.arguments[0] = static_cast<std::uint8_t>(known - kScriptTimeUnits.begin());
    set_wide(operation, count);
  }

  static void set_wide(Operation& operation, std::size_t value) {
    operation.arguments[1] = static_cast<std::uint8_t>(value % 256);
    operation.arguments[2] = static_cast<std::uint8_t>(value / 256);
  }

  bool option() {
    const std::string_view line = rest();
    const std::string_view name = word();
    for (std::size_t i = 0; i < kScriptOptionCount; ++i) {
      const ScriptOptionText& text = text_of(static_cast<ScriptOption>(i));
      if (text.name != name) continue;
      if (!script_.operations.empty()) fail(name, "options come before the first operation");
      if (std::exchange(said_[i], true)) fail(name, "it was said before");
      script_.options[i] = static_cast<std::uint8_t>(choice(text.words));
      return true;
    }
    go_back(line);
    return false;
  }

  void operation() {
    const std::string_view name = word();
    Operation operation;
    if (name == "greet") {
      operation.arguments[0] = static_cast<std::uint8_t>(name_choice());
    } else if (name == "timeout") {
      timeout(operation);
    } else if (const auto time_kind = kind_of(kTimeWords, name)) {
      operation.kind = *time_kind;
      time(operation);
    } else if (name == "rebind") {
      operation.kind = OperationKind::kRebind;
      operation.arguments[0] =
          static_cast<std::uint8_t>(number(kScriptAddresses - 1, "an address"));
    } else if (name == "inject") {
      inject(operation);
    } else if (name == kTextWord) {
      return text_line();
    } else if (const auto place_kind = kind_of(kPlaceWords, name)) {
      operation.kind = *place_kind;
      place(operation);
    } else {
      fail(name, "this is no operation and no option; see lossy script --help");
    }
    append(operation);
  }

  void append(const Operation& operation) {
    script_.operations.push_back(operation);
    check_count();
  }

  void check_count() const {
    if (script_.operations.size() > Script::kOperationsMax) {
      fail("", "there are more than " + std::to_string(Script::kOperationsMax) + " operations");
    }
  }

  void timeout(Operation& operation) {
    operation.kind = OperationKind::kTimeout;
    if (at_end()) return;
    const std::array<std::string_view, 2> words{"early", "late"};
    if (choice(words) == 0) {
      operation.kind = OperationKind::kTimeoutEarly;
    } else {
      operation.kind = OperationKind::kTimeoutLate;
      time(operation);
    }
  }

  void place(Operation& operation) {
    const std::string_view line = rest();
    if (operation.kind == OperationKind::kDeliver && word() == "all") {
      operation.kind = OperationKind::kDeliverAll;
      return;
    }
    go_back(line);
    const std::size_t direction = this->direction();
    operation.arguments[0] =
        static_cast<std::uint8_t>(direction + 2 * number(kScriptPlaces - 1, "a place"));
    if (operation.kind == OperationKind::kSwap) {
      operation.arguments[1] =
          static_cast<std::uint8_t>(number(kScriptPlaces - 1, "another place"));
    } else if (operation.kind == OperationKind::kFlip) {
      set_wide(operation, number(0xFFFF, "a bit"));
    } else if (operation.kind == OperationKind::kCut) {
      set_wide(operation, number(0xFFFF, "how many bytes are left"));
    }
  }

  std::size_t direction() {
    const std::array words{to_string(Direction::kUplink), to_string(Direction::kDownlink)};
    return choice(words);
  }

  void inject(Operation& operation) {
    operation.kind = OperationKind::kInject;
    const std::size_t direction = this->direction();
    operation.arguments[0] = static_cast<std::uint8_t>(direction + 2 * choice(kScriptSources));
    const std::size_t payload = choice(kScriptPayloads);
    operation.arguments[1] = static_cast<std::uint8_t>(payload);
    switch (static_cast<ScriptPayload>(payload)) {
      case ScriptPayload::kName:
      case ScriptPayload::kGreeting:
        operation.arguments[2] = static_cast<std::uint8_t>(name_choice());
        return;
      case ScriptPayload::kRubbish:
        operation.arguments[2] = static_cast<std::uint8_t>(choice(kScriptRubbish));
        return;
      case ScriptPayload::kBytes:
        if (at_quote()) return text_before(quoted_bytes());
        expect_text_word();
        return;
    }
  }

  // The name's place among the script's own; text operations are put before the operation where it
  // is none of them.
  std::size_t name_choice() {
    if (!at_quote()) {
      const std::string_view line = rest();
      if (word() == kLongestWord) return kScriptLongestName;
      go_back(line);
      expect_text_word();
      return kScriptTextName;
    }
    const std::string_view line = rest();
    const std::string bytes = quoted_bytes();
    const std::string_view shown = line.substr(0, line.size() - rest().size());
    if (bytes.size() > kNameBytesMax) fail(shown, "no name has more than 1016 bytes");
    if (const auto own = own_name(bytes)) return *own;
    if (bytes.empty()) fail(shown, "a name has a byte at least");
    text_before(bytes);
    return kScriptTextName;
  }

  void expect_text_word() {
    const std::string_view found = word();
    if (found != kTextWord) fail(found, "here stands a text within quotes, or the word text");
  }

  void text_before(const std::string& bytes) {
    if (bytes.empty()) fail("\"\"", "nothing is sent with rubbish empty");
    // Text that is there already would come before it.
    if (!script_.operations.empty() && is_text(script_.operations.back().kind)) {
      fail(kTextWord,
           "the text of the line before is used by the next operation, which has its own");
    }
    if (bytes.size() > kMessageBytesMax + 16) fail("", "no datagram of a script is that long");
    append_text(bytes, script_.operations);
  }

  void text_line() {
    if (!at_quote()) fail(word(), "here stands a text within quotes");
    const std::string_view line = rest();
    const std::string bytes = quoted_bytes();
    if (bytes.empty() || bytes.size() > 3) {
      fail(line.substr(0, line.size() - rest().size()), "a line of text has one to three bytes");
    }
    append_text(bytes, script_.operations);
    check_count();
  }

  std::array<bool, kScriptOptionCount> said_{};
  Script script_;
};

std::string time_text(const Operation& operation) {
  return std::to_string(operation.time_count()) +
         std::string(kScriptTimeUnits[operation.time_unit()]);
}

std::string place_text(const Operation& operation) {
  return std::string(to_string(operation.direction())) + ' ' + std::to_string(operation.place());
}

// `text`, where it is given, is what the operations before said.
std::string name_text(std::size_t name, const std::string* text) {
  if (name == kScriptTextName)
    return text != nullptr ? double_quoted(*text) : std::string(kTextWord);
  if (name == kScriptLongestName) return std::string(kLongestWord);
  return double_quoted(script_name(name));
}

std::string inject_text(const Operation& operation, const std::string* text) {
  std::string line = "inject " + std::string(to_string(operation.direction())) + ' ' +
                     std::string(kScriptSources[operation.source()]) + ' ' +
                     std::string(kScriptPayloads[operation.payload()]) + ' ';
  switch (static_cast<ScriptPayload>(operation.payload())) {
    case ScriptPayload::kName:
    case ScriptPayload::kGreeting:
      return line + name_text(operation.choice(), text);
    case ScriptPayload::kRubbish:
      return line + std::string(kScriptRubbish[operation.choice()]);
    case ScriptPayload::kBytes:
      return line + (text != nullptr ? double_quoted(*text) : std::string(kTextWord));
  }
  return line;
}

std::string line_of(const Operation& operation, const std::string* text) {
  switch (operation.kind) {
    case OperationKind::kGreet:
      return "greet " + name_text(operation.name(), text);
    case OperationKind::kTimeout:
      return "timeout";
    case OperationKind::kTimeoutEarly:
      return "timeout early";
    case OperationKind::kTimeoutLate:
      return "timeout late " + time_text(operation);
    case OperationKind::kTick:
    case OperationKind::kPass:
    case OperationKind::kWait:
      return word_of(kTimeWords, operation.kind) + ' ' + time_text(operation);
    case OperationKind::kDeliverAll:
      return "deliver all";
    case OperationKind::kDeliver:
    case OperationKind::kDrop:
    case OperationKind::kDuplicate:
      return word_of(kPlaceWords, operation.kind) + ' ' + place_text(operation);
    case OperationKind::kSwap:
      return "swap " + place_text(operation) + ' ' + std::to_string(operation.other_place());
    case OperationKind::kFlip:
      return "flip " + place_text(operation) + ' ' + std::to_string(operation.bit());
    case OperationKind::kCut:
      return "cut " + place_text(operation) + ' ' + std::to_string(operation.bytes_kept());
    case OperationKind::kInject:
      return inject_text(operation, text);
    case OperationKind::kRebind:
      return "rebind " + std::to_string(operation.address());
    case OperationKind::kText1:
    case OperationKind::kText2:
    case OperationKind::kText3:
      return std::string(kTextWord) + ' ' + double_quoted(bytes_of(operation));
  }
  return {};
}

// Whether the text operations in [first, end) are just those that parsing the operation at `end`
// puts there when their text stands within its quotes.
bool is_quotable(const std::vector<Operation>& operations, std::size_t first, std::size_t end,
                 const std::string& text) {
  if (first == end || end == operations.size()) return false;
  for (std::size_t i = first; i + 1 < end; ++i) {
    if (operations[i].kind != OperationKind::kText3) return false;
  }
  const Operation& user = operations[end];
  const bool greets = user.kind == OperationKind::kGreet && user.name() == kScriptTextName;
  const bool injects = user.kind == OperationKind::kInject;
  const auto payload = static_cast<ScriptPayload>(injects ? user.payload() : 0);
  if (injects && payload == ScriptPayload::kBytes) return text.size() <= kMessageBytesMax + 16;
  const bool names =
      injects && payload != ScriptPayload::kRubbish && user.choice() == kScriptTextName;
  return (greets || names) && text.size() <= kNameBytesMax && !own_name(text);
}

}  // namespace

Script parse_script(std::string_view text) {
  return Parser(text).parse();
}

std::string format_script(const Script& script) {
  std::string text = "script " + std::to_string(kScriptVersion) + '\n';
  for (std::size_t i = 0; i < kScriptOptionCount; ++i) {
    if (script.options[i] == 0) continue;
    const ScriptOptionText& option = text_of(static_cast<ScriptOption>(i));
    text += std::string(option.name) + ' ' + std::string(option.words[script.options[i]]) + '\n';
  }
  const std::vector<Operation>& operations = script.operations;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    std::size_t end = i;
    std::string said;
    for (; end < operations.size() && is_text(operations[end].kind); ++end) {
      said += bytes_of(operations[end]);
    }
    if (is_quotable(operations, i, end, said)) {
      text += line_of(operations[end], &said) + '\n';
    } else {
      for (std::size_t t = i; t < end; ++t) text += line_of(operations[t], nullptr) + '\n';
      if (end < operations.size()) text += line_of(operations[end], nullptr) + '\n';
    }
    i = end;
  }
  return text;
}

}  // namespace lossy
