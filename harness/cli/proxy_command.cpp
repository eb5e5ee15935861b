#include "harness/cli/proxy_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <vector>

#include "core/escape.hpp"
#include "harness/capture/pcap_writer.hpp"
#include "harness/capture/recorder.hpp"
#include "harness/cli/child_process.hpp"
#include "harness/cli/exit_code.hpp"
#include "harness/cli/files.hpp"
#include "harness/cli/observers.hpp"
#include "harness/cli/output.hpp"
#include "harness/cli/path_options.hpp"
#include "harness/net/flow_limit.hpp"
#include "harness/net/proxy.hpp"
#include "harness/net/socket_address.hpp"
#include "harness/report/ladder.hpp"
#include "harness/report/link_report.hpp"
#include "harness/report/readable.hpp"

namespace lossy {
namespace {

struct ProxyCommandOptions {
  std::optional<Address> listen{};
  std::optional<Address> to{};
  PathOptions path;
  Duration idle = ProxyOptions{}.idle;
  std::uint64_t flows = ProxyOptions{}.flows_max;
  std::optional<Duration> rebind_every{};
  bool spin = false;
  std::string record;
  std::string save_faults;
  bool trace = false;
  bool json = false;
  std::optional<Duration> stats{};
  std::vector<std::string> command;
};

std::string with_all(std::string text, std::string_view what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
  return text;
}

// Calls a function once a period.
class Ticker final : public EventLoop::Handler {
 public:
  Ticker(EventLoop& loop, Duration period, std::function<void()> tick)
      : period_(period), next_(saturating_add(loop.now(), period)), tick_(std::move(tick)) {
    loop.add(*this);
  }
  void handle_ready(std::uint64_t) override {}
  void handle_timeout(Instant now) override {
    // Of periods that were missed none is made up for.
    while (next_ <= now) next_ = saturating_add(next_, period_);
    tick_();
  }
  std::optional<Instant> poll_timeout() const override { return next_; }

 private:
  Duration period_;
  Instant next_;
  std::function<void()> tick_;
};

// Hears signals within the loop.
class SignalHandler final : public EventLoop::Handler {
 public:
  SignalHandler(EventLoop& loop, CaughtSignals& signals,
                std::function<void(const CaughtSignals::Caught&)> heard)
      : signals_(signals), heard_(std::move(heard)) {
    loop.add(*this);
    loop.watch(signals.fd(), *this, 0);
  }
  void handle_ready(std::uint64_t) override {
    while (const auto caught = signals_.take_caught()) heard_(*caught);
  }
  void handle_timeout(Instant) override {}
  std::optional<Instant> poll_timeout() const override { return std::nullopt; }

 private:
  CaughtSignals& signals_;
  std::function<void(const CaughtSignals::Caught&)> heard_;
};

// Keeps something of what happens in a file. What cannot be written ends that, and not the
// forwarding.
class KeptFile : public Observer {
 public:
  bool failed() const { return failed_; }
  virtual void finish() = 0;

 protected:
  template <typename Attempt>
  void attempt(Attempt&& attempt) {
    if (failed_) return;
    try {
      attempt();
    } catch (const std::system_error& error) {
      failed_ = true;
      fmt::print(stderr, "lossy: {}; nothing more is written there, and forwarding goes on\n",
                 escape_controls(error.what()));
    }
  }

 private:
  bool failed_ = false;
};

// Records both sides with the times of this machine's clock.
class ProxyRecording final : public KeptFile {
 public:
  ProxyRecording(const std::string& path, Duration wall_time_at_start)
      : wall_time_at_start_(wall_time_at_start) {
    writer_ = std::make_unique<PcapWriter>(path);
    recorder_.add(*writer_);
  }

  void on_offered(Instant now, const Passage& passage, const Offer& offer) override {
    attempt([&] { observer_.on_offered(now + wall_time_at_start_, passage, offer); });
  }
  void on_delivered(Instant now, const Passage& passage, const Delivery& delivery) override {
    attempt([&] { observer_.on_delivered(now + wall_time_at_start_, passage, delivery); });
  }
  void finish() override {
    attempt([&] { recorder_.finish(); });
  }

