// Which protocols there are, and which one a command is about.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <lossy/core/protocol.hpp>

namespace lossy {

// Those of this program, before anything asks for them: one at least, which must outlive that.
void set_protocols(std::vector<const Protocol*> protocols);
// The first is meant where none is named.
const std::vector<const Protocol*>& protocols();
// Nothing when there is none of that name.
const Protocol* find_protocol(std::string_view name);
// "greetings, tftp".
std::string protocol_names();

// The one that a scenario names; the first when it names none, or cannot be read: whoever reads it
// as a whole says why.
const Protocol& protocol_of_scenario(const std::string& path);
// The one that --protocol names among the words of a command, or else the scenario of --config.
const Protocol& protocol_of_words(const std::vector<std::string>& words);

}  // namespace lossy
