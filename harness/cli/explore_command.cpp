#include <lossy/harness/cli/explore_command.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <lossy/core/counted.hpp>
#include <lossy/harness/capture/new_file.hpp>
#include <lossy/harness/cli/exit_code.hpp>
#include <lossy/harness/cli/json_output.hpp>
#include <lossy/harness/cli/option.hpp>
#include <lossy/harness/cli/output.hpp>
#include <lossy/harness/cli/plan_options.hpp>
#include <lossy/harness/cli/progress.hpp>
#include <lossy/harness/cli/protocol_run.hpp>
#include <lossy/harness/cli/protocols.hpp>
#include <lossy/harness/cli/stop_signal_catcher.hpp>
#include <lossy/harness/cli/terminal.hpp>
#include <lossy/harness/link/scan.hpp>
#include <lossy/harness/sim/exploration.hpp>
#include <lossy/harness/sim/host_addresses.hpp>

namespace lossy {
namespace {

struct ExploreCommandOptions {
  std::string protocol;
  PlanOptions plan;
  Exploration::Options search;
  std::optional<std::uint64_t> runs_max;
  std::vector<ChosenFault> only;
  std::string keep;
  bool requires_sometimes = false;
  JsonOption json;
};

// "drop,late": each once.
std::vector<FaultKind> parse_kinds(std::string_view text) {
  std::vector<FaultKind> kinds;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view word = take_part(rest, ",");
    std::size_t kind = 1;
    while (kind < kFaultKindCount && to_string(static_cast<FaultKind>(kind)) != word) ++kind;
    if (kind == kFaultKindCount) {
      throw TextError(quote(word) +
                      " is no kind of fault; there are drop, duplicate, late, swap, corrupt and "
                      "truncate");
    }
    if (std::ranges::count(kinds, static_cast<FaultKind>(kind)) > 0) {
      throw TextError(quote(word) + " is there twice");
    }
    kinds.push_back(static_cast<FaultKind>(kind));
  }
  if (kinds.empty()) throw TextError("it names no kind of fault");
  return kinds;
}

// What a run breaks, in a sentence.
std::string words_of(const ExploredRun& run) {
  return run.broken != nullptr
             ? words_of(*run.broken)
             : fmt::format(
                   "the run is not at rest after {} deliveries and timeouts: it does not "
                   "end, or is too long to be explored",
                   ControlledNetwork::kSettlesWithin);
}

class ExploreRun {
 public:
  ExploreRun(const ExploreCommandOptions& options, const CommandLine& command_line)
      : options_(options),
        command_line_(command_line),
        protocol_(options.plan.protocol()),
        plan_(options.plan.plan()),
        json_(options.json) {
    place_hosts(plan_, options.plan.hosts());
    search_.emplace(protocol_, plan_, options.search);
    if (options.keep.empty()) return;
    std::error_code error;  // Refused before anything else is done.
    std::filesystem::create_directories(options.keep, error);
    if (error) {
      throw usage_error("--keep",
                        "cannot make the folder '" + options.keep + "': " + error.message());
    }
  }

  int search() {
    Progress progress("runs");
    const StopSignalCatcher catcher;
    const auto goes_on = [&] {
      return !StopSignalCatcher::caught() && search_->runs() != options_.runs_max;
    };
    while (goes_on() && search_->next()) {
      progress.update(search_->runs());
      check_output();
    }
    const bool is_complete = !search_->has_next();
    progress.clear();
    const auto& least = search_->least_violation();
    const std::vector<std::string> never = search_->never_reached();
    if (!options_.json.replaces_text()) print(is_complete, progress.elapsed());
    if (options_.json.is_wanted()) json_.write_last(json_of(is_complete, progress.elapsed()));
    if (least) show(*least);
    if (const int signal = StopSignalCatcher::caught()) {
      fmt::print(stderr, "lossy: interrupted\n");
      return 128 + signal;  // As a shell says it.
    }
    if (least) return kDoesNotHold;
    if (options_.requires_sometimes && !never.empty()) {
      fmt::print(stderr, "lossy: {} was reached in no run; --require-sometimes wants it\n",
                 never.front());
      return kDoesNotHold;
    }
    return kHolds;
  }

  // One run alone, with its ladder.
  int show_only() {
    ExploredRun run;
    const NetworkScript script = search_->script_of(options_.only, run);
    for (const ChosenFault& fault : options_.only) {
      if (std::ranges::count(run.faults, fault) > 0) continue;
      throw usage_error("--only", format_fault(fault) + ": no such datagram is sent in this run");
    }
    if (!options_.json.replaces_text()) print_ladder(script);
    if (options_.json.is_wanted()) {
      nlohmann::ordered_json json{{"command", "explore"}, {"protocol", protocol_.name}};
      json.update(json_of(run));
      json_.write_last(json);
    }
    if (run.holds()) return kHolds;
    tell(run, script);
    return kDoesNotHold;
  }

