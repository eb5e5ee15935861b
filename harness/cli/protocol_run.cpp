#include <lossy/harness/cli/golden_verdict.hpp>
#include <lossy/harness/cli/protocol_run.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <optional>
#include <utility>

#include <lossy/core/counted.hpp>
#include <lossy/core/escape.hpp>
#include <lossy/harness/cli/exit_code.hpp>
#include <lossy/harness/cli/explanation.hpp>
#include <lossy/harness/cli/files.hpp>
#include <lossy/harness/cli/kept_file.hpp>
#include <lossy/harness/cli/output.hpp>
#include <lossy/harness/cli/progress.hpp>
#include <lossy/harness/cli/protocols.hpp>
#include <lossy/harness/cli/report_file.hpp>
#include <lossy/harness/cli/run_report.hpp>
#include <lossy/harness/cli/terminal.hpp>
#include <lossy/harness/net/stop_signal.hpp>
#include <lossy/harness/report/fault_saver.hpp>
#include <lossy/harness/report/readable.hpp>

namespace lossy {
namespace {

PcapReader open_capture(const std::string& path) {
  auto opened = PcapReader::open(path);
  if (const auto* error = std::get_if<CaptureError>(&opened)) throw CannotTry(error->text);
  return std::get<PcapReader>(std::move(opened));
}

// Of one host alone: they are of all of them.
const std::vector<Property> kNoProperties;

class RunCommand {
 public:
  RunCommand(const RunOptions& options, const CommandLine& command_line, const RunKind& kind)
      : options_(options),
        command_line_(command_line),
        kind_(kind),
        json_(options.json),
        ladder_(ladder_on(options.json.replaces_text() ? stderr : stdout,
                          scenario().protocol().describe)),
        foreseen_(scenario().network_script() ? foresee() : Foreseen{}),
        recorder_(kind.real_time                ? kClockMark
                  : foreseen_.breaks_a_property ? kBrokenMark
                                                : kRecordingMark),
        recording_(recorder_, options.record.fates(), foreseen_.lost),
        run_(protocol_run(scenario(), on_event())),
        check_(kind.put_alone ? kNoProperties : scenario().protocol().properties, *run_),
        network_(kind.make_network(*run_, scenario())) {
    if (options.trace) network_->observe(ladder_);
    if (!options.report.empty()) {
      report_file_.emplace(options.report);
      network_->observe(collector_);
    }
    if (!options.record.file.empty()) {
      // Half a run must not take the place of a whole one, a golden say.
      recorder_.add(writer_.emplace(
          options.record.file, options.record.writing(again(), kind.command), "the run",
          record_replaces_ ? KeptCapture::Half::kIsDropped : KeptCapture::Half::kIsKept));
    }
    if (!options.golden.empty()) {
      recorder_.add(
          golden_.emplace(open_capture(options.golden),
                          kind.real_time ? GoldenMatch::kBytes : GoldenMatch::kTimeAndBytes,
                          scenario().protocol().describe));
    }
    if (recorder_.has_sinks()) network_->observe(recording_);
    if (!options.save_faults.empty()) {
      // The same whatever the command was called, as the rest of the file is.
      fault_saver_.emplace(options.save_faults,
                           again().without("--save-faults").options_text(kind.command),
                           scenario().path().options_beside_faults());
      network_->observe(*fault_saver_);
    }
  }

