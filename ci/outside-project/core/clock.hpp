// How long the counter waits: a header of its own that has the name of one of lossy's.
#pragma once

#include <chrono>

inline constexpr std::chrono::milliseconds kPatience{100};
