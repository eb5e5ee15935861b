// The values of a protocol's settings as text: what a time, a number or a flag is said by, in
// options and in scripts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <lossy/core/protocol.hpp>
#include <lossy/harness/link/text.hpp>

namespace lossy {

// "5", "250ms"; "on" or "off". Throws TextError when it is no such value, or outside its range.
std::int64_t parse_setting(const Setting& setting, std::string_view text);
// Read by parse_setting().
std::string format_setting(const Setting& setting, std::int64_t value);

}  // namespace lossy
