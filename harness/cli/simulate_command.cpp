#include "harness/cli/simulate_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/escape.hpp"
#include "core/random.hpp"
#include "core/server.hpp"
#include "harness/capture/golden.hpp"
#include "harness/capture/pcap_writer.hpp"
#include "harness/cli/exit_code.hpp"
#include "harness/cli/files.hpp"
#include "harness/cli/observers.hpp"
#include "harness/cli/progress.hpp"
#include "harness/report/explain.hpp"
#include "harness/report/ladder.hpp"
#include "harness/report/summary.hpp"
#include "harness/sim/simulation.hpp"

namespace lossy {
namespace {

// The signal that asked the run to end, or 0.
volatile std::sig_atomic_t stop_signal = 0;

// While it lives, SIGINT and SIGTERM ask the run to end, so that files are finished and the summary
// is printed. A second one ends the process at once.
class StopSignalCatcher {
 public:
  StopSignalCatcher() {
    struct sigaction action = {};
    action.sa_handler = [](int signal) { stop_signal = signal; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, &interrupt_before_);
    sigaction(SIGTERM, &action, &terminate_before_);
  }
  ~StopSignalCatcher() {
    sigaction(SIGINT, &interrupt_before_, nullptr);
    sigaction(SIGTERM, &terminate_before_, nullptr);
  }
  StopSignalCatcher(const StopSignalCatcher&) = delete;
  StopSignalCatcher& operator=(const StopSignalCatcher&) = delete;

 private:
  struct sigaction interrupt_before_ = {};
  struct sigaction terminate_before_ = {};
};

constexpr std::uintmax_t kScenarioBytesMax = 64 * 1024;

// Every attempt of every request could be delivered in as many copies as there can be, each way.
std::uint64_t events_max(const GreeterOptions& options, std::uint64_t requests) {
  const Uint128 events = Uint128{requests} *
                             static_cast<unsigned>(options.client.retry.attempts_max) *
                             (2 + Fate::kCopiesMax + Fate::kCopiesMax * Fate::kCopiesMax) +
                         1'000'000;
  const Uint128 most = std::numeric_limits<std::uint64_t>::max();
  return static_cast<std::uint64_t>(std::min(events, most));
}

PcapReader open_capture(const std::string& path) {
  auto opened = PcapReader::open(path);
  if (const auto* error = std::get_if<CaptureError>(&opened)) throw CannotTry(error->text);
  return std::get<PcapReader>(std::move(opened));
}

// CLI11 takes a "#" for the beginning of a comment even where TOML does not.
bool has_hash_in_quotes(const std::string& text) {
  char quote = 0;
  bool comment = false;
  for (const char c : text) {
    if (c == '\n') {
      quote = 0;
      comment = false;
    } else if (c == '#' && quote != 0) {
      return true;
    } else if (c == '#') {
      comment = true;
    } else if (!comment && (c == '"' || c == '\'') && (quote == 0 || quote == c)) {
      quote = quote == 0 ? c : 0;
    }
  }
  return false;
}

class SimulateRun {
 public:
  SimulateRun(const SimulateOptions& options, const CommandLine& command_line)
      : options_(options),
        command_line_(command_line),
        ladder_(options.json ? stderr : stdout),
        greeter_(scenario().greeter(), scenario().names(), on_event()),
        simulation_({.events_max = events_max(scenario().greeter(), greeter_.requests())}) {
    simulation_.add(greeter_, scenario().client_address());
    simulation_.add(server_, scenario().server_address());
    simulation_.connect(scenario().client_address(), scenario().server_address(),
                        scenario().path().make_link(Direction::kUplink),
                        scenario().path().make_link(Direction::kDownlink));
    if (options.trace) simulation_.observe(ladder_);
    if (!options.record.empty()) {
      writer_.emplace(options.record);
      recorder_.add(*writer_);
    }
    if (!options.golden.empty()) recorder_.add(golden_.emplace(open_capture(options.golden)));
    if (recorder_.has_sinks()) simulation_.observe(recording_);
    if (!options.save_faults.empty()) {
      // The same whatever the program was called, as the rest of the file is.
      fault_saver_.emplace(options.save_faults, reproduce("lossy"),
                           scenario().path().options_beside_faults());
      simulation_.observe(*fault_saver_);
    }
  }

