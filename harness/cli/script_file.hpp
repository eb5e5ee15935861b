// Scripts in files, as text or in binary.
#pragma once

#include <cstdint>
#include <string>

#include <lossy/harness/sim/script.hpp>

namespace lossy {

enum class ScriptForm : std::uint8_t { kText, kBinary };

struct ScriptFile {
  Script script;
  ScriptForm form = ScriptForm::kText;
};

// What is in the file at `path`, whichever it is: in binary the first byte is a version, and a text
// does not begin with a control character. Throws std::system_error when it cannot be read, and
// TextError when it is no script.
ScriptFile read_script(const std::string& path);

}  // namespace lossy