 private:
  Duration wall_time_at_start_;
  std::unique_ptr<PcapWriter> writer_;
  Recorder recorder_{kProxyMark};
  RecordingObserver observer_{recorder_};
};

// Writes down the fates of all flows.
class ProxyFaults final : public KeptFile {
 public:
  ProxyFaults(const std::string& path, const std::string& command, const std::string& path_options)
      : saver_(path, command, path_options) {}

  void on_offered(Instant now, const Passage& passage, const Offer& offer) override {
    attempt([&] { saver_.on_offered(now, passage, offer); });
  }
  void finish() override {
    attempt([&] { saver_.finish(); });
  }

 private:
  FaultSaver saver_;
};

nlohmann::ordered_json outcomes_json(
    const std::array<std::uint64_t, kSocketOutcomeCount>& outcomes) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (std::size_t i = 1; i < kSocketOutcomeCount; ++i) {
    json[std::string(to_string(static_cast<SocketOutcome>(i)))] = outcomes[i];
  }
  return json;
}

// Behind a count of what the network did not do: "refused 3, too_long 1".
std::string outcomes_text(const std::array<std::uint64_t, kSocketOutcomeCount>& outcomes) {
  std::string text;
  for (std::size_t i = 1; i < kSocketOutcomeCount; ++i) {
    if (outcomes[i] == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ",
                        to_string(static_cast<SocketOutcome>(i)), outcomes[i]);
  }
  return text;
}

class ProxyRun {
 public:
  ProxyRun(const ProxyCommandOptions& options, const CommandLine& command_line)
      : options_(options),
        command_line_(command_line),
        out_(options.command.empty() ? stdout : stderr),
        ladder_(options.json ? stderr : out_) {}

  int run() {
    signals_.emplace(std::initializer_list<int>{SIGINT, SIGTERM, SIGUSR1, SIGCHLD});
    const SignalHandler handler(loop_, *signals_,
                                [this](const CaughtSignals::Caught& caught) { hear(caught); });
    proxy_.emplace(loop_, proxy_options(), [this](std::uint64_t flow) {
      return Proxy::Links{options_.path.make_link(Direction::kUplink, flow),
                          options_.path.make_link(Direction::kDownlink, flow)};
    });
    refuse_circle();
    if (!options_.record.empty()) {
      const auto wall_time = std::chrono::system_clock::now().time_since_epoch();
      keep(std::make_unique<ProxyRecording>(options_.record,
                                            wall_time - loop_.read_clock().time_since_epoch()));
    }
    if (!options_.save_faults.empty()) {
      keep(std::make_unique<ProxyFaults>(options_.save_faults, reproduce("lossy"),
                                         options_.path.options_beside_faults()));
    }
    if (options_.trace) proxy_->observe(ladder_);
    fmt::print(stderr, "lossy: proxy on {} to {}\n", proxy_->address().to_string(),
               options_.to->to_string());
    std::optional<Ticker> stats;
    if (options_.stats) stats.emplace(loop_, *options_.stats, [this] { print_json(); });
    std::optional<Ticker> live;
    if (isatty(STDERR_FILENO) == 1 && !options_.trace && options_.command.empty()) {
      live.emplace(loop_, std::chrono::milliseconds(500), [this] { show_live(); });
    }
    if (!options_.command.empty()) start_command();
    loop_.run([this] {
      flush_output();
      return stopped_;
    });
    // From here on another signal ends everything at once.
    signals_.reset();
    clear_live();
    for (const auto& file : kept_) file->finish();
    print_summary();
    if (child_code_.value_or(kHolds) != kHolds) return *child_code_;
    return std::ranges::any_of(kept_, [](const auto& file) { return file->failed(); })
               ? kDoesNotHold
               : kHolds;
  }

