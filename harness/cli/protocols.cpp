#include <lossy/harness/cli/protocols.hpp>

#include <toml++/toml.h>
#include <exception>
#include <filesystem>
#include <optional>
#include <utility>

#include <lossy/core/check.hpp>
#include <lossy/harness/cli/scenario_format.hpp>
#include <lossy/harness/cli/script_file.hpp>

namespace lossy {
namespace {

std::vector<const Protocol*> all_protocols;

// The value of an option, as --name=VALUE or --name VALUE: of several the last.
std::optional<std::string> value_of(const std::vector<std::string>& words,
                                    const std::string& name) {
  std::optional<std::string> value;
  for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    if (words[i].starts_with(name + '=')) {
      value = words[i].substr(name.size() + 1);
    } else if (words[i] == name && i + 1 < words.size()) {
      value = words[i + 1];
    }
  }
  return value;
}

const Protocol& named_or_first(const std::optional<std::string>& name) {
  const Protocol* const found = name ? find_protocol(*name) : nullptr;
  return found == nullptr ? *protocols().front() : *found;
}

const Protocol& of_script_or_first(const std::string& path) {
  const Protocol* const found = protocol_of_script_file(path);
  return found == nullptr ? *protocols().front() : *found;
}

}  // namespace

void set_protocols(std::vector<const Protocol*> protocols) {
  check(!protocols.empty(), "set_protocols: there is none");
  all_protocols = std::move(protocols);
}

const std::vector<const Protocol*>& protocols() {
  return all_protocols;
}

const Protocol* find_protocol(std::string_view name) {
  for (const Protocol* protocol : protocols()) {
    if (protocol->name == name) return protocol;
  }
  return nullptr;
}

std::string no_such_protocol(const std::string& name) {
  std::string names;
  for (const Protocol* protocol : protocols()) {
    names += (names.empty() ? "" : ", ") + protocol->name;
  }
  return "there is no protocol '" + name + "'; there are " + names;
}

CLI::Option* add_protocol(CLI::App& app, std::string& name, const std::string& description) {
  return app.add_option("--protocol", name, description)
      ->type_name("NAME")
      ->check([](const std::string& given) {
        return find_protocol(given) == nullptr ? no_such_protocol(given) : std::string();
      });
}

Protocol::Describe description_of(const std::string& name) {
  const Protocol* const protocol = find_protocol(name);
  return protocol == nullptr ? Protocol::Describe() : protocol->describe;
}

const Protocol& protocol_of_scenario(const std::string& path) {
  std::string checked = path;
  if (!scenario_file()(checked).empty()) return *protocols().front();
  std::optional<std::string> name;
  try {
    const toml::table scenario = toml::parse_file(path);
    name = scenario["simulate"]["protocol"].value<std::string>();
    const auto script = scenario["simulate"]["script"].value<std::string>();
    if (!name && script)
      return of_script_or_first((std::filesystem::path(path).parent_path() / *script).string());
  } catch (const std::exception&) {
    return *protocols().front();
  }
  // Else the options of another one would be what is wrong.
  if (name && find_protocol(*name) == nullptr) {
    throw ScenarioError(path + ": " + no_such_protocol(*name));
  }
  return named_or_first(name);
}

const Protocol& protocol_of_words(const std::vector<std::string>& words) {
  if (const auto name = value_of(words, "--protocol")) return named_or_first(name);
  if (const auto script = value_of(words, "--script")) return of_script_or_first(*script);
  if (const auto scenario = value_of(words, "--config")) return protocol_of_scenario(*scenario);
  return *protocols().front();
}

}  // namespace lossy
