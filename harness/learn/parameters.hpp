// What of a lesson's experiment can be changed, and to what it was.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lossy/harness/link/text.hpp>

namespace lossy {

enum class Parameter : std::uint8_t {
  kSeed,
  kCount,
  kDrop,
  kBurst,
  kAttempts,
  kDuplicate,
  kReorder,
  kReorderDelay,
  kCorrupt,
  kCorruptBits,
  kDelay,
  kDelayAfter,
  kTimer,
  kRate,
  kQueue,
  kInterval,
  kGuesses,
  kBytes,
  kBuffer,
  kPort,
};

struct ParameterText {
  Parameter parameter;
  const char* name;  // "drop", of the option --drop.
  const char* type;  // "PERCENT", "TIME", "RATE" or "N".
  const char* description;
};
// All there are, whichever lesson takes them.
std::span<const ParameterText> parameters();
const ParameterText& text_of(Parameter parameter);
// The one with this name, or nothing.
const ParameterText* find_parameter(std::string_view name);

// A parameter that a lesson takes, and what it is unless it is asked for otherwise. The bounds are
// for numbers, and for times in nanoseconds.
struct Taken {
  Parameter parameter;
  const char* standard;
  std::uint64_t min = 0;
  std::uint64_t max = UINT64_MAX;
};

class Settings {
 public:
  // All as the lesson has them.
  explicit Settings(std::span<const Taken> taken);

  // Throws TextError when the text cannot be read, or lies outside the lesson's bounds. The lesson
  // must take the parameter.
  void set(Parameter parameter, std::string_view text);

  // Of a parameter that the lesson takes, of the type that it has.
  std::uint64_t whole(Parameter parameter) const;
  Duration duration(Parameter parameter) const;
  Probability probability(Parameter parameter) const;
  std::uint64_t rate(Parameter parameter) const;
  std::uint64_t seed() const { return whole(Parameter::kSeed); }
  std::size_t size(Parameter parameter) const { return static_cast<std::size_t>(whole(parameter)); }

  // "10%", as it was written.
  const std::string& text(Parameter parameter) const { return texts_.at(parameter); }
  std::span<const Taken> taken() const { return taken_; }
  // What is other than the lesson's own: " --drop=20% --seed=7".
  std::string arguments() const;

 private:
  std::span<const Taken> taken_;
  std::map<Parameter, std::string> texts_;
};

}  // namespace lossy
