#include <lossy/harness/cli/golden_command.hpp>

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <lossy/core/counted.hpp>
#include <lossy/core/escape.hpp>
#include <lossy/harness/cli/exit_code.hpp>
#include <lossy/harness/cli/files.hpp>
#include <lossy/harness/cli/golden_folder.hpp>
#include <lossy/harness/cli/json_output.hpp>
#include <lossy/harness/cli/recorded_run.hpp>

namespace lossy {
namespace {

struct GoldenCommandOptions {
  std::string folder;
  bool accept = false;
  std::string accept_name;  // Empty: all of them.
  JsonOption json;
};

// CI services set CI=true. To say that this is none there are CI=false and an empty CI.
bool is_ci() {
  const char* const value = std::getenv("CI");
  const std::string_view text = value == nullptr ? "" : value;
  return !text.empty() && text != "false" && text != "0";
}

class GoldenCheck {
 public:
  GoldenCheck(const GoldenCommandOptions& options, const std::string& program)
      : options_(options), program_(program), folder_(options.folder), json_(checked(options)) {
    if (folder_.scenarios().empty()) {
      throw CannotTry("'" + options.folder + "' has no scenario: no file NAME.toml");
    }
    if (!options.accept_name.empty() && !folder_.has(options.accept_name)) {
      throw CannotTry("--accept: there is no scenario '" +
                      folder_.scenario_path(options.accept_name) + "'");
    }
  }

  int run() {
    for (const std::string& name : folder_.scenarios()) {
      const bool accept =
          options_.accept && (options_.accept_name.empty() || options_.accept_name == name);
      const GoldenResult result = folder_.check(name, accept);
      acceptable_ = acceptable_ || !result.left.empty();
      ++counts_[static_cast<std::size_t>(result.status)];
      if (options_.json.is_wanted()) add_json(name, result);
      if (!options_.json.replaces_text()) print(name, result);
    }
    const std::vector<std::string> strays = folder_.strays();
    if (!options_.json.replaces_text()) {
      for (const std::string& path : strays) {
        fmt::print("{}: belongs to no scenario\n", escape_controls(path));
      }
      print_summary(strays.size());
    }
    if (options_.json.is_wanted()) write_json(strays);
    return judge(!strays.empty());
  }

 private:
  // What the folder holds is not written over.
  const JsonOption& checked(const GoldenCommandOptions& options) const {
    std::vector<NamedFile> read;
    for (const std::string& name : folder_.scenarios()) {
      read.push_back({"a scenario", folder_.scenario_path(name)});
      read.push_back({"a golden", folder_.golden_path(name)});
      read.push_back({"what a scenario gives", folder_.new_path(name)});
    }
    for (const std::string& path : folder_.strays()) read.push_back({"a capture", path});
    refuse_overwriting({{"--json", options.json.file}}, read);
    return options.json;
  }

  std::uint64_t count(GoldenStatus status) const {
    return counts_[static_cast<std::size_t>(status)];
  }

  void print(const std::string& name, const GoldenResult& result) {
    const std::string golden = escape_controls(folder_.golden_path(name));
    const std::string left = escape_controls(result.left);
    switch (result.status) {
      case GoldenStatus::kHolds:
        return;
      case GoldenStatus::kDiffers:
        // Of a run that broke a property none is left.
        if (left.empty()) return fmt::print("{}\n", result.explanation);
        return fmt::print("{}what this run gave is in {}\n\n", result.explanation, left);
      case GoldenStatus::kMissing:
        return fmt::print("{}: is missing; what its scenario gives is in {}\n", golden, left);
      case GoldenStatus::kAccepted:
        return fmt::print("{}: is now what its scenario gives\n", golden);
      case GoldenStatus::kNotTried:
        return fmt::print(stderr, "lossy: {}\n", result.explanation);
    }
  }

  void add_json(const std::string& name, const GoldenResult& result) {
    nlohmann::ordered_json json{{"name", name},
                                {"scenario", folder_.scenario_path(name)},
                                {"golden", folder_.golden_path(name)},
                                {"status", to_string(result.status)}};
    if (result.status == GoldenStatus::kDiffers) json["difference"] = result.explanation;
    if (result.status == GoldenStatus::kNotTried) json["reason"] = result.explanation;
    if (!result.left.empty()) json["new"] = result.left;
    scenarios_.push_back(std::move(json));
  }

