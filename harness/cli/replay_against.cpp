#include <lossy/harness/cli/replay_against.hpp>

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include <lossy/core/counted.hpp>
#include <lossy/core/escape.hpp>
#include <lossy/harness/capture/new_file.hpp>
#include <lossy/harness/cli/exit_code.hpp>
#include <lossy/harness/cli/loop_handlers.hpp>
#include <lossy/harness/cli/output.hpp>
#include <lossy/harness/cli/played_capture.hpp>
#include <lossy/harness/cli/progress.hpp>
#include <lossy/harness/cli/reasons.hpp>
#include <lossy/harness/cli/recorded_options.hpp>
#include <lossy/harness/cli/report_file.hpp>
#include <lossy/harness/cli/terminal.hpp>
#include <lossy/harness/net/client_crowd.hpp>
#include <lossy/harness/net/flow_limit.hpp>
#include <lossy/harness/report/against_report.hpp>
#include <lossy/harness/report/junit.hpp>
#include <lossy/harness/report/readable.hpp>

namespace lossy {
namespace {

// Sockets at a time, where the system allows them.
constexpr std::size_t kOpenMax = 4096;
// Flows of a file that are told of one by one.
constexpr std::size_t kDetailsMax = 16;
constexpr Duration kLong = std::chrono::minutes(1);

// Which signals are held back, as long as it lives.
class SignalMask {
 public:
  explicit SignalMask(const sigset_t& mask) { ::pthread_sigmask(SIG_SETMASK, &mask, &before_); }
  ~SignalMask() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalMask(const SignalMask&) = delete;
  SignalMask& operator=(const SignalMask&) = delete;

  static sigset_t current() {
    sigset_t mask;
    sigemptyset(&mask);
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    return mask;
  }

 private:
  sigset_t before_{};
};

struct Totals {
  std::uint64_t sent = 0;
  std::uint64_t expected = 0;
  std::uint64_t matched = 0;
  std::uint64_t flows_matched = 0;
  std::uint64_t flows_failed = 0;
  std::uint64_t flows_not_tried = 0;
  std::uint64_t kernel_dropped = 0;

  void add(const AgainstFlow& flow) {
    sent += flow.outcome.sent;
    expected += flow.outcome.expected;
    matched += flow.outcome.matched;
    ++(flow.holds() ? flows_matched : flow.tried() ? flows_failed : flows_not_tried);
    kernel_dropped += flow.kernel_dropped;
  }
};

// What takes long says so, and how to have it sooner: the first power of ten that plays all of it
// within a minute, or else the largest there is. Nothing when it is soon done.
std::string patience_text(const RecordedFlows& recorded, const ReplayTiming& timing) {
  const auto takes = [&](const ReplayTiming& asked) {
    return asked.due({.number = recorded.requests, .at = recorded.duration});
  };
  const Duration now = takes(timing);
  if (now <= kLong) return {};
  const std::uint64_t most = timing.is_paced() ? kPaceMax : kSpeedMax;
  std::string option;
  Duration then = now;
  for (std::uint64_t factor = 10; then > kLong && factor <= most; factor *= 10) {
    const ReplayTiming faster = timing.is_paced()
                                    ? ReplayTiming::paced(factor, std::chrono::seconds(1))
                                    : ReplayTiming::captured(factor * 1000);
    if (takes(faster) >= now) continue;
    then = takes(faster);
    option =
        timing.is_paced() ? fmt::format("--pace={}/s", factor) : fmt::format("--speed={}", factor);
  }
  const std::string sooner =
      option.empty() ? "" : fmt::format("with {} it would take {}, and ", option, readable(then));
  return fmt::format("takes {}; {}with --topspeed as long as the answers", readable(now), sooner);
}

class AgainstRun {
 public:
  AgainstRun(const AgainstOptions& options, const CommandLine& command_line)
      : options_(options), command_line_(command_line), client_(options.client) {
    if (!options.mask.empty()) client_.mask = &options.mask;
    // As answers will say it: asking 0.0.0.0 reaches 127.0.0.1.
    client_.server = *UdpSocket::connect(options.client.server).peer();
    if (options.other) {
      first_ = client_;
      first_->linger = first_->timeout;  // Whatever the capture has, it may still answer.
      client_.server = *UdpSocket::connect(*options.other).peer();
    }
    open_max_ = flow_limit(kOpenMax).flows;
    // Refused before anything is sent.
    if (!options.junit.empty()) junit_.emplace(options.junit);
    if (!options.report.empty()) report_file_.emplace(options.report);
  }

