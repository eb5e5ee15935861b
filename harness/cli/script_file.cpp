#include <lossy/harness/cli/script_file.hpp>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <map>
#include <span>
#include <system_error>

#include <lossy/core/greeting/protocol.hpp>
#include <lossy/harness/cli/files.hpp>
#include <lossy/harness/cli/protocols.hpp>
#include <lossy/harness/link/scan.hpp>
#include <lossy/harness/sim/script_text.hpp>

namespace lossy {
namespace {

constexpr std::size_t kScriptBytesMax = std::max(Script::kBytesMax, kScriptTextBytesMax);

// What a pipe holds can be read once, and is asked for twice: whose script it is, and all of it.
std::string content_of(const std::string& path) {
  static std::map<std::string, std::string> of_pipes;
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored)) return read_file(path, kScriptBytesMax);
  const auto known = of_pipes.find(path);
  if (known != of_pipes.end()) return known->second;
  return of_pipes[path] = read_file(path, kScriptBytesMax);
}

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
  const std::string named = is_binary(content) ? std::string() : protocol_of_script(content);
  if (!named.empty() && find_protocol(named) == nullptr) throw TextError(no_such_protocol(named));
  if (!named.empty()) return {.network_script = parse_network_script(protocol, content)};
  if (&protocol != &greetings()) {
    throw TextError("it is a script of version 1, of greetings, and not of " + protocol.name);
  }
  if (!is_binary(content)) return {.script = parse_script(content)};
  return {.script = read_binary(content), .form = ScriptForm::kBinary};
}

}  // namespace

ScriptFile read_script(const std::string& path, const Protocol& protocol) {
  const std::string content = content_of(path);
  try {
    return script_in(content, protocol);
  } catch (const TextError& error) {
    throw TextError("'" + path + "': " + error.what());
  }
}

ScriptFile read_script_input(const std::string& path, const Protocol& protocol) {
  const bool is_of_greetings = &protocol == &greetings();
  const std::size_t bytes_max = is_of_greetings ? Script::kBytesMax : kInputBytesMax;
  const std::string content = read_bytes(path, kScriptBytesMax);
  const auto bytes = std::as_bytes(std::span(content));
  if (bytes.size() > bytes_max) {
    throw TextError("'" + path + "': an input has at most " + std::to_string(bytes_max) + " bytes");
  }
  if (is_of_greetings) return {.script = decode(bytes), .form = ScriptForm::kBinary};
  return {.network_script = decode_input(protocol, bytes), .form = ScriptForm::kBinary};
}

const Protocol* protocol_of_script_file(const std::string& path) {
  try {
    const std::string content = content_of(path);
    if (is_binary(content)) return nullptr;
    const std::string name = protocol_of_script(content);
    return name.empty() ? nullptr : find_protocol(name);
  } catch (const std::exception&) {
    return nullptr;
  }
}

}  // namespace lossy
