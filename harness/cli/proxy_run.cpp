#include <lossy/harness/cli/proxy_run.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include <lossy/core/counted.hpp>
#include <lossy/core/escape.hpp>
#include <lossy/harness/capture/key_log.hpp>
#include <lossy/harness/cli/child_process.hpp>
#include <lossy/harness/cli/exit_code.hpp>
#include <lossy/harness/cli/faults_met.hpp>
#include <lossy/harness/cli/kept_file.hpp>
#include <lossy/harness/cli/loop_handlers.hpp>
#include <lossy/harness/cli/output.hpp>
#include <lossy/harness/cli/protocols.hpp>
#include <lossy/harness/cli/proxy_report.hpp>
#include <lossy/harness/cli/report_file.hpp>
#include <lossy/harness/cli/terminal.hpp>
#include <lossy/harness/cli/tool_notes.hpp>
#include <lossy/harness/net/flow_limit.hpp>
#include <lossy/harness/net/socket_address.hpp>
#include <lossy/harness/report/link_notes.hpp>
#include <lossy/harness/report/readable.hpp>

namespace lossy {
namespace {

constexpr Duration kLivePeriod = std::chrono::milliseconds(500);
// What a proxy that is killed has not recorded yet is no older.
constexpr Duration kFlushPeriod = std::chrono::milliseconds(200);

std::string with_all(std::string text, std::string_view what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
  return text;
}

// Where a program on this machine finds what listens there: nobody has the address that stands for
// all.
Address reachable(const ListenAddress& listening) {
  const Address& address = listening.address;
  if (address.octets() != std::array<std::uint8_t, 16>{}) return address;
  const bool v6 = address.is_v6() && !listening.both_families;
  return with_port(*Address::parse(v6 ? "[::1]:0" : "127.0.0.1:0"), address.port());
}

class ProxyRun {
 public:
  ProxyRun(const ProxyCommandOptions& options, const CommandLine& command_line)
      : options_(options),
        command_line_(command_line),
        json_(options.json),
        out_(options.command.empty() ? stdout : stderr),
        json_out_(options.json.to == JsonOption::To::kStandardOutput ? stdout : out_),
        ladder_(ladder_on(options.json.replaces_text() ? stderr : out_,
                          description_of(options.protocol))) {}

  int run() {
    keep_output_failure();  // There are files to finish.
    signals_.emplace(std::initializer_list<int>{SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD});
    const SignalHandler handler(loop_, *signals_,
                                [this](const CaughtSignals::Caught& caught) { hear(caught); });
    open();
    observe();
    std::optional<Ticker> stats;
    if (options_.stats) {
      stats.emplace(loop_, *options_.stats, [this] {
        clear_live();
        attempt_json(
            [&] { json_.write(proxy_json(report(proxy_->recent_counters())), json_out_); });
      });
    }
    std::optional<Ticker> live;
    if (is_terminal(stderr) && !options_.trace && options_.command.empty()) {
      live.emplace(loop_, kLivePeriod, [this] { show_live(); });
    }
    std::optional<Ticker> flush;
    if (!options_.record.file.empty()) {
      flush.emplace(loop_, kFlushPeriod, [this] {
        for (const auto& file : files_) file->flush();
      });
    }
    if (!options_.command.empty()) start_command();
    loop_.run([this] {
      flush_output();
      return stopped_ || output_failed();
    });
    clear_live();
    return ended_at_once_ > 0 ? 128 + ended_at_once_ : finish();
  }

 private:
  // Listens, and says where.
  void open() {
    const FlowLimit limit = flow_limit(options_.flows);
    proxy_.emplace(loop_,
                   ProxyOptions{.listen = *options_.listen,
                                .server = *options_.to,
                                .idle = options_.idle,
                                .flows_max = limit.flows,
                                .rebind_every = options_.rebind_every,
                                .memory_bytes_max = options_.memory_bytes},
                   [this](std::uint64_t flow, const Address& client) {
                     const auto link = [&](Direction direction) {
                       return options_.path.make_link(direction, flow, client.is_v6());
                     };
                     return Proxy::Links{link(Direction::kUplink), link(Direction::kDownlink)};
                   });
    if (proxy_->is_its_own_server()) {
      throw CannotTry("the proxy would be its own server: --to=" + options_.to->to_string() +
                      " is " + proxy_->socket().listening().to_string() +
                      ", where it listens; give the server's address and port");
    }
    open_files();
    fmt::print(stderr, "lossy: proxy on {} to {}\n", proxy_->socket().listening().to_string(),
               options_.to->to_string());
    if (limit.flows < options_.flows) {
      fmt::print(stderr, "lossy: at most {} instead of {}: {}\n", counted(limit.flows, "flow"),
                 options_.flows, limit.reason);
    }
    if (const std::string shortage = proxy_->socket().buffer_shortage(); !shortage.empty()) {
      fmt::print(stderr, "lossy: {}\n", shortage);
    }
  }