  int run() {
    for (const std::string& path : options_.files) play(path);
    if (options_.json.is_wanted()) {
      nlohmann::ordered_json json{{"command", "replay"},
                                  {"against", (first_ ? *first_ : client_).server.to_string()}};
      if (first_) json["and"] = client_.server.to_string();
      json.update({{"holds", failed_ == 0 && not_tried_ == 0 && !stopped_by_},
                   {"files", std::move(files_)}});
      if (stopped_by_) json["stopped_by"] = stop_signal_name(*stopped_by_);
      json_.write_last(json);
    }
    flush_output();
    if (junit_) junit_->write_whole(junit_xml(suites_));
    if (report_file_) report_file_->write(page_head("replay", command_line_.text()));
    if (stopped_by_) {
      fmt::print(stderr, "lossy: stopped by {}\n", stop_signal_name(*stopped_by_));
      return 128 + *stopped_by_;  // As a shell says it.
    }
    if (failed_ > 0) {
      fmt::print(stderr, "lossy: to see it again: {}\n", command_line_.text());
      return kDoesNotHold;
    }
    return not_tried_ > 0 ? kCouldNotTry : kHolds;
  }

 private:
  void play(const std::string& path) {
    if (stopped_by_) return not_begun(path);
    RecordedFlows recorded;
    try {
      recorded = read_interruptibly(path);
      check_mask(path, recorded, options_.mask, false);
    } catch (const CannotTry& error) {
      return not_readable(path, error.what());  // Other files may be fine.
    }
    if (stopped_by_) return not_begun(path);
    const std::string name = escape_controls(path);
    if (recorded.flows.empty()) {
      return not_readable(path, !recorded.error.empty()
                                    ? recorded.error
                                    : why_nothing(path, "no client sends anything in it", recorded,
                                                  options_.recorded));
    }
    if (const std::string why = no_such_port(path, options_.recorded.server_port, recorded.flows);
        !why.empty()) {
      return not_readable(path, why);
    }
    if (first_) {
      std::vector<RecordedFlow> heard;
      const Played first = play_to(*first_, name, recorded, &heard);
      if (stopped_by_) return not_begun(path);
      recorded.flows = std::move(heard);
      recorded.answers = 0;
      for (const RecordedFlow& flow : recorded.flows) {
        recorded.answers += flow.answers;
        recorded.duration = std::max(recorded.duration, flow.steps.back().at);
      }
      if (recorded.answers == 0) {
        return not_readable(path, fmt::format("{}: {}, so that there is nothing to compare with",
                                              name, why_unheard(first.flows)));
      }
    }
    if (const std::uint64_t whole = masked_whole(recorded, options_.mask, false); whole > 0) {
      const std::string what =
          fmt::format("{}: the mask leaves nothing of {} of {}: whatever comes is as good", name,
                      whole, counted(recorded.answers, "answer"));
      if (whole == recorded.answers) return not_readable(path, what);
      fmt::print(stderr, "lossy: {}\n", what);
    }
    const Played played = play_to(client_, name, recorded, nullptr);
    report(path, recorded, played.flows, played.took);
    if (!recorded.error.empty()) add_error(path, recorded.error);  // What came before was played.
  }

  // Why the first server gave no answer that counts.
  std::string why_unheard(const std::vector<AgainstFlow>& flows) const {
    for (const AgainstFlow& flow : flows) {
      if (!flow.refusal.empty()) return flow.refusal;
    }
    const bool elsewhere = std::ranges::any_of(
        flows, [](const AgainstFlow& flow) { return flow.outcome.unexpected > 0; });
    return first_->server.to_string() +
           (elsewhere ? " answers from other ports" : " answers nothing of it in time");
  }

  struct Played {
    std::vector<AgainstFlow> flows;
    Duration took{};
  };

