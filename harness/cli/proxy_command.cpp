#include <lossy/harness/cli/proxy_command.hpp>

#include <memory>
#include <string>

#include <lossy/core/escape.hpp>
#include <lossy/harness/capture/key_log.hpp>
#include <lossy/harness/cli/exit_code.hpp>
#include <lossy/harness/cli/explanation.hpp>
#include <lossy/harness/cli/files.hpp>
#include <lossy/harness/cli/listen_option.hpp>
#include <lossy/harness/cli/protocols.hpp>
#include <lossy/harness/cli/proxy_options.hpp>
#include <lossy/harness/cli/proxy_run.hpp>
#include <lossy/harness/cli/report_file.hpp>
#include <lossy/harness/link/netem_units.hpp>
#include <lossy/harness/net/socket_address.hpp>

namespace lossy {
namespace {

constexpr std::uint64_t kMemoryBytesMin = 64 * 1024;
constexpr std::uint64_t kMemoryBytesMax = std::uint64_t{1} << 50;

std::uint64_t parse_memory(std::string_view text) {
  const std::uint64_t bytes = parse_tc_size(text, kMemoryBytesMax);
  if (bytes < kMemoryBytesMin) throw TextError("it must be at least 64k");
  return bytes;
}

// Whose headers count when nothing is known of a client: where both come, IPv4's.
bool counts_ipv6(const ListenAddress& listen) {
  return listen.address.is_v6() && !listen.both_families;
}

// Nothing runs, so there is nothing to listen on, to run, to write down or to print.
void resolve_explained(ProxyCommandOptions& options) {
  for (const auto& [name, given] :
       {std::pair{"--record", !options.record.file.empty()},
        std::pair{"--record-as", options.record.asked_for.has_value()},
        std::pair{"--secrets", !options.secrets.empty()},
        std::pair{"--save-faults", !options.save_faults.empty()},
        std::pair{"--report", !options.report.empty()}, std::pair{"--trace", options.trace},
        std::pair{"--stats", options.stats.has_value()},
        std::pair{"COMMAND", !options.command.empty()}}) {
    if (given) throw usage_error(name, "nothing runs with --explain; leave one of them out");
  }
  options.path.resolve(options.listen && counts_ipv6(*options.listen));
}

// A client may write it while the proxy runs: what is not there yet may come.
void check_secrets(const ProxyCommandOptions& options) {
  if (options.secrets.empty()) return;
  if (!options.record.is_pcapng()) {
    throw usage_error("--secrets",
                      "only a pcapng has a place for them; make one, as in --record=run.pcapng");
  }
  const auto log = read_key_log(options.secrets);
  const auto* const error = std::get_if<KeyLogError>(&log);
  if (error != nullptr && error->kind == KeyLogError::Kind::kOther) {
    throw usage_error("--secrets", escape_controls(options.secrets) + ' ' + error->text +
                                       "; name the file that TLS programs write as SSLKEYLOGFILE");
  }
}

void resolve_options(ProxyCommandOptions& options) {
  if (!options.to) {
    throw usage_error("--to", "it says where the server is, as in --to=127.0.0.1:9999");
  }
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
  const std::vector<NamedFile> written{{"--record", options.record.file},
                                       {"--save-faults", options.save_faults},
                                       {"--report", options.report},
                                       {"--json", options.json.file}};
  options.record.check();
  for (const auto& [option, path] : written) refuse_standard_output(option, path);
  check_secrets(options);
  std::vector<NamedFile> read = options.path.files_read();
  read.push_back({"--secrets", options.secrets});
  refuse_overwriting(written, read);
  options.path.resolve(counts_ipv6(*options.listen));
}

}  // namespace

void add_proxy_command(CLI::App& app, const CommandLine& command_line,
                       std::function<int()>& command) {
  auto options = std::make_shared<ProxyCommandOptions>();
  CLI::App* proxy = app.add_subcommand(
      "proxy", "Put any UDP client and its server on a bad network, in real time.");
  const std::string group = "Proxy";
  add_listen(*proxy, options->listen, "where clients send to instead",
             "a free port of this machine, with a COMMAND")
      ->group(group);
  add_parsed(*proxy, "--to", options->to, resolve_server, "the server", "HOST:PORT")->group(group);
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
  add_parsed(*proxy, "--memory", options->memory_bytes, parse_memory,
             "what all that is in flight may take; what comes on top is lost [1gb]", "SIZE")
      ->group(group);
  proxy->add_flag("--spin", options->spin, "never sleep: on time to the microsecond, for a core")
      ->group(group);
  options->path.add_to(*proxy);
  const std::string output = "Output";
  options->record.add_to(*proxy, "record what a tcpdump on both sides of the proxy would show",
                         output);
  add_path(*proxy, "--secrets", options->secrets,
           "put this TLS key log, as it is when the recording ends, in front of the packets of a "
           "pcapng: QUIC and DTLS then open decrypted",
           "FILE")
      ->group(output);
  add_path(*proxy, "--save-faults", options->save_faults,
           "write down what happened to each flow, to have it again with --faults=@FILE", "FILE")
      ->group(output);
  add_report(*proxy, options->report)->group(output);
  proxy->add_flag("--trace", options->trace, "print the ladder: what happens to each datagram")
      ->group(output);
  add_protocol(*proxy, options->protocol,
               "whose datagrams these are: --trace tells them in its words")
      ->group(output);
  proxy
      ->add_flag("--explain", options->explain,
                 "say what the path does, in words, figures and as a netem line, and run nothing")
      ->group(output);
  options->json
      .add_to(*proxy, "print what was counted as one JSON object", JsonOption::Timing::kMeasured)
      ->group(output);
  add_parsed(*proxy, "--stats", options->stats, parse_duration,
             "print what was counted so far as a line of JSON, so often, or write it to the FILE "
             "of --json",
             "TIME")
      ->group(output);
  proxy
      ->add_option("command", options->command,
                   "run this with LOSSY_ADDRESS, LOSSY_HOST and LOSSY_PORT set, and {address}, "
                   "{host} and {port} replaced in its arguments, and end with it")
      ->type_name("-- COMMAND ARGS...");
  proxy->footer(
      "SIGINT (Ctrl-C), SIGTERM or SIGHUP ends it with a summary, a second one at once; SIGUSR1\n"
      "prints one and goes on. COMMAND is passed those that ask for the end; a second one kills "
      "it.\n"
      "The exit code is COMMAND's, 128 + N when signal N ended it; else 1 when a file could not "
      "be\n"
      "written to its end, and 2 when the proxy could not start.\n"
      "Examples:\n"
      "  lossy proxy --listen=127.0.0.1:9998 --to=127.0.0.1:9999 --drop=10% --seed=7\n"
      "  lossy proxy --to=192.0.2.53:53 --drop=30% -- dig @{host} -p {port} example.org");
  proxy->callback([options, &command_line, &command] {
    if (options->explain) {
      resolve_explained(*options);
      command = [options] {
        print_explanation(options->path, "proxy", options->json);
        return kHolds;
      };
      return;
    }
    resolve_options(*options);
    if (!options->protocol.empty() && !options->trace) {
      throw usage_error("--protocol", "it is what --trace tells; give that, too");
    }
    command = [options, &command_line] { return run_proxy(*options, command_line); };
  });
}

}  // namespace lossy
