#include "harness/cli/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

namespace lossy {

Progress::Progress(std::string what, std::optional<std::uint64_t> total)
    : what_(std::move(what)),
      total_(total),
      terminal_(isatty(STDERR_FILENO) == 1),
      start_(std::chrono::steady_clock::now()),
      next_(start_ + std::chrono::seconds(1)) {}

void Progress::update(std::uint64_t done) {
  if (!terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(200);
  shown_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double rate = static_cast<double>(done) / seconds;
  if (!total_) {
    show(fmt::format("{} {}, {:.0f} a second", done, what_, rate));
    return;
  }
  const double percent = 100 * static_cast<double>(done) / static_cast<double>(*total_);
  const double left = rate > 0 ? static_cast<double>(*total_ - done) / rate : 0;
  show(fmt::format("{:.0f}%: {} of {} {}, {:.2f} million a second, {:.0f} s left", percent, done,
                   *total_, what_, rate / 1e6, left));
}

void Progress::clear() {
  if (std::exchange(shown_, false)) show({});
}

void Progress::show(const std::string& line) {
  // It is only a courtesy: where it cannot be written, nothing is lost.
  std::fputs(("\r\033[K" + line).c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace lossy
