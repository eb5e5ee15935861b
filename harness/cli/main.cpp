// The `lossy` command.
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <new>

#include "harness/cli/command_line.hpp"
#include "harness/cli/exit_code.hpp"
#include "harness/cli/greet_command.hpp"
#include "harness/cli/option.hpp"
#include "harness/cli/replay_command.hpp"
#include "harness/cli/serve_command.hpp"
#include "harness/cli/simulate_command.hpp"

namespace lossy {
namespace {

int complain(const std::string& why) {
  fmt::print(stderr, "lossy: {}\n", why);
  return kCouldNotTry;
}

// Output that could not be written, to a full disk say, must not look like success.
int flushed(int exit_code) {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    return complain(std::string("cannot write to standard output: ") + std::strerror(errno));
  }
  return exit_code;
}

// How to ask for help on the command that was being used.
std::string help_of(const CLI::App& app, const CommandLine& command_line) {
  const auto used = app.get_subcommands();
  return command_line.program() + ' ' + (used.empty() ? "" : used.front()->get_name() + " ") +
         "--help";
}

int run(int argc, char** argv) {
  const CommandLine command_line(argc, argv);
  std::function<int()> command;
  CLI::App app("Shows what a UDP protocol does when the network misbehaves.", "lossy");
  app.set_version_flag("--version", "lossy " LOSSY_VERSION);
  app.require_subcommand(1);
  app.footer("Every command explains itself: lossy COMMAND --help");
  app.set_config("--config", "",
                 "a scenario: the options of simulate in the [simulate] section of a file")
      ->check(CLI::ExistingFile)
      ->type_name("FILE.toml");
  app.allow_config_extras(CLI::config_extras_mode::error);
  add_simulate_command(app, command_line, command);
  add_replay_command(app, command_line, command);
  add_serve_command(app, command);
  add_greet_command(app, command_line, command);
  try {
    app.parse(argc, argv);
    if (app.count("--config") > 0 && !app.got_subcommand("simulate")) {
      throw usage_error("--config", "a scenario is for lossy simulate");
    }
    return flushed(command());
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return flushed(app.exit(error));
    // An option's own complaint says what would do; the parser's say only what is wrong.
    const bool explained = error.get_name() == "ValidationError";
    return complain(explained ? error.what()
                              : std::string(error.what()) + "; see " + help_of(app, command_line));
  } catch (const std::bad_alloc&) {
    return complain("out of memory");
  } catch (const std::exception& error) {
    return complain(error.what());
  }
}

}  // namespace
}  // namespace lossy

int main(int argc, char** argv) {
  return lossy::run(argc, argv);
}