 private:
  void keep(std::unique_ptr<KeptFile> file) {
    proxy_->observe(*file);
    kept_.push_back(std::move(file));
  }

  ProxyOptions proxy_options() {
    const FlowLimit limit = flow_limit(options_.flows);
    if (limit.flows < options_.flows) {
      fmt::print(stderr, "lossy: at most {} flows instead of {}: {}\n", limit.flows, options_.flows,
                 limit.reason);
    }
    return {.listen = *options_.listen,
            .server = *options_.to,
            .idle = options_.idle,
            .flows_max = limit.flows,
            .rebind_every = options_.rebind_every};
  }

  // A proxy in front of itself would forward the first datagram for ever.
  void refuse_circle() const {
    const Address& us = proxy_->address();
    const bool everywhere = us.octets() == std::array<std::uint8_t, 16>{};
    const bool here =
        options_.to->host() == us.host() ||
        (everywhere && options_.to->host().starts_with(options_.to->is_v6() ? "::" : "127.")) ||
        options_.to->octets() == std::array<std::uint8_t, 16>{};
    if (options_.to->port() == us.port() && options_.to->is_v6() == us.is_v6() && here) {
      throw CannotTry("the proxy would be its own server on " + us.to_string() +
                      "; give --to another port than --listen");
    }
  }

  void start_command() {
    const Address& address = proxy_->address();
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
    } else if (child_) {
      // It decides what comes of it. A key has told it already.
      if (!caught.from_terminal) child_->signal(caught.number);
    } else {
      stopped_ = true;
    }
  }

  std::optional<std::uint64_t> seed() const {
    return options_.path.is_random() ? options_.path.common_seed() : std::nullopt;
  }

  void print_json() {
    const ProxyCounters counters = proxy_->counters();
    nlohmann::ordered_json json{{"command", "proxy"},
                                {"listen", proxy_->address().to_string()},
                                {"to", options_.to->to_string()}};
    json["seed"] = seed() ? nlohmann::ordered_json(*seed()) : nlohmann::ordered_json();
    json["seconds"] = in_seconds(loop_.read_clock() - Instant{});
    json["flows"] = {{"opened", counters.flows},
                     {"open", counters.flows_open},
                     {"idle", counters.flows_idle},
                     {"evicted", counters.flows_evicted},
                     {"refused", counters.flows_refused}};
    json["rebinds"] = counters.rebinds;
    json["uplink"] = link_json(counters.uplink);
    json["downlink"] = link_json(counters.downlink);
    json["in_flight"] = counters.in_flight;
    json["discarded"] = counters.discarded;
    json["too_long"] = counters.too_long;
    json["icmp"] = outcomes_json(counters.servers.reported);
    json["not_sent"] = {{"to_clients", outcomes_json(counters.clients.not_sent)},
                        {"to_server", outcomes_json(counters.servers.not_sent)}};
    json["kernel_dropped"] = {{"from_clients", counters.clients_kernel_dropped},
                              {"from_server", counters.servers_kernel_dropped}};
    clear_live();
    fmt::print(out_, "{}\n", json.dump());
  }

