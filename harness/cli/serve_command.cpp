#include "harness/cli/serve_command.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>

#include "core/server.hpp"
#include "harness/cli/option.hpp"
#include "harness/cli/output.hpp"
#include "harness/net/endpoint_loop.hpp"
#include "harness/net/socket_address.hpp"

namespace lossy {
namespace {

struct ServeOptions {
  Address listen = Address::v4({127, 0, 0, 1}, 9999);
  bool quiet = false;
  bool json = false;

  bool talks() const { return !quiet && !json; }
};

// Says of each datagram where it came from, as the tutorial's server does, and hands it on.
class TalkingServer final : public Endpoint {
 public:
  TalkingServer(Server& server, bool talks) : server_(server), talks_(talks) {}

  void handle_datagram(Instant now, const Datagram& datagram) override {
    if (talks_) fmt::print("Received from {}.\n", datagram.source.to_string());
    server_.handle_datagram(now, datagram);
  }
  void handle_timeout(Instant now) override { server_.handle_timeout(now); }
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer) override {
    return server_.poll_transmit(now, buffer);
  }
  std::optional<Instant> poll_timeout() const override { return server_.poll_timeout(); }

 private:
  Server& server_;
  bool talks_;
};

// Counters by the word for their reason.
using Reasons = std::vector<std::pair<std::string, std::uint64_t>>;

template <typename Reason, std::size_t kCount>
Reasons reasons_of(const std::array<std::uint64_t, kCount>& counters, Reason first) {
  Reasons reasons;
  for (auto i = static_cast<std::size_t>(first); i < kCount; ++i) {
    reasons.emplace_back(to_string(static_cast<Reason>(i)), counters[i]);
  }
  return reasons;
}

std::uint64_t total(const Reasons& reasons) {
  return std::accumulate(reasons.begin(), reasons.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& reason) { return sum + reason.second; });
}

// "refused 3 (empty 1, too_long 2)": what did not happen is left out.
std::string text_of(const char* what, const Reasons& reasons) {
  std::string list;
  for (const auto& [reason, count] : reasons) {
    if (count == 0) continue;
    list += fmt::format("{}{} {}", list.empty() ? " (" : ", ", reason, count);
  }
  return fmt::format("{} {}{}", what, total(reasons), list.empty() ? "" : list + ')');
}

// Never destroyed: a second signal, such as the one that timeout(1) sends to the whole group, must
// not turn a clean end into a death by signal.
StopSignal& stop_signal() {
  static auto& stop = *new StopSignal;
  return stop;
}

class ServeRun {
 public:
  explicit ServeRun(const ServeOptions& options)
      : options_(options), socket_(UdpSocket::listen(options.listen)) {}

  int run() {
    const Address address = socket_.local_address();
    if (options_.talks()) {
      fmt::print("Bind UDP on {}...\n", address.port());
    } else {
      fmt::print(stderr, "lossy: listening on {}\n", address.to_string());
    }
    TalkingServer talking(server_, options_.talks());
    EndpointLoop loop(talking, socket_, &stop_);
    const auto done = [] {
      flush_output();  // Whoever reads along sees each batch when it is handled.
      return false;
    };
    // What ICMP says of one client is no reason to stop.
    while (loop.run(done) != EndpointLoop::End::kStopped) {
    }
    report(loop.counters(), address);
    return 0;
  }

 private:
  void report(const EndpointLoopCounters& counters, const Address& address) {
    const Reasons refused = reasons_of(server_.counters().refused, Malformed::kEmpty);
    const Reasons not_sent = reasons_of(counters.failed, SocketOutcome::kNoBuffers);
    if (options_.json) {
      const nlohmann::ordered_json json{{"command", "serve"},
                                        {"listen", address.to_string()},
                                        {"received", counters.received},
                                        {"answered", counters.sent},
                                        {"refused", total(refused)},
                                        {"refused_by", json_of(refused)},
                                        {"not_sent", total(not_sent)},
                                        {"not_sent_by", json_of(not_sent)}};
      fmt::print("{}\n", json.dump());
      return;
    }
    std::string text = fmt::format("received {}, answered {}, {}", counters.received, counters.sent,
                                   text_of("refused", refused));
    if (total(not_sent) > 0) text += ", " + text_of("could not be sent", not_sent);
    fmt::print(stderr, "lossy: stopped by {}: {}\n", stop_signal_name(stop_.take().value()), text);
  }

  static nlohmann::ordered_json json_of(const Reasons& reasons) {
    nlohmann::ordered_json json = nlohmann::ordered_json::object();
    for (const auto& [reason, count] : reasons) json[reason] = count;
    return json;
  }

  const ServeOptions& options_;
  StopSignal& stop_ = stop_signal();
  UdpSocket socket_;
  Server server_;
};

}  // namespace

void add_serve_command(CLI::App& app, std::function<int()>& command) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* serve = app.add_subcommand(
      "serve", "Answer greetings on a real UDP socket, until SIGINT (Ctrl-C) or SIGTERM.");
  add_parsed(*serve, "--listen", options->listen, resolve,
             "where to listen; port 0 is any free one [127.0.0.1:9999]", "HOST:PORT");
  serve->add_flag("--quiet", options->quiet, "print no line for each datagram");
  serve->add_flag("--json", options->json,
                  "print nothing but what was counted, as one JSON object at the end");
  serve->footer(
      "Examples:\n"
      "  lossy serve\n"
      "  lossy serve --listen=[::1]:9999 --quiet");
  serve->callback(
      [options, &command] { command = [options] { return ServeRun(*options).run(); }; });
}

}  // namespace lossy
