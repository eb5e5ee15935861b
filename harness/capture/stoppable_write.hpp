// Writing to whoever reads along, at a pipe, a terminal or a socket, who may never read.
//
// write(2) waits for a reader for ever, and signals that a program holds back, to take them from a
// descriptor, do not end that wait. So it is not begun before there is room.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>

namespace lossy {

// Writes as write(2) does, but that of what is no regular file it may take less at once, and that
// it gives up, with ECANCELED, when nobody reads anything for a second after the end was asked for:
// by SIGINT, SIGTERM or SIGHUP that are held back, or by expect_end(); and sooner when another of
// those signals comes meanwhile.
::ssize_t stoppable_write(int descriptor, std::span<const std::byte> bytes);

// Somebody has asked for the end, and the signal was taken: from now on no writing waits for long.
void expect_end();

}  // namespace lossy
