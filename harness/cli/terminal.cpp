#include <lossy/harness/cli/terminal.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include <lossy/harness/cli/output.hpp>
#include <lossy/harness/link/text.hpp>

namespace lossy {
namespace {

constexpr std::uint64_t kColumnsMax = 10'000;

std::string_view environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

}  // namespace

bool is_terminal(std::FILE* stream) {
  return isatty(descriptor_of(stream)) == 1;
}

std::size_t window_columns(std::FILE* stream) {
  if (!is_terminal(stream)) return 0;
  try {
    return parse_whole(environment("COLUMNS"), 1, kColumnsMax);
  } catch (const TextError&) {
    winsize window{};
    return ioctl(descriptor_of(stream), TIOCGWINSZ, &window) == 0 ? window.ws_col : 0;
  }
}

void show_status_line(const std::string& line) {
  // It is only a courtesy: where it cannot be written, nothing is lost.
  // One column stays free, lest the cursor go to a line of its own.
  const std::size_t columns = window_columns(stderr);
  const std::string shown = columns == 0 ? line : cut_to_width(line, columns - 1);
  std::fputs(("\r\033[K" + shown).c_str(), stderr);
  std::fflush(stderr);
}

LineStyle line_style(std::FILE* stream) {
  const bool colour =
      is_terminal(stream) && environment("NO_COLOR").empty() && environment("TERM") != "dumb";
  return {.columns = window_columns(stream), .colour = colour};
}

}  // namespace lossy