  int run() {
    // What took real time cannot be had again: its files are finished even if nobody reads along.
    if (kind_.real_time) keep_output_failure();
    Progress progress(scenario().protocol().calls, run_->asked());
    const RunNetwork::End end = run_checked(*network_, scenario(), *run_, check_, reproduce(), [&] {
      // A ladder shows it, too, and has the terminal to itself.
      if (!options_.trace) progress.update(run_->ended());
    });
    progress.clear();
    const bool interrupted = end == RunNetwork::End::kInterrupted;
    if (end != RunNetwork::End::kIdle) network_->tell_in_flight();
    if (!interrupted || !record_replaces_) recorder_.finish();
    if (fault_saver_ && (!interrupted || !faults_replace_)) fault_saver_->finish();
    RunReport result = report(progress.elapsed());
    result.reached = check_.reached();
    if (const int signal = network_->stop_signal()) result.stopped_by = stop_signal_name(signal);
    if (check_.broken() != nullptr) {
      result.does_not_hold = *check_.broken();
      const auto damaged = [](const LinkCounters& link) { return link.corrupted + link.truncated; };
      if (!scenario().protocol().survives_damage &&
          damaged(result.uplink) + damaged(result.downlink) > 0) {
        result.notes.push_back("datagrams were damaged so that the checksum missed it, which " +
                               scenario().protocol().name + " does not promise to survive.");
      }
    } else if (check_.waits_in_vain() && !interrupted) {
      result.notes.push_back("what must hold once the network was perfect for " +
                             readable(run_->settles_within()) +
                             " was not checked: the run had no such time behind its last fault.");
    }
    if (writer_ && !writer_->failure().empty()) result.notes.push_back(writer_->failure() + '.');
    if (!options_.json.replaces_text()) {
      fmt::print("{}{}", options_.trace ? "\n" : "", summary_text(result));
    }
    if (options_.json.is_wanted()) {
      auto json = summary_json(result);
      if (golden_) json["golden"] = golden_json(*golden_, options_.golden);
      json_.write_last(json);
    }
    if (report_file_ && (!interrupted || !report_replaces_)) write_report(result);
    if (interrupted) {
      const std::string left = left_by(options_.record.file, record_replaces_) +
                               left_by(options_.save_faults, faults_replace_) +
                               left_by(options_.report, report_replaces_);
      // Whoever has read enough of a ladder need not be told so.
      const bool read_enough = network_->stop_signal() == SIGPIPE && left.empty();
      if (!read_enough) fmt::print(stderr, "lossy: interrupted{}\n", left);
      return 128 + network_->stop_signal();  // As a shell says it.
    }
    if (check_.broken() != nullptr) {
      fmt::print(stderr, "lossy: {}\nlossy: the same run again: {}\n", words_of(*check_.broken()),
                 reproduce());
      return kDoesNotHold;
    }
    if (const std::string why = network_->could_not_try(); !why.empty()) {
      fmt::print(stderr, "lossy: {}\n", why);
      return kCouldNotTry;
    }
    if (kind_.put_alone && !all_good(result.figures)) {
      fmt::print(stderr, "lossy: not all of it went well; try again with: {}\n", reproduce());
      return kDoesNotHold;
    }
    const int verdict = golden_ ? judge_golden(*golden_, options_.golden, reproduce(),
                                               options_.json.replaces_text())
                                : kHolds;
    return writer_ && !writer_->failure().empty() ? kDoesNotHold : verdict;
  }

 private:
  const Scenario& scenario() const { return options_.scenario; }

  static bool all_good(const RunFigures& figures) {
    return std::ranges::all_of(figures.counts, [&](const RunFigures::Count& count) {
      return !count.is_of_all || count.count == figures.asked;
    });
  }

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

  Protocol::Listener on_event() {
    if (!options_.trace && options_.report.empty() && !kind_.put_alone) return nullptr;
    return [this](const RunEvent& event) {
      if (kind_.put_alone) tell(event);
      if (options_.trace) ladder_.on_event(event);
      if (report_file_) collector_.on_event(event);
    };
  }

  // What the script's run comes to. (Where it comes to nothing the run itself will say so.)
  Foreseen foresee() const {
    const auto run = protocol_run(scenario());
    PropertyCheck check(scenario().protocol().properties, *run);
    const auto network = kind_.make_network(*run, scenario());
    LossWatcher watcher;
    network->observe(watcher);
    try {
      run_checked(*network, scenario(), *run, check, {}, [] {});
    } catch (const CannotTry&) {
    }
    return {.breaks_a_property = check.broken() != nullptr, .lost = watcher.lost()};
  }

