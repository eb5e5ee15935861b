#include <lossy/harness/sim/network_script.hpp>

#include <algorithm>
#include <array>
#include <optional>

#include <lossy/harness/sim/setting_text.hpp>

namespace lossy {
namespace {

using Kind = NetworkOperation::Kind;

// How an operation is written: its word, the word behind that, if it has one, and what its
// arguments are.
struct Shape {
  Kind kind;
  std::string_view word;
  std::string_view second_word{};
  std::array<const char*, 2> arguments{};  // Null where it has none.
  bool is_once = false;                    // Where its argument is left out, which is 1 then.
};
// Where words are the same, those with a second one come first.
constexpr std::array kShapes{
    Shape{Kind::kDeliverFirst, "deliver", "first", {"how many"}},
    Shape{Kind::kDeliver, "deliver", "", {"a place, or the word first"}},
    Shape{Kind::kDropAll, "drop", "all"},
    Shape{Kind::kDrop, "drop", "", {"a place, or the word all"}},
    Shape{Kind::kDuplicate, "duplicate", "", {"a place"}},
    Shape{Kind::kSwap, "swap", "", {"a place", "another place"}},
    Shape{Kind::kFlip, "flip", "", {"a place", "a bit"}},
    Shape{Kind::kCut, "cut", "", {"a place", "how many bytes are left"}},
    Shape{Kind::kTimeout, "timeout", "", {"how many"}, true},
    Shape{Kind::kIsolate, "isolate", "", {"a host", "for how many timeouts"}},
};

// The bytes of an input, from its front. Behind its end there are zeros.
class InputBytes {
 public:
  explicit InputBytes(std::span<const std::byte> bytes) : bytes_(bytes) {}

  bool done() const { return bytes_.empty(); }
  std::size_t byte() {
    ++taken_;
    if (bytes_.empty()) return 0;
    const auto byte = std::to_integer<std::size_t>(bytes_.front());
    bytes_ = bytes_.subspan(1);
    return byte;
  }
  std::size_t below(std::size_t bound) { return byte() % bound; }
  std::size_t taken() const { return taken_; }

 private:
  std::span<const std::byte> bytes_;
  std::size_t taken_ = 0;
};

// What comes before the operations.
void read_head(const Protocol& protocol, InputBytes& bytes, NetworkScript& script) {
  for (const Setting& setting : protocol.settings) {
    if (setting.tried.empty()) continue;
    const std::size_t choice = bytes.below(setting.tried.size() + 1);
    if (choice > 0) script.settings[setting.name] = setting.tried[choice - 1];
  }
  if (protocol.call_kinds.empty()) return;
  for (std::size_t calls = bytes.below(4); calls > 0; --calls) {
    const std::size_t kind = bytes.below(protocol.call_kinds.size());
    const auto& tried = protocol.call_kinds[kind].tried;
    if (!tried.empty()) script.calls.push_back({kind, tried[bytes.below(tried.size())]});
  }
}

// Of the fuzz target's two bytes. Only some protocols survive damage, and others get none.
std::optional<NetworkOperation> operation_of(std::size_t kind, std::size_t argument,
                                             bool survives_damage) {
  const std::size_t low = argument % 16;
  const std::size_t high = argument / 16;
  switch (kind % kInputKinds) {
    case 0:
      return NetworkOperation{Kind::kDeliver, argument};
    case 1:
      return NetworkOperation{Kind::kDeliverFirst, argument + 1};
    case 2:
      return NetworkOperation{Kind::kDrop, argument};
    case 3:
      return NetworkOperation{Kind::kDuplicate, argument};
    case 4:
      return NetworkOperation{Kind::kSwap, low, high};
    case 5:
      return NetworkOperation{Kind::kTimeout, low + 1};
    case 6:
      return NetworkOperation{Kind::kDropAll};
    case 7:
      return NetworkOperation{Kind::kIsolate, high, 4 * (low + 1)};
    default:
      if (!survives_damage) return std::nullopt;
      return NetworkOperation{argument % 2 == 0 ? Kind::kFlip : Kind::kCut, 0, argument / 2};
  }
}

std::string named_protocol(ScriptLines& lines) {
  constexpr const char* kLine = "behind the version stands the protocol, as in protocol tftp";
  if (!lines.next_line()) lines.fail("", kLine);
  const std::string_view word = lines.word();
  std::string name(lines.word());
  if (word != "protocol" || name.empty()) lines.fail(word, kLine);
  lines.end_line();
  return name;
}

class Parser : private ScriptLines {
 public:
  Parser(const Protocol& protocol, std::string_view text)
      : ScriptLines(text), protocol_(protocol) {}

