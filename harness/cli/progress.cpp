#include <lossy/harness/cli/progress.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include <lossy/harness/cli/terminal.hpp>

namespace lossy {
namespace {

std::string bar(double part) {
  constexpr double kColumns = 20;
  const auto full = static_cast<std::size_t>(part * kColumns);
  return std::string(full, '#') + std::string(static_cast<std::size_t>(kColumns) - full, '-');
}

std::string rate_text(double rate) {
  if (rate >= 1e6) return fmt::format("{:.2f} million/s", rate / 1e6);
  return rate < 10 ? fmt::format("{:.1f}/s", rate) : fmt::format("{:.0f}/s", rate);
}

// How long it will still take, if it goes on like this.
std::string left_text(double seconds) {
  if (!std::isfinite(seconds)) return {};  // Nothing is done yet.
  if (seconds < 100) return fmt::format("{:.0f} s left", seconds);
  if (seconds < 100 * 60) return fmt::format("{:.0f} min left", seconds / 60);
  return fmt::format("{:.0f} h left", seconds / 3600);
}

}  // namespace

Progress::Progress(std::string what, std::optional<std::uint64_t> total)
    : what_(std::move(what)),
      total_(total),
      terminal_(is_terminal(stderr)),
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
    show_status_line(fmt::format("{} {}  {}", done, what_, rate_text(rate)));
    return;
  }
  const double part = static_cast<double>(done) / static_cast<double>(*total_);
  show_status_line(fmt::format("[{}] {:.0f}%  {} of {} {}  {}  {}", bar(part), 100 * part, done,
                               *total_, what_, rate_text(rate),
                               left_text(static_cast<double>(*total_ - done) / rate)));
}

void Progress::clear() {
  if (std::exchange(shown_, false)) show_status_line({});
}

std::function<void(std::uint64_t, std::uint64_t)> reading_progress() {
  constexpr std::uint64_t kMegabyte = 1'000'000;
  return [progress = std::make_shared<Progress>("MB")](std::uint64_t bytes, std::uint64_t in_all) {
    progress->expect(std::max<std::uint64_t>(in_all / kMegabyte, 1));
    progress->update(std::min(bytes, in_all) / kMegabyte);
  };
}

}  // namespace lossy
