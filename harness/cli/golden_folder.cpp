#include <lossy/harness/cli/golden_folder.hpp>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <variant>

#include <lossy/core/escape.hpp>
#include <lossy/harness/capture/golden.hpp>
#include <lossy/harness/capture/recording_writer.hpp>
#include <lossy/harness/cli/exit_code.hpp>
#include <lossy/harness/cli/recorded_run.hpp>
#include <lossy/harness/cli/scenario_format.hpp>
#include <lossy/harness/cli/simulate_command.hpp>

namespace lossy {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNew = ".new";

// The name of a file without the ending, or nothing when it has another one.
std::string name_with(const fs::path& file, const char* ending) {
  return file.extension() == ending ? file.stem().string() : std::string();
}

// Whether there is a golden. What is no file cannot become one.
bool is_there(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return false;
  if (!fs::is_regular_file(status)) throw CannotTry("'" + path + "' is not a file");
  return true;
}

// A link of that name is removed, and not what it leads to.
void remove_if_there(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    throw std::system_error(errno, std::generic_category(), "cannot remove '" + path + "'");
  }
}

// A seed that is drawn anew for each run makes each another one.
Scenario read_repeatable(const std::string& path) {
  Scenario scenario = read_scenario(path);
  const Scenario again = read_scenario(path);
  for (const Direction direction : {Direction::kUplink, Direction::kDownlink}) {
    if (scenario.path().seed(direction) != again.path().seed(direction)) {
      throw CannotTry("its seed is random, so that no two runs are the same");
    }
  }
  return scenario;
}

}  // namespace

std::string_view to_string(GoldenStatus status) {
  switch (status) {
    case GoldenStatus::kHolds:
      return "holds";
    case GoldenStatus::kDiffers:
      return "differs";
    case GoldenStatus::kMissing:
      return "missing";
    case GoldenStatus::kAccepted:
      return "accepted";
    case GoldenStatus::kNotTried:
      break;
  }
  return "not_tried";
}

GoldenFolder::GoldenFolder(const std::string& path) : path_(path) {
  std::error_code error;
  fs::directory_iterator file(path, error);
  while (!error && file != fs::directory_iterator()) {
    const fs::path name = file->path().filename();
    if (auto scenario = name_with(name, ".toml"); !scenario.empty()) {
      scenarios_.push_back(std::move(scenario));
    } else if (auto capture = name_with(name, ".pcap"); !capture.empty()) {
      captures_.push_back(std::move(capture));
    }
    file.increment(error);
  }
  if (error) throw std::system_error(error, "cannot read '" + path + "'");
  std::ranges::sort(scenarios_);
  std::ranges::sort(captures_);
}

bool GoldenFolder::has(const std::string& name) const {
  return std::ranges::binary_search(scenarios_, name);
}

std::vector<std::string> GoldenFolder::strays() const {
  std::vector<std::string> paths;
  for (const std::string& capture : captures_) {
    const bool is_new = capture.ends_with(kNew);
    if (has(capture) || (is_new && has(capture.substr(0, capture.size() - kNew.size())))) continue;
    paths.push_back(golden_path(capture));
  }
  return paths;
}

std::string GoldenFolder::beside(const std::string& name, const char* ending) const {
  return (fs::path(path_) / (name + ending)).string();
}

GoldenResult GoldenFolder::check(const std::string& name, bool accept) const {
  try {
    return try_check(name, accept);
  } catch (const ScenarioError& error) {
    return {GoldenStatus::kNotTried, escape_controls(error.what()), {}};
  } catch (const std::exception& error) {
    // The disk is full, say: the next one may be fine.
    return {
        GoldenStatus::kNotTried, escape_controls(scenario_path(name) + ": " + error.what()), {}};
  }
}

GoldenResult GoldenFolder::try_check(const std::string& name, bool accept) const {
  if (name.ends_with(kNew)) {
    throw CannotTry("its golden would be taken for what another run left; call it otherwise");
  }
  const Scenario scenario = read_repeatable(scenario_path(name));
  GoldenResult result{GoldenStatus::kMissing, {}, {}};
  if (is_there(golden_path(name))) {
    auto opened = PcapReader::open(golden_path(name));
    std::optional<CaptureError> error;
    if (auto* const reader = std::get_if<PcapReader>(&opened)) {
      GoldenComparer comparer(std::move(*reader), GoldenMatch::kTimeAndBytes,
                              scenario.protocol().describe);
      const auto broken = record_run(scenario, scenario_path(name), comparer);
      if (broken) {
        const std::string why = escape_controls(golden_path(name)) + ": " + *broken + '\n';
        return {GoldenStatus::kDiffers, why, {}};
      }
      if (comparer.same()) {
        remove_if_there(new_path(name));
        return {GoldenStatus::kHolds, {}, {}};
      }
      error = comparer.error();
      result = {GoldenStatus::kDiffers, comparer.explanation(), {}};
    } else {
      error = std::get<CaptureError>(opened);
    }
    if (error && !accept) return {GoldenStatus::kNotTried, error->text, {}};
  }
  remove_if_there(new_path(name));
  RecordingWriter writer(accept ? golden_path(name) : new_path(name));
  if (const auto broken = record_run(scenario, scenario_path(name), writer))
    throw CannotTry(*broken);
  if (accept) return {GoldenStatus::kAccepted, {}, {}};
  result.left = new_path(name);
  return result;
}

}  // namespace lossy