  Played play_to(const ReplayClientOptions& client, const std::string& name,
                 RecordedFlows& recorded, std::vector<RecordedFlow>* heard) {
    EventLoop loop({.stop = &stop_signal()});
    ++loops_;
    if (const std::string patience = patience_text(recorded, client.timing); !patience.empty()) {
      fmt::print(stderr, "lossy: {} {}\n", name, patience);
    }
    const Instant start = loop.read_clock();
    PlayedCapture capture(recorded, client, start, heard);
    ClientCrowd crowd(loop, capture, {.server = client.server, .open_max = open_max_});
    Progress progress("requests", recorded.requests);
    std::optional<Ticker> ticker;  // Nothing may happen for a long time.
    if (is_terminal(stderr)) ticker.emplace(loop, std::chrono::milliseconds(200), [] {});
    const auto is_done = [&] {
      progress.update(capture.sent());
      return crowd.is_done();
    };
    const EventLoop::End end = loop.run(is_done);
    progress.clear();
    if (end == EventLoop::End::kStopped) {
      stopped_by_ = stop_signal().take();
      capture.stop();
      crowd.end_all();
    }
    Played played{capture.take_results(), loop.read_clock() - start};
    for (AgainstFlow& flow : played.flows) flow.of_servers = first_.has_value();
    return played;
  }

  // Reading a pipe may take forever. Behind the first file the signals that ask for the end are
  // held back for loops, and nothing would hear them: here they mean what they meant at the start.
  RecordedFlows read_interruptibly(const std::string& path) {
    if (loops_ > 0) stopped_by_ = stop_signal().take();
    if (stopped_by_) return {};
    const SignalMask as_at_the_start(mask_at_start_);
    RecordedFlowsOptions recorded = options_.recorded;
    recorded.on_read = reading_progress();
    return read_flows(path, recorded);
  }

  void report(const std::string& path, const RecordedFlows& recorded,
              const std::vector<AgainstFlow>& flows, Duration took) {
    Totals sum;
    for (const AgainstFlow& flow : flows) sum.add(flow);
    failed_ += sum.flows_failed;
    not_tried_ += sum.flows_not_tried;
    std::string why = recorded.error;
    if (why.empty() && recorded.answers == 0) {
      why = why_nothing(path, "no request is answered in it", recorded, options_.recorded);
      fmt::print(stderr, "lossy: {}\n", why);
    }
    if (junit_) add_suite(path, flows);
    if (report_file_) add_run(path, flows, sum);
    if (options_.json.is_wanted()) {
      files_.push_back(json_of(path, recorded, flows, sum, took));
      if (!why.empty()) files_.back()["error"] = why;
    }
    if (options_.json.replaces_text()) return;
    const std::string name = escape_controls(path);
    std::size_t shown = 0;
    for (const AgainstFlow& flow : flows) {
      if (flow.holds() || ++shown > kDetailsMax) continue;
      fmt::print("{}: {}{}", name, against_line(flow), against_details(flow, options_.mask));
    }
    if (shown > kDetailsMax) {
      fmt::print("{}: and {}; --json or --junit=FILE tell of all\n", name,
                 counted(shown - kDetailsMax, "more flow"));
    }
    fmt::print("{}: {} of {} matched: {} of {} as {}, to {}, in {}\n", name, sum.flows_matched,
               counted(recorded.flows.size(), "flow"), sum.matched, counted(sum.expected, "answer"),
               first_ ? "the first server's" : "recorded", counted(sum.sent, "request"),
               readable(took));
    if (const std::string rest = left_out_text(recorded); !rest.empty()) fmt::print("{}\n", rest);
    if (sum.kernel_dropped > 0) {
      fmt::print(stderr,
                 "lossy: the kernel dropped {} that came, for want of room: which is not known; "
                 "send with --pace, or {}\n",
                 counted(sum.kernel_dropped, "datagram"), more_room_hint());
    }
  }

  nlohmann::ordered_json json_of(const std::string& path, const RecordedFlows& recorded,
                                 const std::vector<AgainstFlow>& flows, const Totals& sum,
                                 Duration took) const {
    nlohmann::ordered_json each = nlohmann::ordered_json::array();
    for (const AgainstFlow& flow : flows) each.push_back(against_json(flow, options_.mask));
    nlohmann::ordered_json json{
        {"file", path},
        {"records", recorded.records},
        {"skipped", reasons_json(reasons_of(recorded.skipped, SkipReason{}))},
        {"repeated", recorded.repeated},
        {"bad_checksum", recorded.bad_checksum},
        {"unasked", recorded.unasked},
        {"other", recorded.other},
        {"masked_whole", masked_whole(recorded, options_.mask, false)},
        {"other_host", recorded.other_host},
        {"beyond_flows", recorded.beyond_flows},
        {"flows_matched", sum.flows_matched},
        {"flows_failed", sum.flows_failed},
        {"flows_not_tried", sum.flows_not_tried},
        {"sent", sum.sent},
        {"expected", sum.expected},
        {"matched", sum.matched},
        {"kernel_dropped", sum.kernel_dropped},
        {"flows", std::move(each)}};
    json["timing"] = {{"seconds", in_seconds(took)}};
    return json;
  }

