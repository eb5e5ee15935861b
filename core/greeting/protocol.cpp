#include <lossy/core/greeting/protocol.hpp>

#include <algorithm>
#include <utility>
#include <variant>

#include <lossy/core/escape.hpp>
#include <lossy/core/retry_settings.hpp>

namespace lossy {
namespace {

constexpr std::int64_t kNamesMax = 1'000'000'000'000;

// "'M\xff' is not a name: it is not valid UTF-8". A long name is shown by its beginning.
std::string not_a_name(const std::string& name, Malformed reason) {
  constexpr std::size_t kShownBytes = 20;
  std::string shown =
      escape_bytes(std::as_bytes(std::span(name).first(std::min(name.size(), kShownBytes))));
  if (name.size() > kShownBytes) shown += "...";
  std::string why = "it is not valid UTF-8";
  if (reason == Malformed::kEmpty) why = "it is empty";
  if (reason == Malformed::kTooLong) {
    why = "it has " + std::to_string(name.size()) + " bytes, and more than " +
          std::to_string(kNameBytesMax) + " do not fit a greeting";
  }
  return "'" + shown + "' is not a name: " + why;
}

std::vector<HostRole> hosts(const RunPlan& plan) {
  for (const Call& call : plan.calls) {
    const ParsedName parsed = parse_request(std::as_bytes(std::span(call.argument)));
    if (const auto* reason = std::get_if<Malformed>(&parsed)) {
      throw PlanError("NAMES", not_a_name(call.argument, *reason));
    }
  }
  if (plan.find("count") && !plan.calls.empty()) {
    throw PlanError("--count", "makes up the names; leave out either it or the names given");
  }
  if (plan.find("interval") == 0) {
    throw PlanError("--interval", "it must be above 0; for all at once use --window");
  }
  return {{.name = "client", .port = 50'000, .part = HostRole::Part::kAsks},
          {.name = "server", .port = 9999, .part = HostRole::Part::kAnswers}};
}

class GreetingRun final : public ProtocolRun {
 public:
  GreetingRun(const RunPlan& plan, Protocol::Listener listener)
      : attempts_max_(static_cast<std::uint64_t>(plan.at("attempts"))),
        greeter_(
            greeter_options(plan), greeting_names(plan),
            listener == nullptr ? Greeter::OnEvent()
                                : [listener = std::move(listener)](const ClientEvent& event) {
                                    listener(told(event));
                                  }) {}

  Endpoint& endpoint(std::size_t host) override {
    if (host == 0) return greeter_;
    return server_;
  }
  std::uint64_t asked() const override { return greeter_.requests(); }
  std::uint64_t ended() const override {
    return greeter_.result().greeted + greeter_.result().gave_up;
  }
  RunFigures figures() const override {
    return greeting_figures(greeter_.requests(), greeter_.result(), greeter_.client().counters(),
                            server_.counters());
  }
  bool holds(std::size_t property) const override {
    return property == 0 ? ended() <= asked() : ended() == asked();
  }
  // Every attempt of every request could arrive in eight copies, and each answer in as many.
  std::uint64_t events_max() const override {
    constexpr std::uint64_t kEach = 2 + 8 + 8 * 8;
    constexpr std::uint64_t kOthers = 1'000'000;
    const std::uint64_t most = std::numeric_limits<std::uint64_t>::max() - kOthers;
    return asked() > most / kEach / attempts_max_ ? most
                                                  : asked() * attempts_max_ * kEach + kOthers;
  }

 private:
  std::uint64_t attempts_max_;
  Greeter greeter_;
  Server server_;
};

}  // namespace

const Protocol& greetings() {
  static const Protocol protocol{
      .name = "greetings",
      .sentence = "A name goes out, and \"Hello, NAME!\" comes back.",
      .title = "Greetings",
      .calls = "greetings",
      .call = "request",
      .to_have_more = "more greetings at a time (--window, --interval)",
      .settings = {{.name = "window",
                    .sentence = "how many may be outstanding [1; paced by an interval, 1048576]",
                    .least = 1,
                    .most = ClientOptions::kWindowMax},
                   attempts_setting("how often a name is sent before the client gives up [5]"),
                   initial_rto_setting(),
                   {.name = "count",
                    .sentence = "greet so many made-up names, guest-1 and so on, instead",
                    .least = 1,
                    .most = kNamesMax},
                   {.name = "interval",
                    .sentence =
                        "time between new greetings, however many are outstanding; without it the "
                        "next one waits for the window",
                    .kind = Setting::Kind::kTime}},
      .call_kinds = {{.name = "greet",
                      .argument = "NAMES",
                      .sentence = "whom to greet [Michael Tracy Sarah]",
                      .is_positional = true}},
      .properties = {{.name = "ends-once", .sentence = "each request ends only once"},
                     {.name = "all-end",
                      .sentence = "every request ends",
                      .when = Property::When::kAtRest}},
      .survives_damage = true,
      .tells_requests = true,
      .hosts = hosts,
      .make_run =
          [](const RunPlan& plan, Protocol::Listener listener) {
            return std::make_unique<GreetingRun>(plan, std::move(listener));
          },
  };
  return protocol;
}

Names greeting_names(const RunPlan& plan) {
  if (const auto count = plan.find("count")) return Names(static_cast<std::uint64_t>(*count));
  std::vector<std::string> given;
  for (const Call& call : plan.calls) given.push_back(call.argument);
  if (given.empty()) given = {"Michael", "Tracy", "Sarah"};
  return Names(std::move(given));
}

GreeterOptions greeter_options(const RunPlan& plan) {
  const auto interval = plan.find("interval");
  // RFC 8085 asks for one outstanding request, unless they are paced.
  const auto usual = static_cast<std::int64_t>(interval ? ClientOptions::kWindowMax : 1);
  GreeterOptions options;
  options.client.server = plan.addresses.at(1);
  options.client.window = static_cast<std::size_t>(plan.find("window").value_or(usual));
  options.client.retry = retry_options(plan);
  if (interval) options.interval = Duration(*interval);
  return options;
}

RunEvent told(const ClientEvent& event) {
  const bool greeted = event.kind == ClientEvent::Kind::kGreeted;
  return {.ended = event.ended,
          .elapsed = event.elapsed,
          .is_good = greeted,
          .subject = event.name,
          .predicate = greeted ? "is greeted" : "is given up",
          .attempts = static_cast<std::uint64_t>(event.attempts),
          .request = event.name};
}

RunFigures greeting_figures(std::uint64_t requests, const GreeterResult& result,
                            const ClientCounters& client, const ServerCounters& server) {
  const auto refusals = [](const std::array<std::uint64_t, kMalformedCount>& refused) {
    std::vector<std::pair<std::string_view, std::uint64_t>> counts;
    for (std::size_t i = 0; i < kMalformedCount; ++i) {
      counts.emplace_back(to_string(static_cast<Malformed>(i)), refused[i]);
    }
    return counts;
  };
  auto ignored = refusals(client.refused);
  ignored.emplace_back("unexpected", client.unexpected);
  ignored.emplace_back("wrong_source", client.wrong_source);
  return {.asked = requests,
          .ended = result.greeted + result.gave_up,
          .counts = {{"requests", "", requests},
                     {"greeted", "greeted", result.greeted, true},
                     {"gave_up", "gave up", result.gave_up},
                     {"attempts", "attempts", result.attempts}},
          .lists = {{"server silent", refusals(server.refused)}, {"client ignored", ignored}},
          .rtt = result.rtt};
}

}  // namespace lossy