  int run() {
    const StopSignalCatcher catcher;
    Progress progress("greetings", greeter_.requests());
    std::uint64_t events = 0;
    const RunEnd end = simulation_.run_until(
        [&] {
          if ((++events & 0xFFFF) == 0) {
            progress.update(greeter_.result().greeted + greeter_.result().gave_up);
          }
          return stop_signal != 0;
        },
        Instant::max());
    progress.clear();
    if (end == RunEnd::kEvents) {
      throw CannotTry(
          fmt::format("the run did not end after {} events, which no scenario needs: a bug in "
                      "lossy; please report: {}",
                      simulation_.events(), reproduce()));
    }
    if (end == RunEnd::kIdle && !greeter_.done()) {
      throw CannotTry(
          fmt::format("virtual time ends after 292 years, and {} of {} requests had not ended by "
                      "then; ask for less",
                      open_requests(), greeter_.requests()));
    }
    const bool interrupted = end == RunEnd::kPredicate;
    // Half a run must not take the place of a whole one, a golden say.
    if (!interrupted || !record_replaces_) recorder_.finish();
    if (fault_saver_ && (!interrupted || !faults_replace_)) fault_saver_->finish();
    RunReport result = report(progress.elapsed());
    result.interrupted = interrupted;
    fmt::print("{}{}", options_.trace && !options_.json ? "\n" : "",
               options_.json ? summary_json(result) : summary_text(result));
    if (interrupted) {
      fmt::print(stderr, "lossy: interrupted{}{}\n", left_by(options_.record, record_replaces_),
                 left_by(options_.save_faults, faults_replace_));
      return 128 + stop_signal;  // As a shell says it.
    }
    return golden_ ? judge_golden() : kHolds;
  }

 private:
  const Scenario& scenario() const { return options_.scenario; }

  // Whether a file is there already. (A pipe takes what it gets when it gets it.)
  static bool is_there(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(path, ignored);
  }

  // What an interrupted run left in a file, as the rest of a sentence.
  static std::string left_by(const std::string& path, bool replaces) {
    if (path.empty()) return {};
    return fmt::format("; {} {}", escape_controls(path),
                       replaces ? "is left as it was" : "holds what happened until then");
  }

  std::uint64_t open_requests() const {
    return greeter_.requests() - greeter_.result().greeted - greeter_.result().gave_up;
  }

  Greeter::OnEvent on_event() {
    if (!options_.trace) return nullptr;
    return [this](const ClientEvent& event) { ladder_.on_event(event); };
  }

  // The command that gives the same run again: as it was typed, with the seed that was drawn or
  // implied.
  std::string reproduce(const std::string& program) const {
    const auto seed = scenario().path().implied_seed();
    if (!seed) return command_line_.text_of(program);
    return command_line_.text_of(program, "simulate", "--seed", std::to_string(*seed));
  }
  std::string reproduce() const { return reproduce(command_line_.program()); }

  int judge_golden() const {
    if (golden_->error()) throw CannotTry(golden_->error()->text);
    if (!golden_->same()) {
      fmt::print(stderr, "lossy: {}The same run again: {}\n", golden_->explanation(), reproduce());
      return kDoesNotHold;
    }
    if (!options_.json) {
      fmt::print("The same as {}: {} records\n", escape_controls(options_.golden),
                 golden_->matched());
    }
    return kHolds;
  }

  RunReport report(Duration wall_time) const {
    const PathOptions& path = scenario().path();
    RunReport result{.command = "simulate",
                     .seed = {},
                     .requests = greeter_.requests(),
                     .result = greeter_.result(),
                     .client = greeter_.client().counters(),
                     .server = server_.counters(),
                     .uplink = simulation_.link(0, Direction::kUplink).counters(),
                     .downlink = simulation_.link(0, Direction::kDownlink).counters(),
                     .virtual_time = simulation_.now() - Instant{},
                     .wall_time = wall_time,
                     .reproduce = reproduce()};
    if (path.is_random()) {
      result.seed = path.common_seed();
      if (!result.seed) {
        result.seeds = {path.seed(Direction::kUplink), path.seed(Direction::kDownlink)};
      }
    }
    add_notes(result);
    return result;
  }

  void add_notes(RunReport& result) const {
    for (const Direction direction : {Direction::kUplink, Direction::kDownlink}) {
      const LinkCounters& link = direction == Direction::kUplink ? result.uplink : result.downlink;
      const std::string name(to_string(direction));
      const auto note = [&](std::uint64_t count, const std::string& text) {
        if (count > 0) result.notes.push_back(fmt::format("{}: {} {}", name, count, text));
      };
      if (link.reordered == 0) {
        note(link.held_back,
             "were held back, but nothing came to pass them; more greetings at a time (--window, "
             "--interval) or holding them back for longer would show reordering.");
      }
      note(link.flips_missed, "flipped bits lay beyond the end of a payload.");
      note(link.cuts_missed, "cuts lay at the end of a payload or beyond it.");
      if (const auto& faults = scenario().path().faults()) {
        note(faults->count_beyond(direction, link.offered),
             "of the faults were for datagrams that were never sent.");
      }
      add_notes_on_settings(direction, name, link, result.notes);
    }
  }

