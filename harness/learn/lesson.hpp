// A lesson: an experiment that is run now, and what there is to learn from how it went.
//
// Whatever a lesson says of numbers comes from its run: the words are chosen by what happened, and
// what theory says is computed from the same settings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lossy/harness/learn/parameters.hpp>

namespace lossy {

enum class FigureUnit : std::uint8_t { kShare, kCount, kMean, kMilliseconds, kBytes };

// A number that was measured, and what theory expects of it.
struct Figure {
  std::string name;  // For JSON: "lost_uplink".
  std::string what;  // "lost on the way to the server".
  FigureUnit unit = FigureUnit::kCount;
  double measured = 0;
  double theory = 0;
  double tolerance = 0;  // How far apart the two may be where all is well. 0: not at all.

  bool holds() const;
};
// "9.98%", "12 ms": a figure's number, as people read it.
std::string shown(double value, FigureUnit unit);

// Something that the lesson teaches, and whether it is what happened. The text says what happened,
// either way.
struct Claim {
  std::string text;
  bool holds = false;
};

// The first lines of a ladder, and how many there were more.
struct LadderExcerpt {
  static constexpr std::size_t kLinesMax = 14;
  std::vector<std::string> lines{};
  std::size_t more = 0;

  void add(std::string line);
};

struct Outcome {
  std::string experiment;  // What was done, in a sentence or two.
  LadderExcerpt ladder{};
  std::vector<Figure> figures{};
  std::vector<Claim> claims{};
  std::vector<std::string> why{};  // Paragraphs.
  std::string play;                // The command to play on with.

  // All that the lesson teaches is what happened.
  bool holds() const;
};

struct Lesson {
  int number = 0;
  const char* name = "";   // A word, for the command line.
  const char* title = "";  // A sentence without its full stop.
  const char* group = "";
  const char* left_out = "";  // What a tutorial leaves out.
  const char* question = "";
  std::span<const Taken> takes{};
  const char* takes_no_other = "";  // Why other parameters change nothing here.
  Outcome (*run)(const Settings& settings) = nullptr;
};

// The lessons that need no sockets, in their order: they run wherever this compiles.
std::span<const Lesson> simulated_lessons();

// Why the lesson does not take a parameter, in one sentence.
std::string why_not(const Lesson& lesson, Parameter parameter);

}  // namespace lossy