  void tell(const RunEvent& event) {
    const std::string line = fmt::format(
        "{} {}\n", escape_bytes(std::as_bytes(std::span(event.subject))), event.predicate);
    if (!event.is_good) {
      fmt::print(stderr, "lossy: {}", line);
    } else if (!options_.trace && !options_.json.replaces_text()) {
      fmt::print("{}", line);
    }
  }

  // The command that gives the same run again: as it was typed, with the seed that was drawn or
  // implied.
  CommandLine again() const {
    const auto seed =
        scenario().is_random() ? scenario().path().implied_seed() : std::optional<std::uint64_t>();
    return seed ? command_line_.with(kind_.command, "--seed", std::to_string(*seed))
                : command_line_;
  }
  std::string reproduce() const { return again().text(); }

  RunReport report(Duration wall_time) const {
    RunReport result = run_report(scenario(), *run_, network_->counters(Direction::kUplink),
                                  network_->counters(Direction::kDownlink), network_->now());
    result.command = kind_.command;
    // Where there is one alone, or it was not asked for, there is nothing to tell.
    if (&scenario().protocol() != protocols().front()) result.protocol = scenario().protocol().name;
    result.wall_time = wall_time;
    result.reproduce = reproduce();
    network_->add_to(result);
    return result;
  }

  void write_report(const RunReport& result) {
    report_file_->add(
        page_run(result, collector_,
                 scenario().network_script() ? PagePath{} : page_path(scenario().path())));
    report_file_->write(page_head(result));
  }

