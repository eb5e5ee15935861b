// --record and what says how it is written.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <lossy/harness/capture/record_as.hpp>
#include <lossy/harness/capture/recording_writer.hpp>
#include <lossy/harness/cli/command_line.hpp>
#include <lossy/harness/cli/option.hpp>
#include <lossy/harness/report/recording_observer.hpp>

namespace lossy {

struct RecordOption {
  std::string file;  // Empty when nothing is recorded.
  std::optional<RecordAs> asked_for{};

  RecordAs as() const { return asked_for.value_or(RecordAs::kSll2); }
  bool is_pcapng() const { return is_pcapng_name(file); }
  // Where a file has a place for it, it says what became of each datagram.
  RecordingObserver::Fates fates() const {
    return is_pcapng() ? RecordingObserver::Fates::kInWords : RecordingObserver::Fates::kLeftOut;
  }
  // `again` is the command that gives the same once more, and `name` its subcommand. A file says
  // it, but for what it is called itself.
  RecordingOptions writing(const CommandLine& again, const std::string& name) const;
  // Adds the options to the group; `what` is what --record does.
  void add_to(CLI::App& app, const std::string& what, const std::string& group);
  // Refuses with a usage error what would do nothing.
  void check() const;
};

// --record-as=..., of those forms.
CLI::Option* add_record_as(CLI::App& app, std::optional<RecordAs>& as,
                           const std::vector<RecordAs>& forms, const std::string& description);

}  // namespace lossy