  void print_summary() {
    if (options_.json) {
      print_json();
      return;
    }
    clear_live();
    const ProxyCounters counters = proxy_->counters();
    std::string text = links_text(counters.uplink, counters.downlink) + '\n';
    const auto line = [&](const char* name, const std::string& what) {
      text += fmt::format("  {:<14} {}\n", name, what);
    };
    std::string flows = fmt::format("{} opened, {} open", counters.flows, counters.flows_open);
    const auto more = [&](const char* what, std::uint64_t count) {
      if (count > 0) flows += fmt::format(", {} {}", count, what);
    };
    more("ended idle", counters.flows_idle);
    more("ended for want of room", counters.flows_evicted);
    more("datagrams without one", counters.flows_refused);
    more("changes of port", counters.rebinds);
    line("flows", flows);
    if (counters.in_flight > 0) line("in flight", std::to_string(counters.in_flight));
    if (counters.discarded > 0)
      line("discarded", fmt::format("{} with their flows", counters.discarded));
    if (counters.servers.reported_in_all() > 0) {
      line("ICMP", outcomes_text(counters.servers.reported) + ", from the server's side");
    }
    if (counters.clients.not_sent_in_all() > 0) {
      line("not sent", outcomes_text(counters.clients.not_sent) + ", to clients");
    }
    if (counters.servers.not_sent_in_all() > 0) {
      line("not sent", outcomes_text(counters.servers.not_sent) + ", to the server");
    }
    line("time", fmt::format("{:.4g} s", in_seconds(loop_.read_clock() - Instant{})));
    if (seed()) line("seed", std::to_string(*seed()));
    const std::uint64_t dropped = counters.clients_kernel_dropped + counters.servers_kernel_dropped;
    if (dropped > 0) {
      text += fmt::format(
          "\n  Note: the kernel dropped {} datagrams before they reached the proxy, beside what "
          "the "
          "path did; allow more to wait with: sysctl -w net.core.rmem_max={}\n",
          dropped, UdpSocket::kBufferBytesWanted);
    }
    text += "\nThe same path again: " + reproduce() + '\n';
    fmt::print(out_, "{}{}", options_.trace ? "\n" : "", text);
    std::fflush(out_);
  }

  std::string reproduce() const { return reproduce(command_line_.program()); }
  std::string reproduce(const std::string& program) const {
    const auto implied = options_.path.implied_seed();
    if (!implied) return command_line_.text_of(program);
    return command_line_.text_of(program, "proxy", "--seed", std::to_string(*implied));
  }

  // Rates of the last half second, and losses since the start.
  void show_live() {
    const ProxyCounters counters = proxy_->counters();
    const double seconds = in_seconds(loop_.now() - live_since_);
    const auto way = [&](const LinkCounters& link, std::uint64_t& before) {
      const double rate = static_cast<double>(link.offered - before) / seconds;
      before = link.offered;
      const double lost = link.offered == 0 ? 0
                                            : 100 * static_cast<double>(link.lost()) /
                                                  static_cast<double>(link.offered);
      return fmt::format("{:.0f}/s, {:.3g}% lost", rate, lost);
    };
    const std::string up = way(counters.uplink, live_up_);
    const std::string down = way(counters.downlink, live_down_);
    live_since_ = loop_.now();
    live_shown_ = true;
    fmt::print(stderr, "\r\033[K{} flows  up {}  down {}", counters.flows_open, up, down);
    std::fflush(stderr);
  }

  void clear_live() {
    if (std::exchange(live_shown_, false)) fmt::print(stderr, "\r\033[K");
  }

  const ProxyCommandOptions& options_;
  const CommandLine& command_line_;
  std::FILE* const out_;  // Standard output is the command's, when there is one.
  EventLoop loop_{{.spin = options_.spin}};
  std::optional<CaughtSignals> signals_;
  std::optional<Proxy> proxy_;
  std::vector<std::unique_ptr<KeptFile>> kept_;
  Ladder ladder_;
  std::optional<ChildProcess> child_;
  std::optional<int> child_code_;
  bool stopped_ = false;
  Instant live_since_{};
  std::uint64_t live_up_ = 0;
  std::uint64_t live_down_ = 0;
  bool live_shown_ = false;
};

