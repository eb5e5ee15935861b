#include <lossy/harness/sim/script.hpp>

#include <algorithm>
#include <string>

#include <lossy/core/check.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

// A list of words, and what each of them means.
template <typename Value, std::size_t kSize>
struct Choices {
  std::array<std::string_view, kSize> words;
  std::array<Value, kSize> values;
};

constexpr Choices<std::size_t, 6> kWindows{{"1", "2", "3", "4", "8", "16"}, {1, 2, 3, 4, 8, 16}};
constexpr Choices<int, 8> kAttempts{{"5", "1", "2", "3", "4", "6", "7", "8"},
                                    {5, 1, 2, 3, 4, 6, 7, 8}};
constexpr Choices<Duration, 5> kInitialRtos{{"1s", "100ms", "20ms", "1ns", "3s"},
                                            {1s, 100ms, 20ms, 1ns, 3s}};
constexpr Choices<Duration, 4> kMinRtos{{"200ms", "1s", "20ms", "1ns"}, {200ms, 1s, 20ms, 1ns}};
constexpr Choices<Duration, 4> kMaxRtos{{"60s", "3s", "5s", "24h"}, {60s, 3s, 5s, 24h}};
constexpr Choices<Instant, 4> kClocks{{"0", "1s", "-1s", "earliest"},
                                      {Instant(0s), Instant(1s), Instant(-1s), Instant::min()}};
constexpr Choices<bool, 2> kFamilies{{"ipv4", "ipv6"}, {false, true}};

const std::array<ScriptOptionText, kScriptOptionCount> kOptions{{
    {"window", kWindows.words},
    {"attempts", kAttempts.words},
    {"initial-rto", kInitialRtos.words},
    {"min-rto", kMinRtos.words},
    {"max-rto", kMaxRtos.words},
    {"clock", kClocks.words},
    {"family", kFamilies.words},
}};

std::size_t choice(const Script& script, ScriptOption option) {
  return script.options[static_cast<std::size_t>(option)];
}

const std::string kLongestName(kNameBytesMax, 'x');
const std::array<std::string_view, kScriptNameCount> kNames{"Michael",
                                                            "Tracy",
                                                            "Sarah",
                                                            "A",
                                                            "B",
                                                            "C",
                                                            "Bob",
                                                            "Zoë",
                                                            "Hello, A!",
                                                            "!",
                                                            "\xF0\x9F\x99\x82",
                                                            "AA",
                                                            "\x7F",
                                                            "A\n",
                                                            "Hello, ",
                                                            kLongestName};

const std::string kOversized(kMessageBytesMax + 1, '!');
const std::array<std::string_view, kScriptRubbishCount> kRubbish{
    "", "\xFF", "Hello, !", "Hello, A", "Hello, \xC0\x80!", kOversized};

std::uint8_t modulo(std::uint8_t byte, std::size_t count) {
  return static_cast<std::uint8_t>(byte % count);
}

}  // namespace

const ScriptOptionText& text_of(ScriptOption option) {
  return kOptions[static_cast<std::size_t>(option)];
}

std::string_view script_name(std::size_t name) {
  check(name < kScriptNameCount, "script_name: no such name");
  return kNames[name];
}

std::string_view script_rubbish(std::size_t rubbish) {
  check(rubbish < kScriptRubbishCount, "script_rubbish: no such rubbish");
  return kRubbish[rubbish];
}

