// --json and --json=FILE, wherever there is a result.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include <lossy/harness/capture/new_file.hpp>
#include <lossy/harness/cli/option.hpp>

namespace lossy {

// Where a result goes as JSON.
struct JsonOption {
  enum class To : std::uint8_t {
    kNowhere,
    kText,            // --json: in the place of the text.
    kStandardOutput,  // --json=-: the same, wherever the text would have gone.
    kFile,            // --json=FILE: beside the text.
  };

  // `what` is told by --help, as in "print the result as one JSON object". Of what a real clock
  // measured it tells that it stands under "timing", where there is such a thing.
  enum class Timing : std::uint8_t { kNone, kMeasured };
  CLI::Option* add_to(CLI::App& app, const std::string& what, Timing timing = Timing::kNone);

  bool is_wanted() const { return to != To::kNowhere; }
  bool replaces_text() const { return to == To::kText || to == To::kStandardOutput; }

  To to = To::kNowhere;
  std::string file;  // Empty when it goes to none.
};

// Writes it there. The operating system's refusals are thrown as std::system_error; standard
// output's are found as always, see output.hpp.
class JsonOutput {
 public:
  // Makes the file, so that one that cannot be made is refused before anything else is done.
  explicit JsonOutput(const JsonOption& option);

  // The only object, or the last one: a file has its name from then on. `otherwise` is where it
  // goes instead of to a file.
  void write_last(const nlohmann::ordered_json& json, std::FILE* otherwise = stdout);
  // One that others follow, each on a line of its own.
  void write(const nlohmann::ordered_json& json, std::FILE* otherwise = stdout);

 private:
  [[noreturn]] void refuse() const;

  std::optional<NewFile> file_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream_{nullptr, std::fclose};
};

}  // namespace lossy
