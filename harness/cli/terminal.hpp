// What is known of the terminal, if there is one.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>

#include <lossy/harness/report/ladder.hpp>

namespace lossy {

bool is_terminal(std::FILE* stream);

// How wide the window is: what COLUMNS says, or the terminal itself. 0 where it is no terminal or
// nobody knows.
std::size_t window_columns(std::FILE* stream);

// Shows a line on the terminal of standard error in place of the one shown before, cut to the
// window; nothing of it with an empty one. Whoever prints something else takes it off first.
void show_status_line(const std::string& line);

// Lines that fit the window, in colours unless NO_COLOR is set (https://no-color.org). In a pipe or
// a file they are as they are.
LineStyle line_style(std::FILE* stream);
inline Ladder ladder_on(std::FILE* stream, Protocol::Describe describe = {}) {
  return Ladder(stream, line_style(stream), std::move(describe));
}

}  // namespace lossy