  static Direction opposite(Direction direction) {
    return direction == Direction::kUplink ? Direction::kDownlink : Direction::kUplink;
  }

  const std::optional<std::vector<Outage>>& outages_of(Direction direction) const {
    return scenario().path().settings(direction).phases().front().value.outages;
  }

  std::uint64_t lost_in_outages() const {
    std::uint64_t lost = 0;
    for (const Direction direction : {Direction::kUplink, Direction::kDownlink}) {
      lost += simulation_.link(0, direction)
                  .counters()
                  .lost_by[static_cast<std::size_t>(LossReason::kOutage)];
    }
    return lost;
  }

  // What was asked for and did not happen, or happened because of what nobody asked for.
  void add_notes_on_settings(Direction direction, const std::string& name, const LinkCounters& link,
                             std::vector<std::string>& notes) const {
    const auto& phases = scenario().path().settings(direction).phases();
    const auto lost_by = [&](LossReason reason) {
      return link.lost_by[static_cast<std::size_t>(reason)];
    };
    if (const std::uint64_t lost = lost_by(LossReason::kInFlight); lost > 0) {
      const bool asked = std::ranges::any_of(
          phases, [](const auto& phase) { return phase.value.in_flight.has_value(); });
      notes.push_back(
          asked ? fmt::format("{}: {} were lost because more than the limit were under way.", name,
                              lost)
                : fmt::format("{}: {} were lost because lossy keeps no more than {} datagrams, or "
                              "{} bytes, in flight each way.",
                              name, lost, LinkOptions{}.in_flight_max,
                              LinkOptions{}.in_flight_bytes_max));
    }
    const bool has_mtu = std::ranges::any_of(
        phases, [](const auto& phase) { return phase.value.mtu_bytes.value_or(0) > 0; });
    if (has_mtu && lost_by(LossReason::kMtu) == 0) {
      notes.push_back(name + ": no datagram was larger than the MTU.");
    }
    // Where both directions share an outage, and it kept requests away, there are no answers to
    // lose.
    const auto& outages = outages_of(direction);
    if (outages && !outages->empty() && lost_by(LossReason::kOutage) == 0 &&
        !(outages == outages_of(opposite(direction)) && lost_in_outages() > 0)) {
      notes.push_back(name + ": nothing was sent during an outage.");
    }
    if (phases.back().start > simulation_.now()) {
      notes.push_back(fmt::format("{}: the run ended after {}, before the timeline came to {}.",
                                  name, format_duration(simulation_.now() - Instant{}),
                                  format_duration(phases.back().start - Instant{})));
    }
  }

