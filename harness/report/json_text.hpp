// How every JSON of ours is written down.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace lossy {

// On one line, without its end. Whole numbers that a double may not hold exactly, as jq and
// JavaScript read them, are written as strings (RFC 8259 section 6): those of 2^53 and above, and
// of -2^53 and below. What is not UTF-8, a file's name say, is written with U+FFFD in its place.
std::string json_text(nlohmann::ordered_json json);
// The same with all that is not ASCII escaped.
std::string json_ascii_text(nlohmann::ordered_json json);

}  // namespace lossy
