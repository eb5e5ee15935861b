#include <lossy/harness/cli/scenario_format.hpp>

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <iterator>
#include <optional>

#include <lossy/core/check.hpp>
#include <lossy/harness/cli/option.hpp>
#include <lossy/harness/cli/table_files.hpp>
#include <lossy/harness/link/text.hpp>

namespace lossy {
namespace {

constexpr std::uintmax_t kScenarioBytesMax = 64 * 1024;

namespace fs = std::filesystem;

std::string beside(const fs::path& folder, const std::string& file) {
  return (folder / file).lexically_normal().string();
}

// With its point, and without an exponent: "1.0", "0.00001".
std::string decimal(double number) {
  std::array<char, 400> buffer;  // The smallest number has 324 decimals, the largest 309 digits.
  const auto [end, error] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, std::chars_format::fixed);
  check(error == std::errc(), "decimal: a double is longer than it can be");
  const std::string text(buffer.data(), end);
  return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
}

// A value as somebody would have typed it, or nothing where no option takes such a one.
std::optional<std::string> typed(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* number = node.as_floating_point()) return decimal(number->get());
  return std::nullopt;
}

// Why a value is none for the option, or nothing when it may be one.
std::string misfit(const CLI::Option& option, const toml::node& node) {
  const bool flag = option.get_items_expected_max() == 0;
  if (flag && node.is_boolean()) return {};
  if (flag && option.get_type_name().empty()) return "it is true or false";
  const toml::array* const list = node.as_array();
  if (list == nullptr) return typed(node) ? "" : "its value is a text or a number";
  if (option.get_items_expected_max() <= 1) return "it has one value, and no list of them";
  const bool texts = !list->empty() && std::ranges::all_of(*list, [](const toml::node& one) {
    return typed(one).has_value();
  });
  return texts ? "" : "its values are texts or numbers, one at least";
}

std::vector<std::string> values_of(const toml::node& node) {
  if (const auto* flag = node.as_boolean()) return {flag->get() ? "true" : "false"};
  if (const auto text = typed(node)) return {*text};
  std::vector<std::string> values;
  for (const toml::node& one : *node.as_array()) values.push_back(*typed(one));
  return values;
}

// Whether a word of a line names a file, as DiskTables has it; a trace always is one.
bool is_file(const std::string& before, const std::string& word) {
  return before == "trace" || (before == "distribution" && is_table_path(word));
}

// It stays a file's name, even in the scenario's own folder.
std::string table_beside(const fs::path& folder, const std::string& file) {
  const std::string path = beside(folder, file);
  return is_table_path(path) ? path : "./" + path;
}

// A line, or a timeline of lines, whose tables and traces lie beside.
std::string line_beside(const fs::path& folder, const std::string& line) {
  std::string text;
  std::string before;
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t end = std::min(line.find_first_of(" \t;", at), line.size());
    const std::string word = line.substr(at, end - at);
    text += is_file(before, word) ? table_beside(folder, word) : word;
    if (!word.empty()) before = word;
    if (end < line.size()) text += line[end];
    at = end + 1;
  }
  return text;
}

const CLI::Option& option_of(const CLI::App& command, const std::string& name) {
  const CLI::Option* option = command.get_option_no_throw("--" + name);
  if (option == nullptr) option = command.get_option_no_throw(name);
  if (option != nullptr && option->get_configurable()) return *option;
  throw TextError("there is no option '" + name + "'");
}

