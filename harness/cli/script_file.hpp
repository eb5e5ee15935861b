// Scripts in files: those of greetings as text or in binary, those of any protocol as text or as an
// input of its fuzz target.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <lossy/core/protocol.hpp>
#include <lossy/harness/sim/network_script.hpp>
#include <lossy/harness/sim/script.hpp>

namespace lossy {

enum class ScriptForm : std::uint8_t { kText, kBinary };

// One of the two.
struct ScriptFile {
  std::optional<Script> script{};
  std::optional<NetworkScript> network_script{};
  ScriptForm form = ScriptForm::kText;
};

// What is in the file at `path`. In binary the first byte is a version, and a text does not begin
// with a control character; but an input may be any bytes, and is what somebody says is one. Throws
// std::system_error when it cannot be read, and TextError when it is no script of the protocol.
ScriptFile read_script(const std::string& path, const Protocol& protocol);
ScriptFile read_script_input(const std::string& path, const Protocol& protocol);

// The protocol that the script at `path` names. Nothing when it names none that is here, or cannot
// be read: whoever reads it as a whole says why.
const Protocol* protocol_of_script_file(const std::string& path);

}  // namespace lossy
