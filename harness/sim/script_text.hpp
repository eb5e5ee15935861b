// Scripts for people: a line for each option and each operation, "#" for a comment up to the line's
// end.
//
//   script 1                          # The version; nothing comes before it.
//   window 2                          # Options, each of them once at most. What is not said has
//   initial-rto 100ms                 # the first of its words: script.hpp.
//
//   greet "Michael"                   # Or: greet longest
//   timeout / timeout early / timeout late 5ms
//   tick 250us / pass 1s / wait 20ms  # A whole number up to 65535 of ns, us, ms or s.
//   deliver uplink 0 / deliver all    # A place among those on their way in that direction,
//   drop downlink 1                   # counted from 0 and taken modulo how many there are.
//   duplicate uplink 0
//   swap uplink 0 1
//   flip uplink 0 13                  # The bit: 13 is 32 of the second byte. Modulo what there is.
//   cut downlink 0 4                  # How many bytes are left. Modulo what there is, and one.
//   inject downlink peer greeting "A" # From peer, other-port, other-host or reflected:
//   inject uplink peer bytes "\xFF"   # name "A", greeting "A", rubbish byte-ff or bytes "...".
//   rebind 1                          # One of four addresses; the client begins with 0.
//
// In binary a text that is none of the script's own names is text operations before the one that
// uses it, three bytes in each but the last. Where they lie otherwise, or are used by nobody, they
// have lines of their own, 'text "abc"', and what uses them says so, as in greet text.
//
// parse_script(format_script(script)) == script. The other way round, comments, spaces and options
// that say what is meant anyway are not kept.
#pragma once

#include <string>
#include <string_view>

#include <lossy/harness/sim/script.hpp>
#include <lossy/harness/sim/script_lines.hpp>

namespace lossy {

// Throws ScriptError. A text may hold anything at all.
Script parse_script(std::string_view text);
std::string format_script(const Script& script);

}  // namespace lossy
