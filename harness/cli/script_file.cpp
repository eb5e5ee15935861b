#include <lossy/harness/cli/script_file.hpp>

#include <algorithm>
#include <span>

#include <lossy/harness/cli/files.hpp>
#include <lossy/harness/link/scan.hpp>
#include <lossy/harness/sim/script_text.hpp>

namespace lossy {
namespace {

constexpr std::size_t kScriptBytesMax = std::max(Script::kBytesMax, kScriptTextBytesMax);

bool is_binary(const std::string& content) {
  return !content.empty() && static_cast<unsigned char>(content.front()) < ' ' &&
         !is_space(content.front());
}

Script read_binary(const std::string& content) {
  const auto version = static_cast<unsigned char>(content.front());
  if (version != kScriptVersion) {
    throw TextError("it is a script of version " + std::to_string(version) +
                    ", and the only one that is known here is 1");
  }
  if (content.size() > Script::kBytesMax) {
    throw TextError("a script has at most " + std::to_string(Script::kBytesMax) + " bytes");
  }
  return decode(std::as_bytes(std::span(content)));
}

}  // namespace

ScriptFile read_script(const std::string& path) {
  const std::string content = read_file(path, kScriptBytesMax);
  try {
    if (is_binary(content)) return {read_binary(content), ScriptForm::kBinary};
    return {parse_script(content), ScriptForm::kText};
  } catch (const TextError& error) {
    throw TextError("'" + path + "': " + error.what());
  }
}

}  // namespace lossy