  NetworkScript parse() {
    read();
    try {
      protocol_.hosts(plan_of(protocol_, script_));
    } catch (const PlanError& error) {
      refuse(error);
    }
    return std::move(script_);
  }

 private:
  void read() {
    begin(2);
    if (const std::string named = named_protocol(*this); named != protocol_.name) {
      fail(named, "the script is of this protocol, and not of " + protocol_.name);
    }
    while (next_line()) {
      line_of_script();
      end_line();
    }
  }

  void line_of_script() {
    const std::string_view name = word();
    const bool is_call = at_quote();
    if (!is_call && name != "set") return operation(name);
    if (!script_.operations.empty()) {
      fail(name, "settings and calls come before the first operation");
    }
    if (is_call) {
      call(name);
    } else {
      setting();
    }
  }

  void call(std::string_view name) {
    const auto& kinds = protocol_.call_kinds;
    const auto kind = std::ranges::find(kinds, name, &CallKind::name);
    if (kind == kinds.end()) {
      fail(name, protocol_.name + " has no such call" + list_of(kinds, "; there are "));
    }
    script_.calls.push_back({static_cast<std::size_t>(kind - kinds.begin()), quoted_bytes()});
    call_lines_.push_back(line());
  }

  // The line of the setting, or of a call that cannot be made alone either; else the first.
  [[noreturn]] void refuse(const PlanError& error) const {
    for (const auto& [setting, line] : setting_lines_) {
      if (error.option() == "--" + setting) throw ScriptError(line, setting, error.what());
    }
    for (std::size_t i = 0; i < script_.calls.size(); ++i) {
      const Call& call = script_.calls[i];
      const NetworkScript alone{.settings = script_.settings, .calls = {call}, .operations = {}};
      try {
        protocol_.hosts(plan_of(protocol_, alone));
      } catch (const PlanError& again) {
        if (again.option() != error.option()) continue;
        throw ScriptError(call_lines_[i], protocol_.call_kinds[call.kind].name, error.what());
      }
    }
    throw ScriptError(1, "", error.option() + ": " + error.what());
  }

  void setting() {
    const std::string_view name = word();
    const auto& settings = protocol_.settings;
    const auto setting = std::ranges::find(settings, name, &Setting::name);
    if (setting == settings.end()) {
      fail(name, protocol_.name + " has no such setting" + list_of(settings, "; there are "));
    }
    if (!setting_lines_.emplace(name, line()).second) fail(name, "it was said before");
    const std::string_view value = word();
    try {
      script_.settings[setting->name] = parse_setting(*setting, value);
    } catch (const TextError& error) {
      fail(value, error.what());
    }
  }

  template <typename Named>
  static std::string list_of(const std::vector<Named>& all, const char* before) {
    std::vector<std::string_view> names;
    for (const Named& one : all) names.push_back(one.name);
    return names.empty() ? std::string() : before + one_of(names);
  }

  void operation(std::string_view name) {
    for (const Shape& shape : kShapes) {
      if (shape.word != name) continue;
      const std::string_view behind = rest();
      if (!shape.second_word.empty() && word() != shape.second_word) {
        go_back(behind);
        continue;
      }
      NetworkOperation operation{shape.kind};
      if (shape.is_once && at_end()) {
        operation.first = 1;
      } else if (shape.arguments[0] != nullptr) {
        operation.first = argument(shape.arguments[0]);
      }
      if (shape.arguments[1] != nullptr) operation.second = argument(shape.arguments[1]);
      if (script_.operations.size() == NetworkScript::kOperationsMax) {
        fail(name, "there are more than " + std::to_string(NetworkScript::kOperationsMax) +
                       " operations");
      }
      script_.operations.push_back(operation);
      return;
    }
    fail(name, "this is no operation; settings are set NAME VALUE, calls have a text in quotes");
  }

  std::size_t argument(const char* what) { return number(NetworkOperation::kArgumentMax, what); }