void resolve(ProxyCommandOptions& options) {
  if (!options.to) {
    throw usage_error("--to", "it says where the server is, as in --to=127.0.0.1:9999");
  }
  if (options.to->port() == 0) throw usage_error("--to", "nobody can listen on port 0");
  if (!options.listen) {
    if (options.command.empty()) {
      throw usage_error("--listen",
                        "it says where clients find the proxy, as in --listen=127.0.0.1:9998");
    }
    options.listen = *Address::parse(options.to->is_v6() ? "[::1]:0" : "127.0.0.1:0");
  }
  for (const auto& [name, time] :
       {std::pair{"--idle", std::optional(options.idle)},
        std::pair{"--rebind-every", options.rebind_every}, std::pair{"--stats", options.stats}}) {
    if (time && *time < std::chrono::milliseconds(1)) {
      throw usage_error(name, "it must be at least 1ms");
    }
  }
  if (options.json && options.stats) {
    throw usage_error("--json", "--stats prints JSON anyway; leave one of them out");
  }
  refuse_overwriting("--save-faults", options.save_faults, "--record", options.record);
  for (const std::string& read : options.path.files_read()) {
    refuse_overwriting("--save-faults", options.save_faults, "another option", read);
    refuse_overwriting("--record", options.record, "another option", read);
  }
  options.path.resolve(options.listen->is_v6());
}

}  // namespace

void add_proxy_command(CLI::App& app, const CommandLine& command_line,
                       std::function<int()>& command) {
  auto options = std::make_shared<ProxyCommandOptions>();
  CLI::App* proxy = app.add_subcommand(
      "proxy", "Put any UDP client and its server on a bad network, in real time.");
  const std::string group = "Proxy";
  add_parsed(*proxy, "--listen", options->listen, lossy::resolve,
             "where clients send to instead; port 0 is any free one [a free port of this machine, "
             "with a COMMAND]",
             "HOST:PORT")
      ->group(group);
  add_parsed(*proxy, "--to", options->to, lossy::resolve, "the server", "HOST:PORT")->group(group);
  add_parsed(*proxy, "--idle", options->idle, parse_duration,
             "how long a client is remembered after its last datagram, either way [60s]", "TIME")
      ->group(group);
  add_parsed(
      *proxy, "--flows", options->flows,
      [](std::string_view text) { return parse_whole(text, 1, ProxyOptions::kFlowsMax); },
      "how many clients are remembered; the one that is idle for longest goes first [4096]", "N")
      ->group(group);
  add_parsed(*proxy, "--rebind-every", options->rebind_every, parse_duration,
             "change the port towards the server so often, as a NAT does", "TIME")
      ->group(group);
  proxy->add_flag("--spin", options->spin, "never sleep: on time to the microsecond, for a core")
      ->group(group);
  options->path.add_to(*proxy);
  const std::string output = "Output";
  add_path(*proxy, "--record", options->record,
           "record what a tcpdump on both sides of the proxy would show", "FILE.pcap")
      ->group(output);
  add_path(*proxy, "--save-faults", options->save_faults,
           "write down what happened to each flow, to have it again with --faults=@FILE", "FILE")
      ->group(output);
  proxy->add_flag("--trace", options->trace, "print the ladder: what happens to each datagram")
      ->group(output);
  proxy->add_flag("--json", options->json, "print what was counted as one JSON object")
      ->group(output);
  add_parsed(*proxy, "--stats", options->stats, parse_duration,
             "print what was counted so far as a line of JSON, so often", "TIME")
      ->group(output);
  proxy
      ->add_option("command", options->command,
                   "run this with LOSSY_ADDRESS, LOSSY_HOST and LOSSY_PORT set, and {address}, "
                   "{host} and {port} replaced in its arguments, and end with it")
      ->type_name("-- COMMAND ARGS...");
  proxy->footer(
      "SIGINT (Ctrl-C) or SIGTERM ends it with a summary, SIGUSR1 prints one and goes on.\n"
      "Examples:\n"
      "  lossy proxy --listen=127.0.0.1:9998 --to=127.0.0.1:9999 --drop=10% --seed=7\n"
      "  lossy proxy --to=192.0.2.53:53 --drop=30% -- dig @{host} -p {port} example.org");
  proxy->callback([options, &command_line, &command] {
    resolve(*options);
    command = [options, &command_line] { return ProxyRun(*options, command_line).run(); };
  });
}

}  // namespace lossy