 private:
  void print(bool is_complete, std::chrono::nanoseconds took) const {
    const bool told_apart = search_->distinct_ends() < Exploration::kEndsMax;
    fmt::print(
        "{} {} of up to {} among {}: {}, {}{}, {}, {:.1f} s\n", is_complete ? "all" : "the first",
        counted(search_->runs(), options_.search.faults_max == 0 ? "run" : "set"),
        counted(options_.search.faults_max, "fault"), counted(search_->datagrams(), "datagram"),
        counted(search_->runs(), "run"), told_apart ? "" : "at least ",
        counted(search_->distinct_ends(), "distinct end"),
        counted(search_->violations(), "violation"), std::chrono::duration<double>(took).count());
    if (!is_complete && !StopSignalCatcher::caught()) {
      fmt::print("There are more: a larger --runs goes on.\n");
    }
    for (const std::string& name : search_->never_reached()) {
      const auto property = std::ranges::find(protocol_.properties, name, &Property::name);
      fmt::print("never reached: {}: {}\n", name, property->sentence);
    }
  }

  static nlohmann::ordered_json json_of(const ExploredRun& run) {
    nlohmann::ordered_json json{
        {"faults", format_faults(run.faults)}, {"holds", run.holds()}, {"datagrams", run.sent}};
    if (run.broken != nullptr) {
      json["does_not_hold"] = {{"name", run.broken->name}, {"sentence", run.broken->sentence}};
    } else if (!run.holds()) {
      json["does_not_hold"] = {{"name", "comes-to-rest"}, {"sentence", words_of(run)}};
    }
    return json;
  }

  nlohmann::ordered_json json_of(bool is_complete, std::chrono::nanoseconds took) const {
    std::vector<std::string_view> kinds;
    for (const FaultKind kind : options_.search.kinds) kinds.push_back(to_string(kind));
    nlohmann::ordered_json json{{"command", "explore"},
                                {"protocol", protocol_.name},
                                {"faults_max", options_.search.faults_max},
                                {"kinds", kinds},
                                {"complete", is_complete},
                                {"runs", search_->runs()},
                                {"datagrams", search_->datagrams()},
                                {"distinct_ends", search_->distinct_ends()},
                                {"violations", search_->violations()},
                                {"never_reached", search_->never_reached()}};
    const auto& least = search_->least_violation();
    json["least"] = least ? json_of(*least) : nlohmann::ordered_json();
    json["timing"] = {{"wall_seconds", std::chrono::duration<double>(took).count()}};
    return json;
  }

  void show(const ExploredRun& least) {
    ExploredRun again;
    const NetworkScript script = search_->script_of(least.faults, again);
    if (!options_.json.replaces_text()) {
      fmt::print("\nthe least of them: {}\n\n", format_faults(least.faults));
      print_ladder(script);
    }
    tell(least, script);
  }

  // What does not hold, and how to have it again.
  void tell(const ExploredRun& run, const NetworkScript& script) const {
    const CommandLine bare =
        command_line_.without("--only").without("--faults-max").without("--runs");
    std::string again = run.faults.empty()
                            ? bare.with("explore", "--faults-max", "0").text()
                            : bare.with("explore", "--only", format_faults(run.faults)).text();
    if (!options_.keep.empty()) again = keep(run, script);
    flush_output();
    fmt::print(stderr, "lossy: {}\nlossy: the same run again: {}\n", words_of(run), again);
  }

  // Leaves the run as a scenario, and gives the command that runs it.
  std::string keep(const ExploredRun& run, const NetworkScript& script) const {
    const std::filesystem::path folder = options_.keep;
    NewFile((folder / "run.script").string())
        .write_whole("# " + words_of(run) + "\n# " + format_faults(run.faults) + '\n' +
                     format_network_script(protocol_, script));
    const std::string scenario = (folder / "run.toml").string();
    NewFile(scenario).write_whole("# " + words_of(run) + "\n[simulate]\nscript = \"run.script\"\n");
    return command_line_.program() + ' ' + shell_quoted("--config=" + scenario) +
           " simulate --trace";
  }

