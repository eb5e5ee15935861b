#include <lossy/harness/playground/simulated_run.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include <lossy/core/greeting/protocol.hpp>
#include <lossy/harness/cli/run_report.hpp>
#include <lossy/harness/cli/typed_words.hpp>
#include <lossy/harness/sim/simulation.hpp>

namespace lossy {
namespace {

// More would keep a page busy for seconds.
constexpr std::uint64_t kEventsMax = 2'000'000;

// The options that were given and that are to be kept, as "--name=value".
template <typename Keep>
Arguments options_of(const CLI::App& app, Keep keep) {
  Arguments arguments;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional() || !keep(*option)) continue;
    const bool is_flag = option->get_items_expected_max() == 0;
    for (const std::string& value : option->results()) {
      arguments.push_back(option->get_name() + (is_flag ? "" : '=' + value));
    }
  }
  return arguments;
}

bool is_about_path(const CLI::Option& option) {
  const std::string& group = option.get_group();
  return group == "Path" || group == "Path, one way" || group == "Randomness";
}

// Without "--", and without the direction it is for.
std::string_view field_of(const CLI::Option& option) {
  std::string_view name = option.get_single_name();
  for (const std::string_view way : {"uplink-", "downlink-"}) {
    if (name.starts_with(way)) name.remove_prefix(way.size());
  }
  return name;
}

template <std::size_t kSize>
bool is_among(std::string_view name, const std::array<std::string_view, kSize>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// These say several things at once, some of them perhaps by chance.
bool is_line(const CLI::Option& option) {
  return is_among<5>(field_of(option), {"profile", "netem", "uplink", "downlink", "timeline"});
}

bool leaves_to_chance(const CLI::Option& option) {
  return is_among<14>(
      field_of(option),
      {"drop", "burst", "loss", "duplicate", "reorder", "reorder-delay", "corrupt", "corrupt-bits",
       "truncate", "jitter", "jitter-correlation", "distribution", "seed", "faults"});
}

}  // namespace

SimulatedRun::SimulatedRun(Arguments arguments) : given_(std::move(arguments)) {
  scenario_.add_to(app_, greetings());
  app_.set_help_flag();  // There is no terminal to print it to.
  refuse_misread_words(app_, given_);
  Arguments reversed(given_.rbegin(), given_.rend());  // As CLI11 wants it.
  app_.parse(reversed);
  scenario_.resolve();
}

RunReport SimulatedRun::run(Observer& observer, Protocol::Listener listener) const {
  const RunPlan plan = scenario_.plan();
  const auto run = greetings().make_run(plan, std::move(listener));
  Simulation simulation({.events_max = kEventsMax});
  const HostId asks = simulation.add(run->endpoint(0), plan.addresses[0]);
  const HostId answers = simulation.add(run->endpoint(1), plan.addresses[1]);
  const Path path = simulation.path(asks, answers, scenario_.path().make_link(Direction::kUplink),
                                    scenario_.path().make_link(Direction::kDownlink));
  simulation.observe(observer);
  const RunEnd end = simulation.run_until([] { return false; }, Instant::max());
  if (end == RunEnd::kEvents || end == RunEnd::kStuck) {
    throw std::runtime_error("this run is longer than a page has the patience for, " +
                             std::to_string(kEventsMax) +
                             " datagrams and timeouts: ask for less, or run it in a terminal");
  }
  if (run->ended() < run->asked()) {
    throw std::runtime_error("virtual time ends after 292 years, and some requests had not");
  }
  RunReport report = run_report(scenario_, *run, simulation.link(path.there).counters(),
                                simulation.link(path.back).counters(), simulation.now());
  report.command = "simulate";
  report.virtual_time = simulation.now() - Instant{};
  report.reproduce = reproduce();
  return report;
}

Arguments SimulatedRun::arguments() const {
  return with_names(options_of(app_, [](const CLI::Option&) { return true; }));
}

Arguments SimulatedRun::with_faults(const std::string& faults) const {
  const auto options = app_.get_options();
  const bool has_lines = std::any_of(options.begin(), options.end(), [](const auto* option) {
    return option->count() > 0 && is_line(*option);
  });
  Arguments arguments = options_of(app_, [&](const CLI::Option& option) {
    if (!is_about_path(option)) return true;
    if (faults.empty() && field_of(option) == "jitter-keeps-order") return false;
    return !has_lines && !leaves_to_chance(option);
  });
  if (has_lines) {
    const Arguments lines = scenario_.path().arguments_beside_faults();
    arguments.insert(arguments.end(), lines.begin(), lines.end());
  }
  if (!faults.empty()) arguments.push_back("--faults=" + faults);
  return with_names(std::move(arguments));
}

Arguments SimulatedRun::with_names(Arguments arguments) const {
  const auto& names = app_.get_option("names")->results();
  const bool like_options = std::any_of(
      names.begin(), names.end(), [](const std::string& name) { return name.starts_with('-'); });
  if (like_options) arguments.emplace_back("--");
  arguments.insert(arguments.end(), names.begin(), names.end());
  return arguments;
}

CommandLine simulate_command_line(const Arguments& arguments) {
  std::vector<const char*> words{"lossy", "simulate"};
  for (const std::string& argument : arguments) words.push_back(argument.c_str());
  return {static_cast<int>(words.size()), words.data()};
}

std::string SimulatedRun::reproduce() const {
  const CommandLine command_line = simulate_command_line(given_);
  const auto seed = scenario_.path().implied_seed();
  return seed ? command_line.with("simulate", "--seed", std::to_string(*seed)).text()
              : command_line.text();
}

}  // namespace lossy
