#include <lossy/harness/cli/serve_command.hpp>

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <lossy/core/counted.hpp>
#include <lossy/core/greeting/protocol.hpp>
#include <lossy/core/greeting/server.hpp>
#include <lossy/harness/cli/exit_code.hpp>
#include <lossy/harness/cli/json_output.hpp>
#include <lossy/harness/cli/listen_option.hpp>
#include <lossy/harness/cli/live_command.hpp>
#include <lossy/harness/cli/option.hpp>
#include <lossy/harness/cli/output.hpp>
#include <lossy/harness/cli/protocols.hpp>
#include <lossy/harness/cli/reasons.hpp>
#include <lossy/harness/net/endpoint_threads.hpp>
#include <lossy/harness/net/socket_address.hpp>

namespace lossy {
namespace {

struct ServeOptions {
  ListenAddress listen = Address::v4({127, 0, 0, 1}, 9999);
  std::uint64_t threads = 1;
  bool quiet = false;
  JsonOption json;
  std::string protocol;

  bool talks() const { return !quiet && !json.replaces_text(); }
};

// Says of each datagram where it came from, as the tutorial's server does, and hands it on.
class TalkingServer final : public Endpoint {
 public:
  explicit TalkingServer(bool talks) : talks_(talks) {}

  void handle_datagram(Instant now, const Datagram& datagram) override {
    if (talks_) fmt::print("Received from {}.\n", datagram.source.to_string());
    server_.handle_datagram(now, datagram);
  }
  void handle_timeout(Instant now) override { server_.handle_timeout(now); }
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer) override {
    return server_.poll_transmit(now, buffer);
  }
  std::optional<Instant> poll_timeout() const override { return server_.poll_timeout(); }

  const ServerCounters& counters() const { return server_.counters(); }

 private:
  Server server_;
  bool talks_;
};

class ServeRun {
 public:
  explicit ServeRun(const ServeOptions& options)
      : options_(options),
        threads_(
            options.listen, options.threads, [this] { return make_server(); }, stop_) {}

  int run() {
    if (options_.talks()) {
      fmt::print("Bind UDP on {}...\n", threads_.address().port());
    } else {
      fmt::print(stderr, "lossy: listening on {}\n", threads_.listening().to_string());
    }
    if (const std::string shortage = threads_.buffer_shortage(); !shortage.empty()) {
      fmt::print(stderr, "lossy: {}\n", shortage);
    }
    try {
      threads_.run(flush_output);  // Whoever reads along sees each batch when it is handled.
    } catch (const std::system_error&) {
      if (!output_failed()) throw;
      report();
      throw;
    }
    report();
    return kHolds;
  }

 private:
  std::unique_ptr<Endpoint> make_server() {
    auto server = std::make_unique<TalkingServer>(options_.talks());
    servers_.push_back(server.get());
    return server;
  }

  void report() {
    // Without one it ends because nobody reads what it prints.
    const std::optional<int> signal = stop_.take();
    const std::string_view stopped_by = signal ? stop_signal_name(*signal) : "its output's end";
    const SocketCounters sockets = threads_.counters();
    const std::uint64_t kernel_dropped = threads_.kernel_drops();
    std::array<std::uint64_t, kMalformedCount> refused_by{};
    for (const TalkingServer* server : servers_) {
      for (std::size_t i = 0; i < kMalformedCount; ++i) {
        refused_by[i] += server->counters().refused[i];
      }
    }
    const Reasons refused = reasons_of(refused_by, Malformed::kEmpty);
    const Reasons not_sent = reasons_of(sockets.not_sent, SocketOutcome::kNoBuffers);
    if (!options_.json.replaces_text()) {
      std::string text = fmt::format("received {}, answered {}, {}", sockets.received, sockets.sent,
                                     text_of("refused", refused));
      if (total(not_sent) > 0) text += ", " + text_of("could not be sent", not_sent);
      fmt::print(stderr, "lossy: stopped by {}: {}\n", stopped_by, text);
      if (kernel_dropped > 0) fmt::print(stderr, "{}", kernel_drops_text(kernel_dropped));
    }
    if (options_.json.is_wanted()) {
      json_.write_last({{"command", "serve"},
                        {"listen", threads_.listening().to_string()},
                        {"stopped_by", stopped_by},
                        {"received", sockets.received},
                        {"answered", sockets.sent},
                        {"refused", total(refused)},
                        {"refused_by", reasons_json(refused)},
                        {"not_sent", total(not_sent)},
                        {"not_sent_by", reasons_json(not_sent)},
                        {"kernel_dropped", kernel_dropped}});
    }
  }

  // What to do about datagrams that never reached us.
  std::string kernel_drops_text(std::uint64_t dropped) const {
    return fmt::format(
        "lossy: the kernel dropped {} that came while {} bytes of others waited; {}\n",
        counted(dropped, "datagram"), threads_.receive_buffer_bytes(), more_room_hint());
  }

  const ServeOptions& options_;
  JsonOutput json_{options_.json};
  StopSignal& stop_ = stop_signal();
  std::vector<const TalkingServer*> servers_;
  EndpointThreads threads_;
};

}  // namespace

void add_serve_command(CLI::App& app, const CommandLine& command_line,
                       std::function<int()>& command) {
  if (&protocol_of_words(command_line.arguments()) != &greetings()) {
    return add_live_serve_command(app, command_line, command);
  }
  auto options = std::make_shared<ServeOptions>();
  CLI::App* serve = app.add_subcommand(
      "serve", "Answer greetings on a real UDP socket, until SIGINT (Ctrl-C), SIGTERM or SIGHUP.");
  add_listen(*serve, options->listen, "where to listen", "127.0.0.1:9999");
  add_parsed(
      *serve, "--threads", options->threads,
      [](std::string_view text) { return parse_whole(text, 1, EndpointThreads::kThreadsMax); },
      "share the work; the kernel chooses a thread by a datagram's source [1]", "N");
  serve->add_flag("--quiet", options->quiet, "print no line for each datagram");
  options->json.add_to(*serve, "print what was counted at the end as one JSON object");
  add_protocol(*serve, options->protocol, "whose server, of lossy protocols [greetings]");
  serve->footer(
      "Examples:\n"
      "  lossy serve\n"
      "  lossy serve --listen=[::1]:9999 --quiet\n"
      "  lossy serve --threads=4 --json\n"
      "  lossy serve --protocol=tftp --listen=127.0.0.1:6969 --drop=10%");
  serve->callback(
      [options, &command] { command = [options] { return ServeRun(*options).run(); }; });
}

}  // namespace lossy