  CapturePart part() const {
    const RecordedFlowsOptions& asked = options_.recorded;
    return {{asked.filter, asked.inner}, asked.flow, asked.server_port};
  }

  // The capture, and what differs in its first flows.
  void add_run(const std::string& path, const std::vector<AgainstFlow>& flows, const Totals& sum) {
    std::vector<std::uint64_t> different;
    std::string text;
    std::size_t shown = 0;
    for (const AgainstFlow& flow : flows) {
      if (flow.holds() || ++shown > kDetailsMax) continue;
      text += against_line(flow) + against_details(flow, options_.mask);
      for (const ReplayFinding& finding : flow.outcome.findings) {
        if (finding.expected != nullptr) different.push_back(finding.expected->record);
      }
    }
    if (shown > kDetailsMax)
      text += fmt::format("and {}\n", counted(shown - kDetailsMax, "more flow"));
    nlohmann::ordered_json run =
        capture_run(path, part(), report_file_->bounds(), std::move(different));
    run["verdict"] = {{"holds", sum.flows_failed + sum.flows_not_tried == 0},
                      {"title", fmt::format("{} of {} matched", sum.flows_matched,
                                            counted(flows.size(), "flow"))},
                      {"text", std::move(text)}};
    report_file_->add(std::move(run));
  }

  void not_readable(const std::string& path, const std::string& why) {
    not_tried(path, why, [&] { return capture_run(path, part(), report_file_->bounds(), {}); });
  }

  // Who asked for the end does not wait for one more file to be read.
  void not_begun(const std::string& path) {
    const std::string why = fmt::format("{}: not replayed: stopped by {} before",
                                        escape_controls(path), stop_signal_name(*stopped_by_));
    not_tried(path, why, [&] { return unread_run(path, why, report_file_->bounds()); });
  }

  template <typename PageRun>
  void not_tried(const std::string& path, const std::string& why, const PageRun& page_run) {
    if (options_.json.is_wanted()) files_.push_back({{"file", path}, {"error", why}});
    if (report_file_) {
      nlohmann::ordered_json run = page_run();
      run["verdict"] = {{"holds", false}, {"title", "could not be tried"}, {"text", why}};
      report_file_->add(std::move(run));
    }
    add_error(path, why);
  }

  void add_error(const std::string& path, const std::string& why) {
    ++not_tried_;
    fmt::print(stderr, "lossy: {}\n", why);
    suites_.push_back({path,
                       {{.name = "all of it",
                         .result = JunitCase::Result::kError,
                         .type = "not_tried",
                         .message = why}}});
  }

  void add_suite(const std::string& path, const std::vector<AgainstFlow>& flows) {
    JunitSuite suite{path};
    for (const AgainstFlow& flow : flows) {
      JunitCase one{
          .name = fmt::format("flow {}: {} > {}", flow.recorded->number,
                              flow.recorded->client.to_string(), flow.recorded->server.to_string()),
          .took = flow.took};
      if (!flow.holds()) {
        one.result = flow.tried() ? JunitCase::Result::kFailed : JunitCase::Result::kError;
        one.type = flow.verdict();
        one.message = against_line(flow);
        one.message.pop_back();
        one.text = against_details(flow, options_.mask);
      }
      suite.cases.push_back(std::move(one));
    }
    suites_.push_back(std::move(suite));
  }

  const AgainstOptions& options_;
  const CommandLine& command_line_;
  ReplayClientOptions client_;                  // Of the server that is judged.
  std::optional<ReplayClientOptions> first_{};  // Of the one that it is compared with.
  std::size_t open_max_ = 1;
  sigset_t mask_at_start_ = SignalMask::current();
  std::size_t loops_ = 0;  // That were made.
  nlohmann::ordered_json files_ = nlohmann::ordered_json::array();
  JsonOutput json_{options_.json};
  std::optional<NewFile> junit_;
  std::optional<ReportFile> report_file_;
  std::vector<JunitSuite> suites_;
  std::uint64_t failed_ = 0;  // Flows.
  std::uint64_t not_tried_ = 0;
  std::optional<int> stopped_by_;
};

}  // namespace

int replay_against(const AgainstOptions& options, const CommandLine& command_line) {
  return AgainstRun(options, command_line).run();
}

}  // namespace lossy
