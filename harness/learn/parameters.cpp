#include <lossy/harness/learn/parameters.hpp>

#include <algorithm>
#include <array>

namespace lossy {
namespace {

constexpr std::array kParameters{
    ParameterText{Parameter::kSeed, "seed", "N", "what chance decides"},
    ParameterText{Parameter::kCount, "count", "N", "how often it is tried"},
    ParameterText{Parameter::kDrop, "drop", "PERCENT", "how many datagrams are lost"},
    ParameterText{Parameter::kBurst, "burst", "N", "how many are lost in a row, on average"},
    ParameterText{Parameter::kAttempts, "attempts", "N", "how often a name is sent at most"},
    ParameterText{Parameter::kDuplicate, "duplicate", "PERCENT", "how many arrive twice"},
    ParameterText{Parameter::kReorder, "reorder", "PERCENT", "how many are held back"},
    ParameterText{Parameter::kReorderDelay, "reorder-delay", "TIME", "how long they are held back"},
    ParameterText{Parameter::kCorrupt, "corrupt", "PERCENT", "how many are damaged"},
    ParameterText{Parameter::kCorruptBits, "corrupt-bits", "N", "how many bits are flipped"},
    ParameterText{Parameter::kDelay, "delay", "TIME", "how long a datagram travels"},
    ParameterText{Parameter::kDelayAfter, "delay-after", "TIME", "how long once it is slower"},
    ParameterText{Parameter::kTimer, "timer", "TIME", "when a fixed timer sends again"},
    ParameterText{Parameter::kRate, "rate", "RATE", "the link's speed"},
    ParameterText{Parameter::kQueue, "queue", "N", "how many datagrams may wait for the link"},
    ParameterText{Parameter::kInterval, "interval", "TIME", "between two datagrams"},
    ParameterText{Parameter::kGuesses, "guesses", "N", "how often a port is guessed"},
    ParameterText{Parameter::kBytes, "bytes", "N", "how long a datagram is"},
    ParameterText{Parameter::kBuffer, "buffer", "N", "how many bytes the receiver has room for"},
    ParameterText{Parameter::kPort, "port", "N", "which port is bound; another one when taken"},
};

std::uint64_t bounded_duration(std::string_view text, const Taken& taken) {
  const auto ns = static_cast<std::uint64_t>(parse_duration(text).count());
  if (ns >= taken.min && ns <= taken.max) return ns;
  const auto shown = [](std::uint64_t bound) {
    return format_duration(Duration(static_cast<Duration::rep>(bound)));
  };
  throw TextError(quote(text) + " is outside what this lesson is about: " + shown(taken.min) +
                  " to " + shown(taken.max));
}

void read(const Taken& taken, std::string_view text) {
  const std::string_view type = text_of(taken.parameter).type;
  if (type == "PERCENT") {
    parse_probability(text);
  } else if (type == "TIME") {
    bounded_duration(text, taken);
  } else if (type == "RATE") {
    if (const std::uint64_t rate = parse_rate(text); rate < taken.min || rate > taken.max) {
      throw TextError(quote(text) + " is outside what this lesson is about: " +
                      format_rate(taken.min) + " to " + format_rate(taken.max));
    }
  } else {
    parse_whole(text, taken.min, taken.max);
  }
}

}  // namespace

std::span<const ParameterText> parameters() {
  return kParameters;
}

const ParameterText& text_of(Parameter parameter) {
  return *std::find_if(kParameters.begin(), kParameters.end(),
                       [parameter](const auto& text) { return text.parameter == parameter; });
}

const ParameterText* find_parameter(std::string_view name) {
  const auto* const found =
      std::find_if(kParameters.begin(), kParameters.end(),
                   [&](const ParameterText& text) { return text.name == name; });
  return found == kParameters.end() ? nullptr : found;
}

Settings::Settings(std::span<const Taken> taken) : taken_(taken) {
  for (const Taken& one : taken) texts_.emplace(one.parameter, one.standard);
}

void Settings::set(Parameter parameter, std::string_view text) {
  for (const Taken& taken : taken_) {
    if (taken.parameter != parameter) continue;
    read(taken, text);
    texts_[parameter] = text;
  }
}

std::uint64_t Settings::whole(Parameter parameter) const {
  return parse_whole(text(parameter), 0, UINT64_MAX);
}

Duration Settings::duration(Parameter parameter) const {
  return parse_duration(text(parameter));
}

Probability Settings::probability(Parameter parameter) const {
  return parse_probability(text(parameter));
}

std::uint64_t Settings::rate(Parameter parameter) const {
  return parse_rate(text(parameter));
}

std::string Settings::arguments() const {
  std::string arguments;
  for (const Taken& taken : taken_) {
    const std::string& said = text(taken.parameter);
    if (said == taken.standard) continue;
    arguments += std::string(" --") + text_of(taken.parameter).name + '=' + said;
  }
  return arguments;
}

}  // namespace lossy