  void open_files() {
    if (!options_.record.file.empty()) {
      const auto wall_time = std::chrono::system_clock::now().time_since_epoch();
      RecordingOptions writing = options_.record.writing(again(), "proxy");
      writing.until = NewFile::Until::kTemporaryName;
      auto recording =
          std::make_unique<KeptRecording>(options_.record.file, writing, options_.record.fates(),
                                          wall_time - loop_.read_clock().time_since_epoch());
      recording_ = recording.get();
      files_.push_back(std::move(recording));
    }
    if (!options_.save_faults.empty()) {
      files_.push_back(std::make_unique<KeptFaults>(
          options_.save_faults, again().without("--save-faults").options_text("proxy"),
          options_.path.options_beside_faults()));
    }
    if (!options_.report.empty()) report_file_.emplace(options_.report);
  }

  void observe() {
    for (const auto& file : files_) proxy_->observe(*file);
    if (report_file_) proxy_->observe(collector_);
    if (options_.trace) proxy_->observe(ladder_);
    if (options_.path.faults()) proxy_->observe(faults_met_.emplace(*options_.path.faults()));
  }

  void start_command() {
    const Address address = reachable(proxy_->socket().listening());
    const std::string port = std::to_string(address.port());
    std::vector<std::string> arguments;
    for (const std::string& argument : options_.command) {
      arguments.push_back(with_all(
          with_all(with_all(argument, "{address}", address.to_string()), "{host}", address.host()),
          "{port}", port));
    }
    child_.emplace(
        arguments,
        std::vector<std::pair<std::string, std::string>>{{"LOSSY_ADDRESS", address.to_string()},
                                                         {"LOSSY_HOST", address.host()},
                                                         {"LOSSY_PORT", port}},
        signals_->mask_before());
  }

  void hear(const CaughtSignals::Caught& caught) {
    if (caught.number == SIGUSR1) {
      print_summary();
    } else if (caught.number == SIGCHLD) {
      if (child_ && !child_code_ && (child_code_ = child_->poll())) stopped_ = true;
    } else if (asked_to_end_ == caught.number && asked_by_ == caught.sender &&
               loop_.read_clock() - asked_at_ < kOneRequest) {
      return;
    } else if (asked_to_end_ > 0) {
      ended_at_once_ = caught.number;
      if (child_) child_->end_at_once();
      stopped_ = true;
    } else {
      asked_to_end_ = caught.number;
      asked_by_ = caught.sender;
      asked_at_ = loop_.read_clock();
      pass_on(caught);
    }
  }

  void pass_on(const CaughtSignals::Caught& caught) {
    if (child_) {
      // It decides what comes of it. A key has told it already.
      if (!caught.from_terminal) child_->signal(caught.number);
    } else {
      stopped_ = true;
    }
  }

  // Writes and prints what is left to be.
  int finish() {
    signals_.reset();  // Another one ends everything at once.
    proxy_->tell_in_flight(loop_.read_clock());
    if (!options_.secrets.empty()) add_secrets();
    for (const auto& file : files_) file->finish();
    final_ = true;
    print_summary();
    if (output_failed()) {
      fmt::print(stderr, "lossy: nobody takes what is printed any more; what the proxy came to:\n");
      out_ = json_out_ = stderr;
      print_summary();
    }
    if (options_.json.to == JsonOption::To::kFile) {
      attempt_json([this] { json_.write_last(proxy_json(report(proxy_->counters()))); });
    }
    const bool reported = !report_file_ || write_report();
    if (child_code_.value_or(kHolds) != kHolds) return *child_code_;
    return !reported || json_failed_ || !without_secrets_.empty() ||
                   std::ranges::any_of(files_,
                                       [](const auto& file) { return !file->failure().empty(); })
               ? kDoesNotHold
               : kHolds;
  }

  // Whoever has them may have written them until now.
  void add_secrets() {
    const auto log = read_key_log(options_.secrets);
    if (const auto* const secrets = std::get_if<std::string>(&log)) {
      return recording_->add_secrets(std::as_bytes(std::span(*secrets)));
    }
    const std::string file = escape_controls(options_.secrets);
    without_secrets_ = fmt::format(
        "{} is without secrets: {} {}; editcap --inject-secrets=tls,FILE puts them in later",
        escape_controls(options_.record.file), file, words_of(std::get<KeyLogError>(log)));
    fmt::print(stderr, "lossy: {}\n", without_secrets_);
  }

  static std::string words_of(const KeyLogError& error) {
    return error.kind == KeyLogError::Kind::kMissing ? "is not there" : error.text;
  }

  // What cannot be written ends the file, and nothing else.
  template <typename Write>
  void attempt_json(Write write) {
    if (json_failed_) return;
    try {
      write();
    } catch (const std::system_error& error) {
      json_failed_ = true;
      fmt::print(stderr, "lossy: {}\n", escape_controls(error.what()));
    }
  }

  // Whether it could be written.
  bool write_report() {
    const ProxyReport all = report(proxy_->counters());
    PageHead head = page_head("proxy", all.reproduce);
    if (all.seed) head.seed = std::to_string(*all.seed);
    report_file_->add(page_run(all.counters.uplink, all.counters.downlink, collector_,
                               page_path(options_.path),
                               {{"flows", std::to_string(all.counters.flows)},
                                {"time", readable(all.time)},
                                {"listened on", all.listen.to_string()},
                                {"server", all.to.to_string()}},
                               all.notes));
    try {
      report_file_->write(head);
    } catch (const std::system_error& error) {
      fmt::print(stderr, "lossy: {}\n", escape_controls(error.what()));
      return false;
    }
    return true;
  }

