#include <lossy/harness/cli/live_command.hpp>

#include <fmt/format.h>

#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <lossy/core/counted.hpp>
#include <lossy/harness/cli/exit_code.hpp>
#include <lossy/harness/cli/listen_option.hpp>
#include <lossy/harness/cli/protocols.hpp>
#include <lossy/harness/cli/real_time_network.hpp>
#include <lossy/harness/cli/run_report.hpp>
#include <lossy/harness/net/live_host.hpp>
#include <lossy/harness/net/socket_address.hpp>

namespace lossy {
namespace {

// Where a host is put.
struct Place {
  std::optional<Address> server{};        // Of one that asks: whom.
  std::optional<ListenAddress> listen{};  // Of one that answers.
  std::optional<UdpSocket> socket{};      // Where the host is asked, once it is there.
};

class LiveNetwork final : public RealTimeNetwork {
 public:
  LiveNetwork(ProtocolRun& run, const Scenario& scenario, UdpSocket socket)
      : run_(run),
        asks_(role_of(scenario).part == HostRole::Part::kAsks),
        server_(asks_ ? server_of(scenario) : Address()),
        listening_(socket.listening()),
        host_(loop_, run.endpoint(*scenario.plan().alone),
              {.socket = std::move(socket),
               .every_port = role_of(scenario).every_port,
               .outward = outward(),
               .out = scenario.path().make_link(outward()),
               .in = scenario.path().make_link(opposite(outward()))}) {}

  void observe(Observer& observer) override { host_.observe(observer); }

  // When all calls have ended, the others are not waited for; and one that serves ends by a signal.
  End run(const std::function<bool()>& is_over, const std::function<void()>& tick) override {
    const End end = RealTimeNetwork::run(is_over, tick);
    const bool serves_no_more = !asks_ && end == End::kInterrupted && stop_signal() != SIGPIPE;
    return end == End::kIdle || serves_no_more ? End::kOver : end;
  }
  void tell_in_flight() override { host_.tell_in_flight(loop_.now()); }
  LinkCounters counters(Direction direction) const override {
    return host_.link(direction).counters();
  }
  std::string could_not_try() const override {
    if (has_no_socket()) return host_.why_no_socket();
    if (!nobody_is_there()) return {};
    return fmt::format("nobody is listening on {} (ICMP port unreachable)", server_.to_string());
  }
  void add_to(RunReport& report) const override {
    report.lost_by_system = host_.lost_by_system();
    add_undelivered(report, 0, host_.refused());
    if (host_.without_socket() > 0) {
      report.notes.push_back(counted(host_.without_socket(), "datagram") +
                             " had no socket to leave from: " + host_.why_no_socket() + '.');
    }
  }

 private:
  static const HostRole& role_of(const Scenario& scenario) {
    return scenario.hosts()[*scenario.plan().alone];
  }
  static Address server_of(const Scenario& scenario) {
    return scenario.plan().addresses.at(1 - *scenario.plan().alone);
  }
  Direction outward() const { return asks_ ? Direction::kUplink : Direction::kDownlink; }

  void start() override {
    if (!asks_) fmt::print(stderr, "lossy: listening on {}\n", listening_.to_string());
    host_.start();
  }
  bool is_at_rest() const override {
    return asks_ && host_.is_out() &&
           (run_.ended() == run_.asked() || nobody_is_there() || has_no_socket());
  }
  // Who asks can do no more.
  bool has_no_socket() const { return asks_ && host_.without_socket() > 0; }
  // It was said, and nothing else came.
  bool nobody_is_there() const {
    return asks_ && host_.refusals() > 0 &&
           host_.link(Direction::kDownlink).counters().offered == 0;
  }