  const SimulateOptions& options_;
  const CommandLine& command_line_;
  const bool record_replaces_ = is_there(options_.record);
  const bool faults_replace_ = is_there(options_.save_faults);
  Ladder ladder_;
  Recorder recorder_;
  std::optional<PcapWriter> writer_;
  std::optional<GoldenComparer> golden_;
  RecordingObserver recording_{recorder_};
  std::optional<FaultSaver> fault_saver_;
  Greeter greeter_;
  Server server_;
  Simulation simulation_;
};

int explain(const SimulateOptions& options) {
  const PathOptions& path = options.scenario.path();
  const auto way = [&path](Direction direction) {
    return explain(direction, path.settings(direction), path.header_bytes());
  };
  const WayExplanation uplink = way(Direction::kUplink);
  const WayExplanation downlink = way(Direction::kDownlink);
  if (options.json) {
    nlohmann::ordered_json json{{"command", "simulate"}, {"explain", true}};
    json.update(explanation_json(uplink, downlink));
    // The name of a table or trace need not be UTF-8.
    fmt::print("{}\n", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    return kHolds;
  }
  if (path.faults()) fmt::print("What is lost, late and damaged is listed by --faults.\n\n");
  fmt::print("{}", explanation_text(uplink, downlink));
  return kHolds;
}

// Nothing runs, so there is nothing to write down, compare or show.
void check_explain(const SimulateOptions& options) {
  const auto refuse = [](const char* name, bool given) {
    if (given) throw usage_error(name, "nothing runs with --explain; leave one of them out");
  };
  refuse("--record", !options.record.empty());
  refuse("--golden", !options.golden.empty());
  refuse("--save-faults", !options.save_faults.empty());
  refuse("--trace", options.trace);
}

// A file that the run writes must be no other that it reads or writes.
void check_files(const SimulateOptions& options, const std::string& config) {
  const auto check_one = [](const std::string& name, const std::string& written,
                            const std::string& other_name, const std::string& other) {
    if (written.empty() || other.empty()) return;
    std::error_code error;
    const auto path = std::filesystem::weakly_canonical(written, error);
    if (!error && path == std::filesystem::weakly_canonical(other, error) && !error) {
      throw usage_error(name, "it would overwrite the file of " + other_name + "; choose another");
    }
  };
  for (const auto& [name, written] :
       {std::pair{"--record", options.record}, std::pair{"--save-faults", options.save_faults}}) {
    check_one(name, written, "--golden", options.golden);
    for (const std::string& read : options.scenario.path().files_read()) {
      check_one(name, written, "another option", read);
    }
    check_one(name, written, "--config", config);
  }
  check_one("--save-faults", options.save_faults, "--record", options.record);
  for (const char* output : {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}) {
    if (options.record == output) {
      throw usage_error("--record",
                        "standard output is for the result; give a file or a named pipe");
    }
  }
}

}  // namespace

void add_simulate_options(CLI::App& app, SimulateOptions& options) {
  options.scenario.add_to(app);
  const std::string group = "Output";
  add_path(app, "--record", options.record,
           "record what a tcpdump on both hosts would show, for Wireshark and lossy replay",
           "FILE.pcap")
      ->group(group);
  add_path(app, "--golden", options.golden,
           "compare the run with this recording; exit code 1 and the difference if it is another",
           "FILE.pcap")
      ->group(group);
  add_path(app, "--save-faults", options.save_faults,
           "write down what the network did, to run it again with --faults=@FILE", "FILE")
      ->group(group);
  app.add_flag("--trace", options.trace, "print the ladder: what happened to each datagram")
      ->group(group);
  app.add_flag("--explain", options.explain,
               "say what the path does, in words, figures and as a netem line, and run nothing")
      ->group(group);
  app.add_flag("--json", options.json, "print the result as one JSON object")->group(group);
}

void add_simulate_command(CLI::App& app, const CommandLine& command_line,
                          std::function<int()>& command) {
  auto options = std::make_shared<SimulateOptions>();
  CLI::App* simulate =
      app.add_subcommand("simulate", "Greet through a simulated network, in virtual time.");
  add_simulate_options(*simulate, *options);
  simulate->fallthrough();
  simulate->footer(
      "With --config=FILE.toml the options come from the [simulate] section of a file, as in\n"
      "captures/drop.toml; an option on the command line replaces the file's.\n"
      "Examples:\n"
      "  lossy simulate --drop=10% --trace\n"
      "  lossy simulate --netem='delay 100ms 10ms 25% loss gemodel 1% 10%' --explain\n"
      "  lossy simulate --profile=wifi-crowded --count=100000 --interval=10us --json\n"
      "  lossy simulate --delay=20ms --timeline='5s: loss 100%; 6s: loss 0%' --outage=1s..2s\n"
      "  lossy simulate --faults='uplink.1:drop,downlink.2:duplicate+5ms' --record=run.pcap");
  simulate->callback([options, &app, &command_line, &command] {
    const CLI::Option* config = app.get_option("--config");
    check_files(*options, config->count() > 0 ? config->as<std::string>() : std::string());
    options->scenario.resolve();
    if (options->explain) check_explain(*options);
    command = [options, &command_line] {
      return options->explain ? explain(*options) : SimulateRun(*options, command_line).run();
    };
  });
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
              const std::string text = read_file(path);
              // CLI11 would take "[a,b]" within a list for a list of its own.
              if (text.find("\"[") != std::string::npos || text.find("'[") != std::string::npos) {
                return "'" + path + "' has a name in brackets, which cannot be told from a list";
              }
              if (has_hash_in_quotes(text)) {
                return "'" + path + "' has a # within quotes, which would begin a comment there";
              }
            } catch (const std::system_error& refused) {
              return refused.what();
            }
            return {};
          },
          {}};
}

Scenario read_scenario(const std::string& path) {
  SimulateOptions options;
  CLI::App app;
  app.set_config("--config")->check(scenario_file());
  app.allow_config_extras(CLI::config_extras_mode::error);
  CLI::App* simulate = app.add_subcommand("simulate");
  simulate->fallthrough();
  add_simulate_options(*simulate, options);
  app.parse(
      std::vector<std::string>{"--config=" + path, "simulate"});  // In reverse, as CLI11 wants it.
  options.scenario.resolve();
  return std::move(options.scenario);
}

}  // namespace lossy