  ProxyReport report(const ProxyCounters& counters) const {
    ProxyReport report{
        .listen = proxy_->socket().listening(),
        .to = *options_.to,
        .seed = options_.path.is_random() ? options_.path.common_seed() : std::nullopt,
        .time = loop_.now() - Instant{},
        .final = final_,
        .counters = counters,
        .memory_bytes_max = options_.memory_bytes,
        .reproduce = again().text()};
    if (final_) {
      report.notes = notes(counters);
      for (std::string& note :
           tool_notes({.counters = counters,
           .uplink = options_.path.settings(Direction::kUplink),
           .downlink = options_.path.settings(Direction::kDownlink),
           .command = options_.command.empty() ? "" : options_.command.front()})) {
        report.notes.push_back(std::move(note));
      }
      if (counters.flows + counters.flows_refused == 0 && !options_.command.empty()) {
        report.notes.push_back(fmt::format(
            "no datagram came: {} has to send to $LOSSY_ADDRESS, or to what it is given for "
            "{{address}}.",
            escape_controls(options_.command.front())));
      }
      if (!without_secrets_.empty()) report.notes.push_back(without_secrets_ + '.');
      for (const auto& file : files_) {
        if (!file->failure().empty()) report.notes.push_back(file->failure() + '.');
      }
    }
    if (asked_to_end_ > 0) report.stopped_by = stop_signal_name(asked_to_end_);
    return report;
  }

  std::vector<std::string> notes(ProxyCounters counters) const {
    // What was lost for want of memory has a note of its own, and that of a link's bound would be
    // wrong.
    constexpr auto kInFlight = static_cast<std::size_t>(LossReason::kInFlight);
    std::uint64_t& up = counters.uplink.lost_by[kInFlight];
    std::uint64_t& down = counters.downlink.lost_by[kInFlight];
    if (up + down == counters.memory_refused) up = down = 0;
    const auto way = [&](Direction direction, const LinkCounters& link) {
      return LinkRun{.settings = options_.path.settings(direction),
                     .counters = link,
                     .faults_missed = faults_met_ ? faults_met_->missed(direction) : 0};
    };
    return link_notes(way(Direction::kUplink, counters.uplink),
                      way(Direction::kDownlink, counters.downlink),
                      {.end = loop_.now(), .to_have_more = "more datagrams at a time"});
  }

  void print_summary() {
    clear_live();
    loop_.read_clock();
    const ProxyReport all = report(proxy_->counters());
    if (options_.json.replaces_text()) {
      json_.write(proxy_json(all), json_out_);
    } else {
      fmt::print(out_, "{}{}", options_.trace ? "\n" : "", proxy_text(all));
    }
    std::fflush(out_);
  }

  // As it was typed, with the seed that was implied.
  CommandLine again() const {
    const auto implied = options_.path.implied_seed();
    return implied ? command_line_.with("proxy", "--seed", std::to_string(*implied))
                   : command_line_;
  }

  void show_live() {
    const ProxyCounters counters = proxy_->recent_counters();
    live_shown_ = true;
    show_status_line(proxy_live_text(live_before_, counters, loop_.now() - live_since_));
    live_before_ = counters;
    live_since_ = loop_.now();
  }

  void clear_live() {
    if (std::exchange(live_shown_, false)) show_status_line({});
  }

  const ProxyCommandOptions& options_;
  const CommandLine& command_line_;
  JsonOutput json_;
  bool json_failed_ = false;
  std::FILE* out_;  // Standard output is the command's, when there is one.
  std::FILE* json_out_;
  EventLoop loop_{{.spin = options_.spin}};
  std::optional<CaughtSignals> signals_;
  std::optional<Proxy> proxy_;
  std::vector<std::unique_ptr<KeptFile>> files_;
  KeptRecording* recording_ = nullptr;  // One of them, if there is one.
  std::string without_secrets_;         // Why it has none, where it should.
  std::optional<FaultsMet> faults_met_;
  std::optional<ReportFile> report_file_;
  PageCollector collector_{PageCollector::Ends::kSeen};
  Ladder ladder_;
  std::optional<ChildProcess> child_;
  std::optional<int> child_code_;
  int asked_to_end_ = 0;        // The signal that did, or 0.
  std::uint32_t asked_by_ = 0;  // The process that did.
  Instant asked_at_{};          // When.
  int ended_at_once_ = 0;       // The signal that asked for that, or 0.
  bool stopped_ = false;
  bool final_ = false;
  ProxyCounters live_before_;
  Instant live_since_{};
  bool live_shown_ = false;
};

}  // namespace

int run_proxy(const ProxyCommandOptions& options, const CommandLine& command_line) {
  return ProxyRun(options, command_line).run();
}

}  // namespace lossy
