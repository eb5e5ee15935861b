#include "harness/cli/scenario.hpp"

namespace lossy {
namespace {

constexpr std::uint64_t kCountMax = 1'000'000'000'000;
constexpr std::uint64_t kAttemptsMax = 1'000'000;

const char* why_not_a_name(const std::string& name) {
  const ParsedName parsed = parse_request(std::as_bytes(std::span(name)));
  const auto* reason = std::get_if<Malformed>(&parsed);
  if (reason == nullptr) return nullptr;
  switch (*reason) {
    case Malformed::kEmpty:
      return "a name must not be empty";
    case Malformed::kTooLong:
      return "a name has at most 1016 bytes, so that its greeting fits 1024";
    default:
      return "a name must be valid UTF-8";
  }
}

}  // namespace

void Scenario::add_to(CLI::App& app) {
  app.add_option("names", names_, "whom to greet [Michael Tracy Sarah]")->type_name("NAMES");
  const auto whole = [](std::uint64_t min, std::uint64_t max) {
    return [min, max](std::string_view text) { return parse_whole(text, min, max); };
  };
  const std::string group = "Greetings";
  add_parsed(app, "--count", count_, whole(1, kCountMax),
             "greet so many made-up names, guest-1 and so on, instead", "N")
      ->group(group);
  add_parsed(app, "--interval", interval_, parse_duration,
             "virtual time between new greetings; without it the next one waits for the window",
             "TIME")
      ->group(group);
  add_parsed(app, "--window", window_, whole(1, ClientOptions::kWindowMax),
             "how many may be outstanding [1; with --interval 1048576]", "N")
      ->group(group);
  add_parsed(app, "--attempts", attempts_, whole(1, kAttemptsMax),
             "how often a name is sent before the client gives up [5]", "N")
      ->group(group);
  add_parsed(app, "--initial-rto", initial_rto_, parse_duration,
             "how long to wait for an answer before any round-trip time is known [1s]", "TIME")
      ->group(group);
  app.add_flag("--ipv6", ipv6_, "use IPv6")->group(group);
  path_.add_to(app);
}

void Scenario::resolve() {
  if (count_ && !names_.empty()) {
    throw usage_error("--count", "makes up the names; leave out either it or the names given");
  }
  for (const std::string& name : names_) {
    if (const char* why = why_not_a_name(name)) throw usage_error("names", why);
  }
  if (interval_ == Duration::zero()) {
    throw usage_error("--interval", "it must be above 0; for all at once use --window");
  }
  const RetryOptions defaults;
  if (initial_rto_ == Duration::zero() || initial_rto_ > defaults.max_rto) {
    throw usage_error("--initial-rto",
                      "it must be above 0 and at most " + format_duration(defaults.max_rto));
  }
  path_.resolve(ipv6_);
}

GreeterOptions Scenario::greeter() const {
  const std::size_t window = interval_ ? ClientOptions::kWindowMax : 1;
  return {.client = {.server = server_address(),
                     .retry = {.initial_rto = initial_rto_,
                               .attempts_max = static_cast<int>(attempts_)},
                     .window = window_.value_or(window)},
          .interval = interval_};
}

Names Scenario::names() const {
  if (count_) return Names(*count_);
  return Names(names_.empty() ? std::vector<std::string>{"Michael", "Tracy", "Sarah"} : names_);
}

Address Scenario::client_address() const {
  return *Address::parse(ipv6_ ? "[2001:db8::1]:50000" : "192.0.2.1:50000");
}

Address Scenario::server_address() const {
  return *Address::parse(ipv6_ ? "[2001:db8::2]:9999" : "192.0.2.2:9999");
}

}  // namespace lossy
