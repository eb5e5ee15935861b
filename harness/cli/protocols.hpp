// Which protocols there are, and which one a command is about.
#pragma once

#include <CLI/CLI.hpp>
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
// "there is no protocol 'x'; there are greetings, tftp".
std::string no_such_protocol(const std::string& name);

// An option --protocol=NAME.
CLI::Option* add_protocol(CLI::App& app, std::string& name, const std::string& description);
// How datagrams of the protocol of that option read; nothing, where they are quoted.
Protocol::Describe description_of(const std::string& name);

// The one that a scenario or its script names; the first when it names none, or cannot be read:
// whoever reads it as a whole says why. Throws ScenarioError when there is none of that name.
const Protocol& protocol_of_scenario(const std::string& path);
// The one that --protocol names among the words of a command, or else the script of --script, or
// the scenario of --config.
const Protocol& protocol_of_words(const std::vector<std::string>& words);

}  // namespace lossy
