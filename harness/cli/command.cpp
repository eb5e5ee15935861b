#include <lossy/harness/cli/command.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>
#include <new>
#include <sstream>
#include <system_error>
#include <vector>

#include <lossy/core/escape.hpp>
#include <lossy/core/greeting/protocol.hpp>
#include <lossy/harness/capture/stoppable_write.hpp>
#include <lossy/harness/cli/answer_command.hpp>
#include <lossy/harness/cli/command_line.hpp>
#include <lossy/harness/cli/completion.hpp>
#include <lossy/harness/cli/exit_code.hpp>
#include <lossy/harness/cli/explore_command.hpp>
#include <lossy/harness/cli/golden_command.hpp>
#include <lossy/harness/cli/greet_command.hpp>
#include <lossy/harness/cli/help_format.hpp>
#include <lossy/harness/cli/inspect_command.hpp>
#include <lossy/harness/cli/interfaces_command.hpp>
#include <lossy/harness/cli/learn_command.hpp>
#include <lossy/harness/cli/live_command.hpp>
#include <lossy/harness/cli/loopback_command.hpp>
#include <lossy/harness/cli/option.hpp>
#include <lossy/harness/cli/option_view.hpp>
#include <lossy/harness/cli/output.hpp>
#include <lossy/harness/cli/profiles_command.hpp>
#include <lossy/harness/cli/protocols.hpp>
#include <lossy/harness/cli/protocols_command.hpp>
#include <lossy/harness/cli/proxy_command.hpp>
#include <lossy/harness/cli/record_command.hpp>
#include <lossy/harness/cli/replay_command.hpp>
#include <lossy/harness/cli/scenario_format.hpp>
#include <lossy/harness/cli/script_command.hpp>
#include <lossy/harness/cli/seeds_command.hpp>
#include <lossy/harness/cli/serve_command.hpp>
#include <lossy/harness/cli/simulate_command.hpp>
#include <lossy/harness/cli/typed_words.hpp>
#include <lossy/harness/net/socket_address.hpp>
#include <lossy/harness/net/stop_signal.hpp>

