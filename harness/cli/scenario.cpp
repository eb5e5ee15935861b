#include <lossy/harness/cli/scenario.hpp>

#include <system_error>

#include <lossy/harness/cli/script_file.hpp>

namespace lossy {
namespace {

constexpr std::uint64_t kNamesMax = 1'000'000'000'000;

}  // namespace

void Scenario::add_to(CLI::App& app) {
  greetings_.add_to(app);
  const std::string group = "Greetings";
  add_parsed(
      app, "--count", count_, [](std::string_view text) { return parse_whole(text, 1, kNamesMax); },
      "greet so many made-up names, guest-1 and so on, instead", "N")
      ->group(group);
  add_parsed(app, "--interval", interval_, parse_duration,
             "time between new greetings, however many are outstanding; without it the next "
             "one waits for the window",
             "TIME")
      ->group(group);
  app.add_flag("--ipv6", ipv6_, "use IPv6")->group(group);
  path_.add_to(app);
  add_path(app, "--script", script_path_,
           "instead of all that: what the client is asked and what the network does, operation by "
           "operation, as lossy script shows it",
           "FILE")
      ->group("Script");
  app_ = &app;
}

void Scenario::resolve_script() {
  for (const CLI::Option* option : app_->get_options()) {
    const std::string& group = option->get_group();
    if (option->count() == 0 || group == "Script" || group == "Output") continue;
    if (option->get_name() == "--config") continue;  // CLI11 2.6 has those of lossy itself, too.
    throw usage_error(option->get_name() == "names" ? "NAMES" : option->get_name(),
                      "the script says all about the client and the path; leave one of them out");
  }
  try {
    script_ = read_script(script_path_).script;
  } catch (const TextError& error) {
    throw usage_error("--script", error.what());
  } catch (const std::system_error& error) {
    throw usage_error("--script", error.what());
  }
}

void Scenario::resolve() {
  if (!script_path_.empty()) resolve_script();
  greetings_.resolve();
  if (count_ && greetings_.names_given()) {
    throw usage_error("--count", "makes up the names; leave out either it or the names given");
  }
  if (interval_ == Duration::zero()) {
    throw usage_error("--interval", "it must be above 0; for all at once use --window");
  }
  path_.resolve(ipv6_);
  if (path_.faults() && path_.faults()->last_flow() > 1) {
    throw usage_error("--faults", "there is one flow here, and flow" +
                                      std::to_string(path_.faults()->last_flow()) +
                                      " is for lossy proxy");
  }
}

GreeterOptions Scenario::greeter() const {
  const std::size_t window = interval_ ? ClientOptions::kWindowMax : 1;
  return {.client = greetings_.client(server_address(), window), .interval = interval_};
}

Names Scenario::names() const {
  return count_ ? Names(*count_) : Names(greetings_.names());
}

Address Scenario::client_address() const {
  return *Address::parse(ipv6_ ? "[2001:db8::1]:50000" : "192.0.2.1:50000");
}

Address Scenario::server_address() const {
  return *Address::parse(ipv6_ ? "[2001:db8::2]:9999" : "192.0.2.2:9999");
}

}  // namespace lossy
