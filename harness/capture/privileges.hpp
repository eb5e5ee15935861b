// Gives up what a process is allowed beyond others, once it needs that no more.
#pragma once

#include <string>

namespace lossy {

// Under sudo the process becomes the user who typed it, with that user's groups; a program that is
// set to another user (setuid) becomes whoever started it; else it stays who it is. Either way it
// loses every capability, for good: also a program that it starts gets none back. Call it before
// there are threads. Returns the user's name, or empty when that is unchanged. Throws
// std::system_error when something cannot be given up; the process must then end.
std::string give_up_privileges();

}  // namespace lossy
