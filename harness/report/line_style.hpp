// Lines of text on a terminal: cut to the width of its window, and coloured.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace lossy {

// What a line says, of which its colour is only a reminder.
enum class LineMood : std::uint8_t {
  kPlain,
  kGood,  // Somebody got what they wanted.
  kOdd,   // Something other than plain delivery.
  kBad,   // Something is lost.
};

struct LineStyle {
  std::size_t columns = 0;  // Longer lines end in an ellipsis; 0 for no bound, as in a pipe.
  bool colour = false;

  // The line as it is printed, without its end.
  std::string apply(const std::string& line, LineMood mood) const;
};

// How many columns of a terminal valid UTF-8 without control characters takes: two for what East
// Asia writes, none for accents that join the letter before.
std::size_t display_width(const std::string& text);

// The text, or as much of it as leaves room for an ellipsis.
std::string cut_to_width(const std::string& text, std::size_t columns);

}  // namespace lossy