namespace lossy {
namespace {

// Says why in one line, whatever it quotes. It must not throw: there may be nowhere to say it.
int complain(const std::string& why) {
  const std::string line = "lossy: " + escape_controls(why) + '\n';
  std::fputs(line.c_str(), stderr);
  return kCouldNotTry;
}

// A file or socket of ours must not become what was meant to be standard output or standard error.
// What is closed stays unusable: nothing can be read from it or written to it.
void occupy_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(descriptor, F_GETFD) >= 0) continue;
    open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

// How to ask for help on the command that was being used.
std::string help_of(const CLI::App& app, const CommandLine& command_line) {
  const auto used = app.get_subcommands();
  return command_line.program() + ' ' + (used.empty() ? "" : used.front()->get_name() + " ") +
         "--help";
}

std::string command_names(const CLI::App& app) {
  std::string names;
  for (const CLI::App* command : shown_commands(app)) {
    names += (names.empty() ? "" : ", ") + command->get_name();
  }
  return names;
}

// A word where a command should be is most likely a misspelt one.
std::string unknown_command(const CLI::App& app, const std::string& word) {
  return "there is no command '" + word + "'; there are " + command_names(app);
}

std::string missing_command(const CLI::App& app, const CommandLine& command_line) {
  return "the command is missing: there are " + command_names(app) + "; see " +
         help_of(app, command_line);
}

using Adder = void (*)(CLI::App&, const CommandLine&, std::function<int()>&);
template <void (*add)(CLI::App&, std::function<int()>&)>
void without_line(CLI::App& app, const CommandLine&, std::function<int()>& command) {
  add(app, command);
}

struct GroupedCommand {
  const char* name;
  Adder add;
  bool is_of_greetings = false;
};

struct CommandGroup {
  const char* title;
  std::vector<GroupedCommand> commands;
};

// In groups of what a person wants to do, which --help shows in this order.
const std::vector<CommandGroup>& command_groups() {
  static const std::vector<CommandGroup> groups = {
      {"See what a bad network does",
       {{"learn", without_line<add_learn_command>, true},
        {"simulate", add_simulate_command},
        {"loopback", add_loopback_command},
        {"explore", add_explore_command},
        {"protocols", without_line<add_protocols_command>},
        {"profiles", without_line<add_profiles_command>}}},
      {"Put programs on a bad network",
       {{"proxy", add_proxy_command},
        {"serve", add_serve_command},
        {"ask", add_ask_command},
        {"greet", add_greet_command, true}}},
      {"Capture, and look at captures",
       {{"record", without_line<add_record_command>},
        {"interfaces", without_line<add_interfaces_command>},
        {"inspect", add_inspect_command}}},
      {"Make captures regression tests",
       {{"replay", add_replay_command},
        {"answer", add_answer_command},
        {"golden", add_golden_command}}},
      {"Feed a fuzzer",
       {{"script", without_line<add_script_command>}, {"seeds", without_line<add_seeds_command>}}},
  };
  return groups;
}

bool is_there(const GroupedCommand& command) {
  return !command.is_of_greetings || find_protocol(greetings().name) != nullptr;
}

bool is_command(std::string_view word) {
  return std::ranges::any_of(command_groups(), [&](const CommandGroup& group) {
    return std::ranges::any_of(group.commands, [&](const GroupedCommand& command) {
      return command.name == word && is_there(command);
    });
  });
}

constexpr const char* kLossy = "lossy";

// All of them; the one alone that is called by the first word needs no other's options, which take
// longer to set up than most commands run.
void add_commands(CLI::App& app, const CommandLine& command_line, std::string_view first_word,
                  std::function<int()>& command) {
  const bool all = !is_command(first_word);
  for (const auto& [title, commands] : command_groups()) {
    for (const GroupedCommand& one : commands) {
      if (!is_there(one) || (!all && first_word != one.name)) continue;
      one.add(app, command_line, command);
      app.get_subcommand(one.name)->group(title);
    }
  }
  if (app.get_name() != kLossy) {  // Their examples are of lossy's protocols.
    for (CLI::App* added : app.get_subcommands({})) added->footer("");
    return;
  }
  if (all) add_completion_commands(app, command);
}

constexpr const char* kOptions = "Options";  // CLI11 has another title from version 2.5 on.

int parse_and_run(int argc, char** argv, const CommandAbout& about) {
  const CommandLine command_line(argc, argv);
  std::function<int()> command;
  CLI::App app(about.sentence, about.name);
  app.formatter(std::make_shared<HelpFormat>());
  app.get_help_ptr()->group(kOptions);
  app.option_defaults()->group(kOptions);
  const std::string with = about.name == kLossy ? "" : about.name + ", made with ";
  app.set_version_flag("--version", with + "lossy " LOSSY_VERSION);
  app.require_subcommand(1);
  app.footer("Every command explains itself: " + about.name + " COMMAND --help");
  app.set_config("--config", "",
                 "a scenario: the options of simulate in the [simulate] section of a file")
      ->check(scenario_file())
      ->type_name("FILE.toml");
  app.allow_config_extras(CLI::config_extras_mode::error);
  const auto scenario = std::make_shared<ScenarioFormat>(app);
  app.config_formatter(scenario);
  add_commands(app, command_line, argc > 1 ? argv[1] : "", command);
  try {
    refuse_misread_words(app, {argv + std::min(argc, 1), argv + argc});
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // It asked for help, or the version.
      std::ostringstream text;
      const int exit_code = app.exit(error, text);
      std::fputs(text.str().c_str(), stdout);
      return exit_code;
    }
    // An option's own complaint says what would do; the parser's say only what is wrong.
    if (error.get_name() == "ValidationError") return complain(scenario->placed(error.what()));
    if (app.get_subcommands().empty() && argc > 1 && argv[1][0] != '-') {
      return complain(unknown_command(app, argv[1]));
    }
    if (app.get_subcommands().empty() && argc == 1) {
      return complain(missing_command(app, command_line));
    }
    return complain(std::string(error.what()) + "; see " + help_of(app, command_line));
  }
  return command();
}

int run(int argc, char** argv, const CommandAbout& about) {
  try {
    const int exit_code = parse_and_run(argc, argv, about);
    flush_output();
    check_output();
    return exit_code;
  } catch (const std::bad_alloc&) {
    return complain("out of memory");
  } catch (const std::system_error& error) {
    // Whoever read along has had enough, as in `lossy simulate --trace | head`.
    if (error.code() == std::errc::broken_pipe) return 128 + SIGPIPE;
    if (error.code() == std::errc::operation_canceled) {
      complain("nobody reads standard output; what was left to print is lost");
      return 128 + SIGPIPE;
    }
    // Whatever was printing says of which file.
    if (output_failed()) return complain(output_failure().what());
    if (error.code() == std::errc::too_many_files_open) {
      return complain(std::string(error.what()) + "; allow this program more with: ulimit -n");
    }
    return complain(error.what());
  } catch (const std::exception& error) {
    return complain(error.what());
  }
}

}  // namespace

int run_command(int argc, char** argv, const CommandAbout& about) {
  set_protocols(about.protocols);
  Address::name_zones(zone_name);
  occupy_standard_descriptors();
  take_over_output();
  when_stop_is_taken(expect_end);
  // The write fails instead, and what failed is said.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  return run(argc, argv, about);
}

}  // namespace lossy