  void print_ladder(const NetworkScript& script) const {
    Ladder ladder = ladder_on(stdout, protocol_.describe);
    const auto run =
        protocol_.make_run(plan_, [&](const RunEvent& event) { ladder.on_event(event); });
    PropertyCheck check(protocol_.properties, *run);
    ControlledNetwork network(*run, network_addresses(plan_, options_.plan.hosts()));
    network.observe(ladder);
    network.observe(check);
    network.over_when([&] { return !check.holds(network.now()); });
    network.start();
    for (const NetworkOperation& operation : script.operations) perform(operation, network);
    network.settle(ControlledNetwork::kSettlesWithin);
  }

  const ExploreCommandOptions& options_;
  const CommandLine& command_line_;
  const Protocol& protocol_;
  RunPlan plan_;
  JsonOutput json_;
  std::optional<Exploration> search_;
};

}  // namespace

void add_explore_command(CLI::App& app, const CommandLine& command_line,
                         std::function<int()>& command) {
  auto options = std::make_shared<ExploreCommandOptions>();
  CLI::App* explore = app.add_subcommand(
      "explore",
      "Try every set of faults that a network can have, and show the least that breaks "
      "a property.");
  const Protocol& protocol = protocol_of_words(command_line.arguments());
  options->plan.add_to(*explore, protocol);
  add_protocol(*explore, options->protocol,
               "whose hosts run, of lossy protocols [" + protocols().front()->name + "]")
      ->group("Protocol");
  const std::string group = "Search";
  CLI::Option* const faults_max = add_parsed(
      *explore, "--faults-max", options->search.faults_max,
      [](std::string_view text) { return static_cast<std::size_t>(parse_whole(text, 0, 100)); },
      "how many faults a run has at the most [1]", "N");
  faults_max->group(group);
  CLI::Option* const kinds = add_parsed(*explore, "--kinds", options->search.kinds, parse_kinds,
                                        "of drop, duplicate, late (after the receiver's next "
                                        "timeout), swap (behind the next one), corrupt (its last "
                                        "bit) and truncate (its last byte) [the first four]",
                                        "KIND,...");
  kinds->group(group);
  CLI::Option* const runs =
      add_parsed(
          *explore, "--runs", options->runs_max,
          [](std::string_view text) { return parse_whole(text, 1, UINT64_MAX); },
          "stop after so many, of which those that change the last datagrams come first [all]", "N")
          ->group(group);
  CLI::Option* const only =
      add_parsed(
          *explore, "--only", options->only,
          [](std::string_view text) {
            std::vector<ChosenFault> faults = parse_chosen_faults(text);
            if (faults.empty()) throw TextError("the faults are missing");
            return faults;
          },
          "show one run with just these faults, as in uplink.2:duplicate,downlink.1:late", "FAULTS")
          ->group(group);
  only->excludes(runs);
  only->excludes(kinds);
  only->excludes(faults_max);
  CLI::Option* const sometimes =
      explore->add_flag("--require-sometimes", options->requires_sometimes,
                        "what is to hold sometimes and holds in no run is exit code 1");
  sometimes->group(group)->excludes(only);
  add_path(*explore, "--keep", options->keep,
           "leave the least run that breaks a property in this folder: run.script, and the "
           "scenario run.toml",
           "DIR")
      ->group("Output");
  options->json
      .add_to(*explore, "print the result as one JSON object", JsonOption::Timing::kMeasured)
      ->group("Output");
  explore->footer(
      "A run is tried with no fault, then with each set of up to so many: each datagram that is\n"
      "sent is left alone or meets one of the kinds. A delivery takes 1 ms. Exit code 1 when a\n"
      "property does not hold in some run, or one does not come to rest.\n"
      "Examples:\n"
      "  lossy explore --protocol=tftp --faults-max=2 --get=readme\n"
      "  lossy explore --protocol=tftp --sorcerers-apprentice\n"
      "  lossy explore Ada Bob --window=2 --kinds=drop,swap --faults-max=3\n"
      "  lossy explore --protocol=membership --nodes=3 --run-for=30s --kinds=drop");
  explore->callback([options, &command_line, &command] {
    options->plan.resolve();
    const Protocol& explored = options->plan.protocol();
    const auto damages = [](FaultKind kind) {
      return kind == FaultKind::kCorrupt || kind == FaultKind::kTruncate;
    };
    const bool only_damages = std::ranges::any_of(
        options->only, [&](const ChosenFault& fault) { return damages(fault.kind); });
    if (!explored.survives_damage &&
        (only_damages || std::ranges::any_of(options->search.kinds, damages))) {
      throw usage_error(only_damages ? "--only" : "--kinds",
                        explored.name +
                            " does not promise to survive damage that the checksum "
                            "misses; leave corrupt and truncate out");
    }
    command = [options, &command_line] {
      ExploreRun run(*options, command_line);
      return options->only.empty() ? run.search() : run.show_only();
    };
  });
}

}  // namespace lossy
