#include <lossy/harness/cli/fit_option.hpp>

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <utility>

#include <lossy/core/escape.hpp>
#include <lossy/harness/capture/new_file.hpp>
#include <lossy/harness/cli/table_files.hpp>
#include <lossy/harness/link/netem.hpp>

namespace lossy {
namespace {

constexpr const char* kWays[] = {"uplink", "downlink"};

FitOption parse(std::string_view text) {
  FitOption option;
  option.is_wanted = text != "false";
  if (text == "true" || text == "false") return option;  // What CLI11 gives for a flag.
  if (text.ends_with(".toml")) text.remove_suffix(5);
  if (text.empty()) throw TextError("the name is missing");
  option.name = text;
  check_table_path(option.name);  // The line names the table.
  return option;
}

std::string table_path(const std::string& name, std::size_t way) {
  return fmt::format("{}-{}.dist", name, kWays[way]);
}

// A basic string of TOML.
std::string toml_string(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::string names_of(const std::vector<std::string>& captures) {
  std::string names;
  for (const std::string& capture : captures) {
    names += (names.empty() ? "" : " and ") + escape_controls(capture);
  }
  return names;
}

// The table, written down, as it is read again; nothing where delays do not vary.
std::shared_ptr<const DelayTable> write_table(const FitReport& report, std::size_t way,
                                              const std::string& path) {
  const auto& delay = report.ways[way].delay;
  if (!delay || !delay->varies) return nullptr;
  const std::string about =
      fmt::format("Delays of {} datagrams, {}, from {}.\nIn units of 1/8192 of {}, around {}.",
                  delay->samples, kWays[way], names_of(report.captures),
                  format_duration(delay->table_jitter), format_duration(delay->table_delay));
  const std::string text = dist_text(*delay, about);
  NewFile(path).write_whole(text);
  return DelayTable::parse(text, path);
}

}  // namespace

CLI::Option* FitOption::add_to(CLI::App& app) {
  return add_parsed(app, "--fit", *this, parse,
                    "say which path would do what a recording shows, or two captures of its ends, "
                    "the client's first; or write that to NAME.toml and tables of delays, too",
                    "[=NAME]")
      ->expected(0);
}

std::vector<NamedFile> FitOption::files() const {
  if (name.empty()) return {};
  return {
      {"--fit", name + ".toml"}, {"--fit", table_path(name, 0)}, {"--fit", table_path(name, 1)}};
}

FitReport fit_paths(const std::vector<std::string>& captures,
                    const std::array<LoggedPath, 2>& paths, const FitOption& option) {
  FitReport report{.captures = captures, .ends = {}, .ways = {}, .lines = {}, .written = {}};
  std::string scenario = fmt::format(
      "# The path that would do what {} shows, as lossy inspect --fit has it.\n\n[simulate]\n",
      names_of(captures));
  for (std::size_t way = 0; way < paths.size(); ++way) {
    report.ways[way] = fit_path(paths[way]);
    if (report.ways[way].sent == 0) continue;
    std::shared_ptr<const DelayTable> table;
    if (!option.name.empty()) {
      const std::string path = table_path(option.name, way);
      table = write_table(report, way, path);
      if (table) report.written.push_back(path);
    }
    report.lines[way] = format_netem(fitted_settings(report.ways[way], table));
    // Beside the scenario, which names it so.
    if (table)
      table = DelayTable::parse(dist_text(*report.ways[way].delay, ""),
                                std::filesystem::path(table->name()).filename().string());
    scenario += fmt::format("{} = {}\n", kWays[way],
                            toml_string(format_netem(fitted_settings(report.ways[way], table))));
  }
  if (!option.name.empty()) {
    NewFile(option.name + ".toml").write_whole(scenario);
    report.written.insert(report.written.begin(), option.name + ".toml");
  }
  return report;
}

}  // namespace lossy