  ProtocolRun& run_;
  bool asks_;
  Address server_;  // Of one that asks.
  ListenAddress listening_;
  LiveHost host_;
};

// The host that plays this part beside one that plays the other.
std::size_t find_host(const std::vector<HostRole>& hosts, const Protocol& protocol,
                      HostRole::Part part) {
  const bool asks = part == HostRole::Part::kAsks;
  const HostRole::Part other = asks ? HostRole::Part::kAnswers : HostRole::Part::kAsks;
  if (hosts.size() == 2) {
    if (hosts[0].part == part && hosts[1].part == other) return 0;
    if (hosts[1].part == part && hosts[0].part == other) return 1;
  }
  throw usage_error("--protocol",
                    fmt::format("of {} no host {}: lossy simulate runs all of them", protocol.name,
                                asks ? "asks another" : "answers alone"));
}

Address on_this_machine(const HostRole& role) {
  return Address::v4({127, 0, 0, 1}, role.port);
}

Scenario::Alone put_client(Place& place, const std::vector<HostRole>& hosts, std::size_t own) {
  const HostRole& server = hosts[1 - own];
  // Which says from which address the system reaches it, and at which: 0.0.0.0 is 127.0.0.1.
  const UdpSocket connected = UdpSocket::connect(place.server.value_or(on_this_machine(server)));
  place.socket = UdpSocket::listen(with_port(connected.local_address(), 0));
  Scenario::Alone alone{.host = own, .addresses = std::vector<Address>(2)};
  alone.addresses[own] = place.socket->local_address();
  alone.addresses[1 - own] = *connected.peer();
  return alone;
}

Scenario::Alone put_server(Place& place, const std::vector<HostRole>& hosts, std::size_t own) {
  place.socket = UdpSocket::listen(place.listen.value_or(on_this_machine(hosts[own])));
  Scenario::Alone alone{.host = own, .addresses = std::vector<Address>(2)};
  alone.addresses[own] = place.socket->local_address();
  return alone;
}

// Adds the subcommand but for its own options.
void add_live_command(CLI::App& app, const CommandLine& command_line, std::function<int()>& command,
                      HostRole::Part part, const std::shared_ptr<Place>& place, RunKind kind) {
  const Protocol& protocol = protocol_of_words(command_line.arguments());
  kind.real_time = true;
  kind.put_alone = [place, part, &protocol](const std::vector<HostRole>& hosts) {
    const auto put = part == HostRole::Part::kAsks ? put_client : put_server;
    return put(*place, hosts, find_host(hosts, protocol, part));
  };
  kind.make_network = [place](ProtocolRun& run, const Scenario& scenario) {
    return std::make_unique<LiveNetwork>(run, scenario, std::move(place->socket.value()));
  };
  add_protocol_run(app, command_line, command, kind);
}

constexpr const char* kInitial = "127.0.0.1, at the protocol's port";
constexpr const char* kGroup = "Protocol";

}  // namespace

void add_ask_command(CLI::App& app, const CommandLine& command_line,
                     std::function<int()>& command) {
  const auto place = std::make_shared<Place>();
  add_live_command(
      app, command_line, command, HostRole::Part::kAsks, place,
      {.command = "ask",
       .description = "Ask a real server, as a protocol's client does, over a path of ours.",
       .footer =
           "Exit code 1 when a call did not end as was asked for, 2 when nobody is listening.\n"
           "Examples:\n"
           "  lossy ask Zoë --to=127.0.0.1:9999 --drop=10% --trace\n"
           "  lossy ask --protocol=tftp --get=readme --put=notes --to=192.0.2.7:69 --drop=10%",
       .add_own_options = [place](CLI::App& ask) {
         add_parsed(ask, "--to", place->server, resolve_server,
                    fmt::format("the server [{}]", kInitial), "HOST:PORT")
             ->group(kGroup);
       }});
}

void add_live_serve_command(CLI::App& app, const CommandLine& command_line,
                            std::function<int()>& command) {
  const auto place = std::make_shared<Place>();
  const Protocol& protocol = protocol_of_words(command_line.arguments());
  add_live_command(
      app, command_line, command, HostRole::Part::kAnswers, place,
      {.command = "serve",
       .description =
           "Answer real clients, as a protocol's server does, over a path of ours, until SIGINT "
           "(Ctrl-C), SIGTERM or SIGHUP.",
       .footer = "Examples:\n"
                 "  lossy serve --protocol=tftp --listen=127.0.0.1:6969 --drop=10% --trace",
       .add_own_options = [place, &protocol](CLI::App& serve) {
         add_listen(serve, place->listen, "where to listen", kInitial)->group(kGroup);
         for (const CallKind& call : protocol.call_kinds) {
           // Refused with the reason, and not shown.
           if (!call.is_positional) serve.get_option("--" + call.name)->group("");
         }
       }});
}

}  // namespace lossy
