#include <lossy/harness/cli/recorded_run.hpp>

#include <memory>
#include <utility>
#include <variant>

#include <lossy/core/escape.hpp>
#include <lossy/harness/capture/golden.hpp>
#include <lossy/harness/cli/command_line.hpp>
#include <lossy/harness/cli/protocol_run.hpp>
#include <lossy/harness/cli/script_run.hpp>
#include <lossy/harness/cli/simulate_command.hpp>
#include <lossy/harness/report/recording_observer.hpp>

namespace lossy {
namespace {

// Whether the recording, which can be read, shows a run in which a property did not hold.
bool shows_a_broken_property(const std::string& capture) {
  auto opened = PcapReader::open(capture);
  auto* const reader = std::get_if<PcapReader>(&opened);
  if (reader == nullptr) return false;
  const std::optional<CaptureRecord> record = reader->next();
  if (!record) return false;
  const auto decoded = decode_record(*record);
  const auto* const frame = std::get_if<Frame>(&decoded);
  return frame != nullptr && recorded_by(*frame) == RecordedBy::kBrokenRun;
}

// Counts what the endpoints sent and received.
class Counter final : public Observer {
 public:
  explicit Counter(ReplayResult& result) : result_(result) {}
  void on_offered(Instant, const Passage&, const Offer&) override { ++result_.sent; }
  void on_delivered(Instant, const Passage&, const Delivery&) override { ++result_.received; }

 private:
  ReplayResult& result_;
};

}  // namespace

std::optional<std::string> record_run(const Scenario& scenario, const std::string& path,
                                      RecordingSink& sink, Observer* observer) {
  if (scenario.script()) return record_script(*scenario.script(), sink, observer);
  Recorder recorder;
  recorder.add(sink);
  RecordingObserver recording(recorder);
  const auto run = protocol_run(scenario);
  PropertyCheck check(scenario.protocol().properties, *run);
  const auto network = simulated_network(*run, scenario);
  network->observe(recording);
  if (observer != nullptr) network->observe(*observer);
  const RunNetwork::End end = run_checked(
      *network, scenario, *run, check, "lossy simulate " + shell_quoted("--config=" + path), [] {});
  if (end == RunNetwork::End::kInterrupted) throw RunInterrupted{network->stop_signal()};
  if (check.broken() != nullptr) return words_of(*check.broken());
  recorder.finish();
  return std::nullopt;
}

ReplayResult replay_script(const std::string& capture, const Scenario& scenario,
                           const std::string& path) {
  ReplayResult result;
  result.path = capture;
  result.two_sided = true;
  result.client_checked = true;
  result.flows = scenario.hosts().size() * (scenario.hosts().size() - 1) / 2;
  auto opened = PcapReader::open(capture);
  if (const auto* error = std::get_if<CaptureError>(&opened)) {
    result.reason = error->text;
    return result;
  }
  GoldenComparer comparer(std::get<PcapReader>(std::move(opened)), GoldenMatch::kTimeAndBytes,
                          scenario.protocol().describe);
  Counter counter(result);
  const std::optional<std::string> broken = record_run(scenario, path, comparer, &counter);
  if (comparer.error()) {
    result.reason = comparer.error()->text;
    return result;
  }
  result.records = comparer.matched();
  result.was_broken = shows_a_broken_property(capture);
  const bool holds = !broken && (comparer.same() || result.was_broken);
  result.status = holds ? ReplayStatus::kHolds : ReplayStatus::kDiffers;
  if (broken) result.difference = escape_controls(capture) + ": " + *broken + '\n';
  // That another run than the broken one was to be had says nothing.
  if (!result.was_broken) result.difference += comparer.explanation();
  return result;
}

}  // namespace lossy