  const RunOptions& options_;
  const CommandLine& command_line_;
  const RunKind& kind_;
  const bool record_replaces_ = is_there(options_.record.file);
  const bool faults_replace_ = is_there(options_.save_faults);
  const bool report_replaces_ = is_there(options_.report);
  JsonOutput json_;
  Ladder ladder_;
  const Foreseen foreseen_;
  Recorder recorder_;
  std::optional<KeptCapture> writer_;
  std::optional<GoldenComparer> golden_;
  RecordingObserver recording_;
  std::optional<FaultSaver> fault_saver_;
  std::optional<ReportFile> report_file_;
  PageCollector collector_{scenario().protocol().tells_requests ? PageCollector::Ends::kTold
                                                                : PageCollector::Ends::kSeen};
  std::unique_ptr<ProtocolRun> run_;
  PropertyCheck check_;
  std::unique_ptr<RunNetwork> network_;
};

// Nothing runs, so there is nothing to write down, compare or show.
void check_explain(const RunOptions& options) {
  const auto refuse = [](const char* name, bool given) {
    if (given) throw usage_error(name, "nothing runs with --explain; leave one of them out");
  };
  refuse("--record", !options.record.file.empty());
  refuse("--golden", !options.golden.empty());
  refuse("--save-faults", !options.save_faults.empty());
  refuse("--report", !options.report.empty());
  refuse("--trace", options.trace);
}

// A script takes the place of the links, in virtual time.
void check_script(const RunOptions& options, const RunKind& kind) {
  if (kind.run_script == nullptr) {
    throw usage_error("--script",
                      "it says when time passes, and real time does not wait for it; "
                      "it is for lossy simulate");
  }
  const auto refuse = [](const char* name, bool given) {
    if (given)
      throw usage_error(name,
                        "the script says what happens to each datagram, in "
                        "operations and not in faults; leave one of them out");
  };
  refuse("--save-faults", !options.save_faults.empty());
  refuse("--explain", options.explain);
}

// A file that the run writes must be no other that it reads or writes.
void check_files(const RunOptions& options, const std::string& config) {
  const std::vector<NamedFile> written{{"--record", options.record.file},
                                       {"--save-faults", options.save_faults},
                                       {"--report", options.report},
                                       {"--json", options.json.file}};
  options.record.check();
  for (const auto& [option, path] : written) refuse_standard_output(option, path);
  std::vector<NamedFile> read = options.scenario.path().files_read();
  read.insert(read.end(), {{"--golden", options.golden},
                           {"--config", config},
                           {"--script", options.scenario.script_path()}});
  refuse_overwriting(written, read);
}

}  // namespace

std::unique_ptr<ProtocolRun> protocol_run(const Scenario& scenario, Protocol::Listener listener) {
  return scenario.protocol().make_run(scenario.plan(), std::move(listener));
}

RunNetwork::End run_checked(RunNetwork& network, const Scenario& scenario, ProtocolRun& run,
                            PropertyCheck& check, const std::string& reproduce,
                            const std::function<void()>& tick) {
  if (check.is_observer()) network.observe(check);
  const RunNetwork::End end = network.run([&] { return !check.holds(network.now()); }, tick);
  if (end == RunNetwork::End::kEndless) {
    throw CannotTry(fmt::format("{}: a bug in the protocol {} or in lossy; the same run again: {}",
                                network.trouble(), scenario.protocol().name, reproduce));
  }
  if (end != RunNetwork::End::kIdle) return end;
  const std::size_t hosts = scenario.hosts().size();
  for (std::size_t host = 0; host < hosts; ++host) {
    if (!run.endpoint(host).poll_timeout()) continue;
    throw CannotTry(fmt::format(
        "virtual time ends after 292 years, and {} of {} had not ended by then; ask for less",
        run.asked() - run.ended(), counted(run.asked(), scenario.protocol().call)));
  }
  check.holds_at_rest(network.now());
  return end;
}

std::string words_of(const Property& broken) {
  return fmt::format("a property does not hold: {}: {}", broken.name, broken.sentence);
}

void add_run_options(CLI::App& app, RunOptions& options, const Protocol& protocol, bool is_alone) {
  options.scenario.add_to(app, protocol, is_alone);
  add_protocol(app, options.protocol,
               "whose hosts run, of lossy protocols [" + protocols().front()->name + "]")
      ->group("Protocol");
  const std::string group = "Output";
  options.record.add_to(
      app, "record what a tcpdump on both hosts would show, for Wireshark and lossy replay", group);
  if (!is_alone) {
    add_path(app, "--golden", options.golden,
             "compare the run with this recording; exit code 1 and the difference if it is another",
             "FILE.pcap")
        ->group(group);
  }
  add_path(app, "--save-faults", options.save_faults,
           "write down what the network did, to run it again with --faults=@FILE", "FILE")
      ->group(group);
  add_report(app, options.report)->group(group);
  app.add_flag("--trace", options.trace, "print the ladder: what happened to each datagram")
      ->group(group);
  app.add_flag("--explain", options.explain,
               "say what the path does, in words, figures and as a netem line, and run nothing")
      ->group(group);
  options.json.add_to(app, "print the result as one JSON object", JsonOption::Timing::kMeasured)
      ->group(group);
}

void add_protocol_run(CLI::App& app, const CommandLine& command_line, std::function<int()>& command,
                      const RunKind& kind) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* run = app.add_subcommand(kind.command, kind.description);
  add_run_options(*run, *options, protocol_of_words(command_line.arguments()),
                  kind.put_alone != nullptr);
  if (kind.add_own_options) kind.add_own_options(*run);
  if (CLI::Option* const script = run->get_option_no_throw("--script");
      script != nullptr && kind.run_script == nullptr) {
    script->group("");  // It is refused with the reason, and so not shown.
  }
  run->fallthrough();
  run->footer(kind.footer);
  run->callback([options, kind, &app, &command_line, &command] {
    const CLI::Option* config = app.get_option("--config");
    check_files(*options, config->count() > 0 ? config->as<std::string>() : std::string());
    options->scenario.resolve(kind.put_alone);
    if (options->explain) check_explain(*options);
    if (!options->scenario.script_path().empty()) check_script(*options, kind);
    command = [options, kind, &command_line] {
      if (options->scenario.script()) return kind.run_script(*options, command_line);
      if (!options->explain) return RunCommand(*options, command_line, kind).run();
      print_explanation(options->scenario.path(), kind.command, options->json);
      return static_cast<int>(kHolds);
    };
  });
}

}  // namespace lossy
