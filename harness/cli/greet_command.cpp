#include <lossy/harness/cli/greet_command.hpp>

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include <lossy/core/counted.hpp>
#include <lossy/core/escape.hpp>
#include <lossy/core/greeting/protocol.hpp>
#include <lossy/harness/cli/exit_code.hpp>
#include <lossy/harness/cli/json_output.hpp>
#include <lossy/harness/cli/output.hpp>
#include <lossy/harness/cli/plan_options.hpp>
#include <lossy/harness/cli/progress.hpp>
#include <lossy/harness/cli/reasons.hpp>
#include <lossy/harness/cli/terminal.hpp>
#include <lossy/harness/net/endpoint_driver.hpp>
#include <lossy/harness/net/socket_address.hpp>
#include <lossy/harness/report/readable.hpp>
#include <lossy/harness/report/rtt_json.hpp>

namespace lossy {
namespace {

constexpr std::uint64_t kCountMax = 1'000'000'000;

struct GreetOptions {
  PlanOptions greetings;
  std::optional<std::uint64_t> count{};
  std::optional<Duration> pace{};  // Between two.
  Address to = Address::v4({127, 0, 0, 1}, 9999);
  JsonOption json;
};

std::string escaped(std::string_view text) {
  return escape_bytes(std::as_bytes(std::span(text)));
}

class GreetRun {
 public:
  GreetRun(const GreetOptions& options, const CommandLine& command_line)
      : options_(options),
        command_line_(command_line),
        socket_(UdpSocket::connect(options.to)),
        stamped_(socket_.stamp_arrivals()),
        greeter_(greeter_options(plan()), greeting_names(plan()),
                 [this](const ClientEvent& event) { print(event); }) {}

  int run() {
    keep_output_failure();  // How far it came is said all the same.
    std::optional<StopSignal> stop(std::in_place);
    EventLoop loop({.stop = &*stop});
    EndpointDriver driver(
        loop, greeter_, socket_,
        stamped_ ? EndpointDriver::Times::kArrival : EndpointDriver::Times::kRead);
    // Greetings that are printed on the terminal show it, too.
    const bool shows_progress = options_.json.replaces_text() || !is_terminal(stdout);
    loop.run([&] {
      flush_output();
      const GreeterResult& result = greeter_.result();
      if (shows_progress) progress_.update(result.greeted + result.gave_up);
      return output_failed() || driver.refused() || greeter_.done();
    });
    progress_.clear();
    const int signal = stop->take().value_or(0);
    stop.reset();  // From here on another signal ends everything at once.
    const Duration elapsed = loop.read_clock() - Instant{};
    if (signal != 0) {
      print_stopped(signal);
      print_what_was_odd();
      write_json(elapsed, stop_signal_name(signal));
      return 128 + signal;  // As a shell says it.
    }
    check_output();
    const bool refused = driver.refused() && !greeter_.done();
    if (refused && greeter_.result().greeted == 0) {
      fmt::print(stderr,
                 "lossy: nobody is listening on {0} (ICMP port unreachable); start a server with: "
                 "lossy serve --listen={0}\n",
                 options_.to.to_string());
      return kCouldNotTry;
    }
    print_what_was_odd();
    if (refused) {
      fmt::print(stderr, "lossy: nobody is listening on {} any more (ICMP port unreachable)\n",
                 options_.to.to_string());
    }
    write_json(elapsed, {});
    return exit_code();
  }

 private:
  RunPlan plan() const {
    RunPlan plan = options_.greetings.plan();
    plan.addresses = {Address(), *socket_.peer()};
    if (options_.count) plan.settings["count"] = static_cast<std::int64_t>(*options_.count);
    if (options_.pace) plan.settings["interval"] = options_.pace->count();
    return plan;
  }

  void print(const ClientEvent& event) {
    if (event.kind == ClientEvent::Kind::kGaveUp) {
      progress_.clear();
      fmt::print(stderr, "lossy: gave up on {} after {}\n", escaped(event.name),
                 counted(static_cast<std::uint64_t>(event.attempts), "attempt"));
    } else if (!options_.json.replaces_text()) {
      fmt::print("{}{}{}\n", kGreetingPrefix, escaped(event.name), kGreetingSuffix);
    }
  }

  void print_stopped(int signal) const {
    const GreeterResult& result = greeter_.result();
    fmt::print(stderr, "lossy: stopped by {}: greeted {} of {}, gave up on {}, {} outstanding\n",
               stop_signal_name(signal), result.greeted, greeter_.requests(), result.gave_up,
               greeter_.client().outstanding());
  }

  // What neither asked nor answered, but happened, so that nobody takes it for loss.
  void print_what_was_odd() const {
    const Reasons ignored = this->ignored();
    if (total(ignored) > 0) {
      fmt::print(stderr, "lossy: {}\n", text_of("ignored answers:", ignored));
    }
    if (socket_.kernel_drops() > 0) {
      fmt::print(stderr,
                 "lossy: the kernel dropped {} that came while {} bytes of others waited; {}\n",
                 counted(socket_.kernel_drops(), "answer"), socket_.receive_buffer_bytes(),
                 more_room_hint());
    }
    const Reasons not_sent = this->not_sent();
    if (total(not_sent) > 0) {
      fmt::print(stderr, "lossy: {}\n", text_of("the system could not send", not_sent));
    }
  }

