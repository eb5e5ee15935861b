#include <lossy/harness/cli/script_file.hpp>

#include <algorithm>
#include <exception>
#include <span>

#include <lossy/core/greeting/protocol.hpp>
#include <lossy/harness/cli/files.hpp>
#include <lossy/harness/cli/protocols.hpp>
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
                    ", and the only one in binary that is known here is 1");
  }
  if (content.size() > Script::kBytesMax) {
    throw TextError("a script has at most " + std::to_string(Script::kBytesMax) + " bytes");
  }
  return decode(std::as_bytes(std::span(content)));
}

ScriptFile script_in(const std::string& content, const Protocol& protocol) {
  const bool is_of_greetings = is_binary(content) || protocol_of_script(content).empty();
  if (!is_of_greetings) {
    return {.network_script = parse_network_script(protocol, content)};
  }
  if (&protocol != &greetings()) {
    throw TextError("it is a script of version 1, of greetings, and not of " + protocol.name);
  }
  if (!is_binary(content)) return {.script = parse_script(content)};
  return {.script = read_binary(content), .form = ScriptForm::kBinary};
}

}  // namespace

ScriptFile read_script(const std::string& path, const Protocol& protocol) {
  const std::string content = read_file(path, kScriptBytesMax);
  try {
    return script_in(content, protocol);
  } catch (const TextError& error) {
    throw TextError("'" + path + "': " + error.what());
  }
}

ScriptFile read_script_input(const std::string& path, const Protocol& protocol) {
  const std::string content = read_file(path, kScriptBytesMax);
  const auto bytes = std::as_bytes(std::span(content));
  if (&protocol == &greetings()) return {.script = decode(bytes), .form = ScriptForm::kBinary};
  return {.network_script = decode_input(protocol, bytes), .form = ScriptForm::kBinary};
}

const Protocol* protocol_of_script_file(const std::string& path) {
  try {
    const std::string content = read_file(path, kScriptBytesMax);
    if (is_binary(content)) return nullptr;
    const std::string name = protocol_of_script(content);
    return name.empty() ? nullptr : find_protocol(name);
  } catch (const std::exception&) {
    return nullptr;
  }
}

}  // namespace lossy
