#include <lossy/harness/cli/golden_verdict.hpp>
#include <lossy/harness/cli/script_run.hpp>

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <utility>

#include <lossy/core/escape.hpp>
#include <lossy/core/greeting/protocol.hpp>
#include <lossy/harness/capture/golden.hpp>
#include <lossy/harness/capture/recording_writer.hpp>
#include <lossy/harness/cli/exit_code.hpp>
#include <lossy/harness/cli/output.hpp>
#include <lossy/harness/cli/report_file.hpp>
#include <lossy/harness/cli/run_report.hpp>
#include <lossy/harness/cli/terminal.hpp>
#include <lossy/harness/report/recording_observer.hpp>
#include <lossy/harness/report/summary.hpp>
#include <lossy/harness/sim/properties.hpp>
#include <lossy/harness/sim/scripted_run.hpp>

namespace lossy {
namespace {

std::string words_of(const PropertyViolation& violation) {
  return fmt::format("a property of the protocol does not hold: {}", violation.what());
}

Foreseen foresee(const Script& script) {
  Foreseen foreseen;
  LossWatcher watcher;
  const auto run = std::make_unique<ScriptedRun>();
  run->observe(watcher);
  try {
    run->run(script);
  } catch (const PropertyViolation&) {
    foreseen.breaks_a_property = true;
  }
  foreseen.lost = watcher.lost();
  return foreseen;
}

class ScriptCommandRun {
 public:
  ScriptCommandRun(const RunOptions& options, const CommandLine& command_line)
      : options_(options),
        command_line_(command_line),
        json_(options.json),
        ladder_(ladder_on(options.json.replaces_text() ? stderr : stdout)),
        // Frames say how the run ended, and what became of them, before it is known.
        foreseen_(foresee(*options.scenario.script())),
        recorder_(foreseen_.breaks_a_property ? kBrokenMark : kRecordingMark),
        recording_(recorder_, options.record.fates(), foreseen_.lost),
        run_(std::make_unique<ScriptedRun>()) {
    run_->on_event([this](const ClientEvent& event) { on_event(event); });
    if (options.trace) run_->observe(ladder_);
    if (!options.report.empty()) {
      report_file_.emplace(options.report);
      run_->observe(collector_);
    }
    if (!options.record.file.empty()) {
      recorder_.add(
          writer_.emplace(options.record.file, options.record.writing(command_line, "simulate")));
    }
    if (!options.golden.empty()) {
      auto opened = PcapReader::open(options.golden);
      if (const auto* error = std::get_if<CaptureError>(&opened)) throw CannotTry(error->text);
      recorder_.add(golden_.emplace(std::get<PcapReader>(std::move(opened))));
    }
    if (recorder_.has_sinks()) run_->observe(recording_);
  }

  int run() {
    const auto start = std::chrono::steady_clock::now();
    std::optional<std::string> broken;
    try {
      run_->run(*options_.scenario.script());
    } catch (const PropertyViolation& violation) {
      broken = words_of(violation);  // What was recorded until then shows how it came to that.
    }
    recorder_.finish();
    const RunReport result =
        report(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - start));
    if (report_file_) {
      report_file_->add(page_run(result, collector_, {}));
      report_file_->write(page_head(result));
    }
    if (!options_.json.replaces_text()) {
      fmt::print("{}{}", options_.trace ? "\n" : "", summary_text(result));
    }
    if (options_.json.is_wanted()) {
      auto json = summary_json(result);
      if (golden_) json["golden"] = golden_json(*golden_, options_.golden);
      json_.write_last(json);
    }
    if (broken) {
      fmt::print(stderr, "lossy: {}\nlossy: the same run again: {}\n", *broken,
                 command_line_.text());
      return kDoesNotHold;
    }
    return golden_ ? judge_golden(*golden_, options_.golden, command_line_.text(),
                                  options_.json.replaces_text())
                   : kHolds;
  }

 private:
  void on_event(const ClientEvent& event) {
    result_.attempts += static_cast<std::uint64_t>(event.attempts);
    if (event.kind == ClientEvent::Kind::kGaveUp) {
      ++result_.gave_up;
    } else {
      ++result_.greeted;
      if (event.attempts == 1) result_.rtt.add(event.elapsed);
    }
    if (options_.trace) ladder_.on_event(told(event));
    check_output();
    if (report_file_) collector_.on_event(told(event));
  }

  RunReport report(Duration wall_time) const {
    RunReport report{.command = "simulate",
                     .seed = {},
                     .call = greetings().call,
                     .figures = greeting_figures(run_->requests(), result_, run_->client_counters(),
                                                 run_->server_counters()),
                     .uplink = run_->link_counters(Direction::kUplink),
                     .downlink = run_->link_counters(Direction::kDownlink),
                     .virtual_time = run_->elapsed(),
                     .wall_time = wall_time,
                     .reproduce = command_line_.text()};
    if (const std::size_t idle = run_->idle_operations(); idle > 0) {
      report.notes.push_back(idle_note(idle, options_.scenario.script()->operations.size()));
    }
    return report;
  }

  const RunOptions& options_;
  const CommandLine& command_line_;
  JsonOutput json_;
  Ladder ladder_;
  const Foreseen foreseen_;
  Recorder recorder_;
  std::optional<RecordingWriter> writer_;
  std::optional<GoldenComparer> golden_;
  RecordingObserver recording_;
  std::optional<ReportFile> report_file_;
  PageCollector collector_{PageCollector::Ends::kTold};
  std::unique_ptr<ScriptedRun> run_;
  GreeterResult result_;
};

}  // namespace

int simulate_script(const RunOptions& options, const CommandLine& command_line) {
  return ScriptCommandRun(options, command_line).run();
}

std::optional<std::string> record_script(const Script& script, RecordingSink& sink,
                                         Observer* observer) {
  Recorder recorder;
  recorder.add(sink);
  RecordingObserver recording(recorder);
  const auto run = std::make_unique<ScriptedRun>();
  run->observe(recording);
  if (observer != nullptr) run->observe(*observer);
  std::optional<std::string> broken;
  try {
    run->run(script);
  } catch (const PropertyViolation& violation) {
    broken = words_of(violation);
  }
  if (!broken) recorder.finish();
  return broken;
}

}  // namespace lossy