  void write_json(const std::vector<std::string>& strays) {
    nlohmann::ordered_json json{
        {"command", "golden"}, {"folder", options_.folder}, {"ci", is_ci()}};
    for (std::size_t i = 0; i < kGoldenStatusCount; ++i) {
      json[std::string(to_string(static_cast<GoldenStatus>(i)))] = counts_[i];
    }
    json["scenarios"] = std::move(scenarios_);
    json["without_scenario"] = strays;
    json_.write_last(json);
  }

  void print_summary(std::size_t strays) const {
    const std::size_t scenarios = folder_.scenarios().size();
    std::string text = counted(scenarios, "scenario") + ": " +
                       counted(count(GoldenStatus::kHolds), "holds", "hold");
    const auto add = [&](GoldenStatus status, const char* one, const char* more) {
      if (count(status) > 0) text += ", " + counted(count(status), one, more);
    };
    add(GoldenStatus::kAccepted, "accepted", "accepted");
    add(GoldenStatus::kDiffers, "differs", "differ");
    add(GoldenStatus::kMissing, "missing", "missing");
    add(GoldenStatus::kNotTried, "could not be tried", "could not be tried");
    if (strays > 0) {
      text += fmt::format("; {} of no scenario", counted(strays, "capture"));
    }
    fmt::print("{}\n", text);
  }

  int judge(bool strays) const {
    const bool differ = count(GoldenStatus::kDiffers) + count(GoldenStatus::kMissing) > 0;
    const bool tried = count(GoldenStatus::kNotTried) == 0;
    if (!differ && !strays && tried) return kHolds;
    // A folder's name may begin as an option does.
    const std::string again =
        shell_quoted(program_) + " golden " +
        shell_quoted((options_.folder.starts_with('-') ? "./" : "") + options_.folder);
    if (acceptable_ && !is_ci()) {
      fmt::print(stderr, "lossy: to accept what this run gave: {} --accept\n", again);
    }
    fmt::print(stderr, "lossy: to see it again: {}\n", again);
    return differ || strays ? kDoesNotHold : kCouldNotTry;
  }

  const GoldenCommandOptions& options_;
  const std::string program_;
  const GoldenFolder folder_;
  JsonOutput json_;
  std::array<std::uint64_t, kGoldenStatusCount> counts_{};
  bool acceptable_ =
      false;  // A run left what could be a golden; one that broke a property does not.
  nlohmann::ordered_json scenarios_ = nlohmann::ordered_json::array();
};

int golden(const GoldenCommandOptions& options, const std::string& program) {
  try {
    return GoldenCheck(options, program).run();
  } catch (const RunInterrupted& interrupted) {
    fmt::print(stderr, "lossy: interrupted\n");
    return 128 + interrupted.signal;  // As a shell says it.
  }
}

}  // namespace

void add_golden_command(CLI::App& app, const CommandLine& command_line,
                        std::function<int()>& command) {
  auto options = std::make_shared<GoldenCommandOptions>();
  CLI::App* golden_app =
      app.add_subcommand("golden", "Hold every scenario of a folder against its golden capture.");
  add_path(*golden_app, "folder", options->folder, "scenarios NAME.toml, and their NAME.pcap",
           "DIR");
  CLI::Option* const accept =
      golden_app
          ->add_option("--accept", options->accept_name,
                       "what the scenario NAME gives is its golden from now on; without a name, "
                       "what each of them gives")
          ->expected(0, 1)
          ->type_name("[=NAME]");
  options->json.add_to(*golden_app, "print the results as one JSON object");
  golden_app->footer(
      "A golden differs from its scenario, is missing, or is a capture without a scenario: exit\n"
      "code 1. What the scenario gives instead is left in NAME.new.pcap until the golden holds\n"
      "again, and nothing else is written. --accept makes it the golden, and what was missing.\n"
      "With CI=true in the environment --accept is refused. Folders in the folder are left alone.\n"
      "Exit code 2 when a scenario could not be tried, or there is none.\n"
      "Examples:\n"
      "  lossy golden captures\n"
      "  lossy golden captures --accept=drop");
  golden_app->callback([options, accept, &command_line, &command] {
    options->accept = accept->count() > 0;
    if (options->folder.empty()) {
      throw usage_error("DIR", options->accept_name.empty()
                                   ? "it is required: which folder?"
                                   : "it is required; in front of --accept, which takes what "
                                     "follows it for a name");
    }
    if (options->accept && is_ci()) {
      throw usage_error("--accept",
                        "not with CI=" + std::string(std::getenv("CI")) +
                            " in the environment: nobody would look at what it accepts");
    }
    command = [options, &command_line] { return golden(*options, command_line.program()); };
  });
}

}  // namespace lossy