Operation canonical(std::uint8_t kind_byte, std::array<std::uint8_t, 3> arguments) {
  const auto kind = static_cast<OperationKind>(modulo(kind_byte, kOperationKindCount));
  auto& [a, b, c] = arguments;
  const auto keep = [&arguments](std::size_t count) {
    std::fill(arguments.begin() + static_cast<std::ptrdiff_t>(count), arguments.end(),
              std::uint8_t{0});
  };
  switch (kind) {
    case OperationKind::kGreet:
      a = modulo(a, kScriptNameCount + 1);
      keep(1);
      break;
    case OperationKind::kRebind:
      a = modulo(a, kScriptAddresses);
      keep(1);
      break;
    case OperationKind::kTimeout:
    case OperationKind::kTimeoutEarly:
    case OperationKind::kDeliverAll:
      keep(0);
      break;
    case OperationKind::kTimeoutLate:
    case OperationKind::kTick:
    case OperationKind::kPass:
    case OperationKind::kWait:
      a = modulo(a, kScriptTimeUnits.size());
      break;
    case OperationKind::kDeliver:
    case OperationKind::kDrop:
    case OperationKind::kDuplicate:
      keep(1);
      break;
    case OperationKind::kSwap:
      b = modulo(b, kScriptPlaces);
      keep(2);
      break;
    case OperationKind::kFlip:
    case OperationKind::kCut:
    case OperationKind::kText3:
      break;
    case OperationKind::kInject:
      a = modulo(a, 2 * kScriptSources.size());
      b = modulo(b, kScriptPayloads.size());
      switch (static_cast<ScriptPayload>(b)) {
        case ScriptPayload::kName:
        case ScriptPayload::kGreeting:
          c = modulo(c, kScriptNameCount + 1);
          break;
        case ScriptPayload::kRubbish:
          c = modulo(c, kScriptRubbishCount);
          break;
        case ScriptPayload::kBytes:
          c = 0;
          break;
      }
      break;
    case OperationKind::kText1:
      keep(1);
      break;
    case OperationKind::kText2:
      keep(2);
      break;
  }
  return {kind, arguments};
}

void decode(std::span<const std::byte> bytes, Script& script) {
  const auto at = [bytes](std::size_t i) {
    return i < bytes.size() ? std::to_integer<std::uint8_t>(bytes[i]) : std::uint8_t{0};
  };
  for (std::size_t i = 0; i < kScriptOptionCount; ++i) {
    script.options[i] = modulo(at(1 + i), kOptions[i].words.size());
  }
  script.operations.clear();
  const std::size_t end = std::min(bytes.size(), Script::kBytesMax);
  for (std::size_t i = Script::kHeaderBytes; i + Operation::kBytes <= end; i += Operation::kBytes) {
    script.operations.push_back(canonical(at(i), {at(i + 1), at(i + 2), at(i + 3)}));
  }
}

Script decode(std::span<const std::byte> bytes) {
  Script script;
  decode(bytes, script);
  return script;
}

void encode(const Script& script, std::vector<std::byte>& bytes) {
  bytes.clear();
  bytes.push_back(std::byte{kScriptVersion});
  for (const std::uint8_t option : script.options) bytes.push_back(std::byte{option});
  for (const Operation& operation : script.operations) {
    bytes.push_back(static_cast<std::byte>(operation.kind));
    for (const std::uint8_t argument : operation.arguments) bytes.push_back(std::byte{argument});
  }
}

std::vector<std::byte> encode(const Script& script) {
  std::vector<std::byte> bytes;
  encode(script, bytes);
  return bytes;
}

ClientOptions client_options(const Script& script, const Address& server) {
  return {.server = server,
          .retry = {.initial_rto = kInitialRtos.values[choice(script, ScriptOption::kInitialRto)],
                    .min_rto = kMinRtos.values[choice(script, ScriptOption::kMinRto)],
                    .max_rto = kMaxRtos.values[choice(script, ScriptOption::kMaxRto)],
                    .attempts_max = kAttempts.values[choice(script, ScriptOption::kAttempts)]},
          .window = kWindows.values[choice(script, ScriptOption::kWindow)]};
}

Instant clock_start(const Script& script) {
  return kClocks.values[choice(script, ScriptOption::kClock)];
}

bool is_ipv6(const Script& script) {
  return kFamilies.values[choice(script, ScriptOption::kFamily)];
}

Duration time_of(const Operation& operation) {
  constexpr std::array<Duration, kScriptTimeUnits.size()> kUnits{1ns, 1us, 1ms, 1s};
  return kUnits[operation.time_unit()] * operation.time_count();
}

}  // namespace lossy
