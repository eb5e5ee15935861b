#include <lossy/harness/cli/greeting_options.hpp>

#include <fmt/format.h>

#include <lossy/core/escape.hpp>

namespace lossy {
namespace {

constexpr std::uint64_t kAttemptsMax = 1'000'000;

// "'M\xff' is not a name: it is not valid UTF-8". A long name is shown by its beginning.
std::string not_a_name(const std::string& name, Malformed reason) {
  constexpr std::size_t kShownBytes = 20;
  std::string shown =
      escape_bytes(std::as_bytes(std::span(name).first(std::min(name.size(), kShownBytes))));
  if (name.size() > kShownBytes) shown += "...";
  std::string why = "it is not valid UTF-8";
  if (reason == Malformed::kEmpty) why = "it is empty";
  if (reason == Malformed::kTooLong) {
    why = fmt::format("it has {} bytes, and more than {} do not fit a greeting", name.size(),
                      kNameBytesMax);
  }
  return fmt::format("'{}' is not a name: {}", shown, why);
}

}  // namespace

void GreetingOptions::add_to(CLI::App& app) {
  const auto whole = [](std::uint64_t min, std::uint64_t max) {
    return [min, max](std::string_view text) { return parse_whole(text, min, max); };
  };
  app.add_option("names", names_, "whom to greet [Michael Tracy Sarah]")->type_name("NAMES");
  const std::string group = "Greetings";
  add_parsed(app, "--window", window_, whole(1, ClientOptions::kWindowMax),
             "how many may be outstanding [1; paced by an interval, 1048576]", "N")
      ->group(group);
  add_parsed(app, "--attempts", attempts_, whole(1, kAttemptsMax),
             "how often a name is sent before the client gives up [5]", "N")
      ->group(group);
  add_parsed(app, "--initial-rto", initial_rto_, parse_duration,
             "how long to wait for an answer before any round-trip time is known [1s]", "TIME")
      ->group(group);
}

void GreetingOptions::resolve() const {
  for (const std::string& name : names_) {
    const ParsedName parsed = parse_request(std::as_bytes(std::span(name)));
    if (const auto* reason = std::get_if<Malformed>(&parsed)) {
      throw usage_error("NAMES", not_a_name(name, *reason));
    }
  }
  const Duration longest = RetryOptions{}.max_rto;
  if (initial_rto_ == Duration::zero() || initial_rto_ > longest) {
    throw usage_error("--initial-rto",
                      "it must be above 0 and at most " + format_duration(longest));
  }
}

std::vector<std::string> GreetingOptions::names() const {
  return names_given() ? names_ : std::vector<std::string>{"Michael", "Tracy", "Sarah"};
}

ClientOptions GreetingOptions::client(const Address& server, std::size_t window) const {
  const auto asked = static_cast<std::size_t>(window_.value_or(window));  // Far below 2^32.
  ClientOptions options{.server = server, .window = asked};
  options.retry.attempts_max = static_cast<int>(attempts_);
  options.retry.initial_rto = initial_rto_;
  return options;
}

}  // namespace lossy
