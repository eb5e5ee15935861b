// A line on the terminal that says how far a long run is; nothing where standard error is no
// terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace lossy {

class Progress {
 public:
  // `what` is counted, as in "greetings"; `total` is how many there will be.
  // Without it nobody knows.
  explicit Progress(std::string what, std::optional<std::uint64_t> total = std::nullopt);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // How many there will be, where that turns out later.
  void expect(std::uint64_t total) { total_ = total; }
  // Shows how many are done, once a run takes more than a second and then a few times a second.
  void update(std::uint64_t done);
  // Takes the line off the screen.
  void clear();

  std::chrono::nanoseconds elapsed() const { return std::chrono::steady_clock::now() - start_; }

 private:
  std::string what_;
  std::optional<std::uint64_t> total_;
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point next_;
};

// For what reads a file: shows how many of its megabytes were read, of how many, until the last
// copy of it goes.
std::function<void(std::uint64_t bytes, std::uint64_t bytes_in_all)> reading_progress();

}  // namespace lossy
