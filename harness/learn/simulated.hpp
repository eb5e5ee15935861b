// The lessons that need no sockets, each in a file of its own.
#pragma once

#include <string>

#include <lossy/harness/learn/lesson.hpp>
#include <lossy/harness/report/path_figures.hpp>

namespace lossy {

Lesson vanish_lesson();
Lesson twice_lesson();
Lesson order_lesson();
Lesson bursts_lesson();
Lesson again_lesson();
Lesson queue_lesson();
Lesson forged_lesson();
Lesson weapon_lesson();
Lesson checksum_lesson();

// The groups in which lessons are listed.
inline constexpr const char* kPathGroup = "What a path does to datagrams";
inline constexpr const char* kHostGroup = "What a host does to datagrams";
inline constexpr const char* kCopingGroup = "How a protocol copes";
inline constexpr const char* kTrustGroup = "Whom to believe";

// A count as theory reckons with it.
inline double real(std::uint64_t count) {
  return static_cast<double>(count);
}
inline double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : real(part) / real(whole);
}

// "once", "5 times", "2.5 times".
std::string times_text(double times);

}  // namespace lossy
