// Standard output and standard error: what is printed must not fail unnoticed, and must not keep
// anybody waiting who has asked for the end.
#pragma once

#include <cstdio>
#include <system_error>

namespace lossy {

// First of all: from now on both are written with stoppable_write(). What one does not take ends
// it, and is an error of whoever prints; but that nobody reads standard error is none.
void take_over_output();

// As fileno(3), which does not know where those two lead.
int descriptor_of(std::FILE* stream);

// From now on nobody who prints to standard output is told when that fails; output_failed() says
// so. For commands that have more to do then than to end.
void keep_output_failure();
bool output_failed();
// Why, and what failed.
std::system_error output_failure();

// Throws std::system_error when something could not be written, to a full disk say; EPIPE when
// whoever read it is gone, and ECANCELED when nobody read it although the end was asked for.
void check_output();

// Hands on what was printed. Unless that is kept, throws as check_output().
void flush_output();

}  // namespace lossy
