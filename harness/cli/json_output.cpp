#include <lossy/harness/cli/json_output.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <system_error>

#include <lossy/harness/cli/files.hpp>
#include <lossy/harness/report/json_text.hpp>

namespace lossy {
namespace {

// What CLI11 gives for a flag without a value, and what a scenario may say.
JsonOption parse(std::string_view text) {
  if (text == "true") return {JsonOption::To::kText, {}};
  if (text == "false") return {};
  if (is_standard_output(text)) return {JsonOption::To::kStandardOutput, {}};
  return {JsonOption::To::kFile, std::string(text)};
}

}  // namespace

CLI::Option* JsonOption::add_to(CLI::App& app, const std::string& what, Timing timing) {
  const char* const measured =
      timing == Timing::kMeasured
          ? "; \"timing\" in it is what a real clock measured, and no run has again"
          : "";
  return add_parsed(app, "--json", *this, parse,
                    what + " instead of text; or write that to FILE, beside the text" + measured,
                    "[=FILE]")
      ->expected(0);
}

JsonOutput::JsonOutput(const JsonOption& option) {
  if (option.file.empty()) return;
  file_.emplace(option.file);
  stream_.reset(::fdopen(file_->take_descriptor(), "w"));
  if (!stream_) refuse();
}

void JsonOutput::refuse() const {
  throw std::system_error(errno, std::generic_category(), "cannot write '" + file_->path() + "'");
}

void JsonOutput::write(const nlohmann::ordered_json& json, std::FILE* otherwise) {
  const std::string line = json_text(json) + '\n';
  if (!file_) return fmt::print(otherwise, "{}", line);
  // A line at a time, for whoever reads along through a pipe.
  if (std::fputs(line.c_str(), stream_.get()) < 0 || std::fflush(stream_.get()) != 0) refuse();
}

void JsonOutput::write_last(const nlohmann::ordered_json& json, std::FILE* otherwise) {
  write(json, otherwise);
  if (!file_) return;
  if (std::fclose(stream_.release()) != 0) refuse();
  file_->commit();
}

}  // namespace lossy