  const Protocol& protocol_;
  NetworkScript script_;
  std::vector<std::size_t> call_lines_;
  std::map<std::string, std::size_t, std::less<>> setting_lines_;
};

std::string line_of(const NetworkOperation& operation) {
  const Shape& shape = *std::ranges::find(kShapes, operation.kind, &Shape::kind);
  std::string line(shape.word);
  if (!shape.second_word.empty()) line += ' ' + std::string(shape.second_word);
  if (shape.is_once && operation.first == 1) return line;
  if (shape.arguments[0] != nullptr) line += ' ' + std::to_string(operation.first);
  if (shape.arguments[1] != nullptr) line += ' ' + std::to_string(operation.second);
  return line;
}

// For so many timeouts a host cannot be reached, and reaches nobody; the others can.
bool isolate(ControlledNetwork& network, std::size_t host, std::size_t timeouts) {
  host %= network.hosts();
  const std::size_t all = timeouts;
  while (timeouts > 0 && !network.is_over()) {
    const auto& letters = network.letters();
    if (letters.empty()) {
      if (!network.time_out()) break;
      --timeouts;
    } else if (letters.front().from == host || letters.front().to == host) {
      network.lose(0);
    } else {
      network.deliver(0);
    }
  }
  return timeouts < all;
}

}  // namespace

NetworkScript decode_input(const Protocol& protocol, std::span<const std::byte> input) {
  NetworkScript script;
  InputBytes bytes(input);
  read_head(protocol, bytes, script);
  while (!bytes.done() && script.operations.size() < NetworkScript::kOperationsMax) {
    const std::size_t kind = bytes.byte();
    const auto operation = operation_of(kind, bytes.byte(), protocol.survives_damage);
    if (operation) script.operations.push_back(*operation);
  }
  return script;
}

std::size_t input_head_bytes(const Protocol& protocol, std::span<const std::byte> input) {
  InputBytes bytes(input);
  NetworkScript script;
  read_head(protocol, bytes, script);
  return bytes.taken();
}

NetworkScript parse_network_script(const Protocol& protocol, std::string_view text) {
  return Parser(protocol, text).parse();
}

std::string protocol_of_script(std::string_view text) {
  ScriptLines lines(text);
  return lines.begin() == 1 ? std::string() : named_protocol(lines);
}

std::string format_network_script(const Protocol& protocol, const NetworkScript& script) {
  std::string text = "script 2\nprotocol " + protocol.name + '\n';
  for (const Setting& setting : protocol.settings) {
    const auto said = script.settings.find(setting.name);
    if (said == script.settings.end()) continue;
    text += "set " + setting.name + ' ' + format_setting(setting, said->second) + '\n';
  }
  for (const Call& call : script.calls) {
    text += protocol.call_kinds.at(call.kind).name + ' ' + double_quoted(call.argument) + '\n';
  }
  for (const NetworkOperation& operation : script.operations) text += line_of(operation) + '\n';
  return text;
}

RunPlan plan_of(const Protocol& protocol, const NetworkScript& script) {
  RunPlan plan{.settings = script.settings, .calls = script.calls, .addresses = {}};
  for (const Setting& setting : protocol.settings) {
    if (setting.initial) plan.settings.try_emplace(setting.name, *setting.initial);
  }
  return plan;
}

bool perform(const NetworkOperation& operation, ControlledNetwork& network) {
  std::size_t done = 0;
  switch (operation.kind) {
    case Kind::kDeliver:
      return network.deliver(operation.first);
    case Kind::kDeliverFirst:
      while (done < operation.first && network.deliver(0)) ++done;
      return done > 0;
    case Kind::kDrop:
      return network.lose(operation.first);
    case Kind::kDropAll:
      while (network.lose(0)) ++done;
      return done > 0;
    case Kind::kDuplicate:
      return network.duplicate(operation.first);
    case Kind::kSwap:
      return network.swap(operation.first, operation.second);
    case Kind::kFlip:
      return network.flip(operation.first, operation.second);
    case Kind::kCut:
      return network.cut(operation.first, operation.second);
    case Kind::kTimeout:
      while (done < operation.first && network.time_out()) ++done;
      return done > 0;
    case Kind::kIsolate:
      return isolate(network, operation.first, operation.second);
  }
  return false;
}

}  // namespace lossy
