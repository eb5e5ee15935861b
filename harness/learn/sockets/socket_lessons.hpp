// The lessons on real sockets of this machine. No network is in between, and no time is waited for:
// on loopback a datagram has arrived, or has been refused, when sending it returns.
#pragma once

#include <span>

#include <lossy/harness/learn/lesson.hpp>

namespace lossy {

// Throws std::system_error when the system refuses what an experiment needs.
std::span<const Lesson> socket_lessons();

}  // namespace lossy