  // Answers that ended no request.
  Reasons ignored() const {
    const ClientCounters& counters = greeter_.client().counters();
    Reasons reasons{{"unexpected", counters.unexpected}, {"wrong_source", counters.wrong_source}};
    for (const auto& malformed : reasons_of(counters.refused, Malformed::kEmpty)) {
      reasons.push_back(malformed);
    }
    return reasons;
  }
  Reasons not_sent() const {
    return reasons_of(socket_.counters().not_sent, SocketOutcome::kNoBuffers);
  }

  // `stopped_by` is the signal that ended it early, if one did.
  void write_json(Duration elapsed, std::string_view stopped_by) {
    if (!options_.json.is_wanted()) return;
    const GreeterResult& result = greeter_.result();
    nlohmann::ordered_json json{
        {"command", "greet"},
        {"to", options_.to.to_string()},
        {"requests", greeter_.requests()},
        {"greeted", result.greeted},
        {"gave_up", result.gave_up},
        {"outstanding", greeter_.client().outstanding()},
        {"attempts", result.attempts},
        {"sent", socket_.counters().sent},
        {"ignored", total(ignored())},
        {"ignored_by", reasons_json(ignored())},
        {"not_sent_by", reasons_json(not_sent())},
        {"icmp", reasons_json(reasons_of(socket_.counters().reported, SocketOutcome::kTooLong))},
        {"kernel_dropped", socket_.kernel_drops()},
        {"rtt_clock", stamped_ ? "kernel" : "program"}};
    if (!stopped_by.empty()) json["stopped_by"] = stopped_by;
    json["timing"] = {{"seconds", in_seconds(elapsed)},
                      {"rtt_ms", rtt_ms_json(result.rtt)},
                      {"rtt_histogram", rtt_histogram(result.rtt)}};
    json_.write_last(json);
  }

  // How many round trips took less than each power of two, from the shortest to the longest.
  static nlohmann::ordered_json rtt_histogram(const Histogram& rtt) {
    nlohmann::ordered_json json = nlohmann::ordered_json::array();
    std::uint64_t before = 0;
    for (int power = 0; power < 63 && before < rtt.count(); ++power) {
      const Duration bound(std::int64_t{1} << power);
      const std::uint64_t below = rtt.count_below(bound);
      if (below > 0) json.push_back({{"below_ms", in_ms(bound)}, {"count", below - before}});
      before = below;
    }
    return json;
  }

  int exit_code() const {
    if (greeter_.result().greeted == greeter_.requests()) return kHolds;
    fmt::print(stderr, "lossy: greeted {} of {}; try again with: {}\n", greeter_.result().greeted,
               greeter_.requests(), command_line_.text());
    return kDoesNotHold;
  }

  const GreetOptions& options_;
  const CommandLine& command_line_;
  JsonOutput json_{options_.json};
  UdpSocket socket_;
  const bool stamped_;  // The kernel says when an answer arrived.
  Greeter greeter_;
  Progress progress_{"greetings", greeter_.requests()};
};

}  // namespace

void add_greet_command(CLI::App& app, const CommandLine& command_line,
                       std::function<int()>& command) {
  auto options = std::make_shared<GreetOptions>();
  CLI::App* greet =
      app.add_subcommand("greet", "Ask a greeting server on a real network for greetings.");
  options->greetings.add_to(*greet, greetings(), {"count", "interval"});
  add_parsed(
      *greet, "--count", options->count,
      [](std::string_view text) { return parse_whole(text, 1, kCountMax); },
      "greet so many names, guest-1 and so on, instead of given ones", "N")
      ->group("Greetings");
  add_parsed(
      *greet, "--pace", options->pace,
      [](std::string_view text) {
        const Pace pace = parse_pace(text);
        return pace.time / static_cast<Duration::rep>(pace.count);
      },
      "how many new greetings in a time, as in 1000/s or 30/min, or the time between two, "
      "however many are outstanding; else the next is asked when the window has room",
      "N/TIME|TIME")
      ->group("Greetings");
  add_parsed(*greet, "--to", options->to, resolve_server, "the server [127.0.0.1:9999]",
             "HOST:PORT");
  options->json.add_to(*greet, "print what was counted as one JSON object",
                       JsonOption::Timing::kMeasured);
  greet->footer(
      "Round-trip times end when this machine's kernel had the answer, however late this program "
      "is.\n"
      "Exit code 1 when a name was not greeted, 2 when nobody is listening.\n"
      "Examples:\n"
      "  lossy greet\n"
      "  lossy greet Zoë --to=[::1]:9999 --attempts=3 --initial-rto=100ms\n"
      "  lossy greet --count=1000000 --window=64 --json");
  greet->callback([options, &command_line, &command] {
    options->greetings.resolve();
    if (options->count && !options->greetings.plan().calls.empty()) {
      throw usage_error("--count", "makes up the names; leave out either it or the names given");
    }
    command = [options, &command_line] { return GreetRun(*options, command_line).run(); };
  });
}

}  // namespace lossy