// What the option is given.
std::vector<std::string> inputs_of(const CLI::Option& option, const std::string& name,
                                   const toml::node& value, const fs::path& folder) {
  if (const std::string why = misfit(option, value); !why.empty()) {
    throw TextError(name + ": " + why);
  }
  std::vector<std::string> inputs = values_of(value);
  for (std::string& text : inputs) {
    if (text.empty() && option.nonpositional()) throw TextError(name + ": its value is missing");
    // CLI11 would take it for a list.
    if (text.starts_with('[') && text.ends_with(']')) {
      throw TextError("a name must not be in brackets");
    }
    if (name == "script") text = beside(folder, text);
    const std::string last = name.substr(name.rfind('-') + 1);  // Behind "uplink-", say.
    if (last == "netem" || last == "uplink" || last == "downlink" || last == "timeline") {
      text = line_beside(folder, text);
    }
    if (is_file(last, text)) text = table_beside(folder, text);
    if (name == "faults" && text.starts_with('@')) text = '@' + beside(folder, text.substr(1));
  }
  return inputs;
}

toml::table parse(std::istream& input, const std::string& path) {
  const std::string text{std::istreambuf_iterator<char>(input), {}};
  try {
    return toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    throw ScenarioError(
        fmt::format("{}:{}: it is not TOML: {} (texts stand in quotes, as in "
                    "drop = \"10%\")",
                    path, error.source().begin.line, error.description()));
  }
}

}  // namespace

std::string ScenarioFormat::path() const {
  return app_.get_config_ptr()->as<std::string>();
}

std::string ScenarioFormat::at(std::uint32_t line) const {
  return fmt::format("{}:{}: ", path(), line);
}

const CLI::App& ScenarioFormat::command() const {
  const auto used = app_.get_subcommands();
  if (used.empty()) return *app_.get_subcommand("simulate");  // What is missing is said later.
  const std::string& name = used.front()->get_name();
  if (name != "simulate" && name != "loopback") {
    throw usage_error("--config", "a scenario is for lossy simulate or lossy loopback");
  }
  return *used.front();
}

std::vector<CLI::ConfigItem> ScenarioFormat::from_config(std::istream& input) const {
  const CLI::App& command = this->command();
  const fs::path folder = fs::path(path()).parent_path();
  const toml::table file = parse(input, path());
  std::vector<CLI::ConfigItem> given;
  for (const auto& [section, content] : file) {
    const std::string where = at(content.source().begin.line);
    if (!content.is_table()) {
      throw ScenarioError(fmt::format("{}'{}' does not stand in [simulate]", where, section.str()));
    }
    if (section != "simulate") {
      throw ScenarioError(
          fmt::format("{}a scenario has [simulate], and not [{}]", where, section.str()));
    }
    for (const auto& [key, value] : *content.as_table()) {
      const std::string name(key.str());
      const std::uint32_t line = value.source().begin.line;
      try {
        const CLI::Option& option = option_of(command, name);
        given.push_back({.parents = {command.get_name()},
                         .name = name,
                         .inputs = inputs_of(option, name, value, folder)});
        if (option.count() == 0) lines_[name] = line;  // Else what was typed counts.
      } catch (const TextError& error) {
        throw ScenarioError(at(line) + error.what());
      }
    }
  }
  return given;
}

std::string ScenarioFormat::placed(const std::string& complaint) const {
  std::string name = complaint.substr(0, complaint.find(": "));
  if (name.starts_with("--")) name.erase(0, 2);
  const auto line = lines_.find(name == "NAMES" ? "names" : name);
  return line == lines_.end() ? complaint : at(line->second) + complaint;
}

CLI::Validator scenario_file() {
  return {[](std::string& path) -> std::string {
            std::error_code error;
            const auto status = std::filesystem::status(path, error);
            if (!std::filesystem::exists(status)) return "there is no file '" + path + "'";
            if (!std::filesystem::is_regular_file(status)) return "'" + path + "' is not a file";
            // Far more than any scenario has, and little for what reads it.
            if (std::filesystem::file_size(path, error) > kScenarioBytesMax) {
              return "'" + path + "' is larger than 64 KiB, which no scenario is";
            }
            try {
              read_file(path);
            } catch (const std::system_error& refused) {
              return refused.what();
            }
            return {};
          },
          {}};
}

}  // namespace lossy
