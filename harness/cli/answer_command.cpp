#include <lossy/harness/cli/answer_command.hpp>

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include <lossy/core/counted.hpp>
#include <lossy/core/escape.hpp>
#include <lossy/harness/capture/describe.hpp>
#include <lossy/harness/capture/recorded_server.hpp>
#include <lossy/harness/cli/exit_code.hpp>
#include <lossy/harness/cli/files.hpp>
#include <lossy/harness/cli/json_output.hpp>
#include <lossy/harness/cli/listen_option.hpp>
#include <lossy/harness/cli/output.hpp>
#include <lossy/harness/cli/recorded_options.hpp>
#include <lossy/harness/net/endpoint_driver.hpp>
#include <lossy/harness/net/socket_address.hpp>

namespace lossy {
namespace {

struct AnswerOptions {
  std::string file;
  ListenAddress listen = Address::v4({127, 0, 0, 1}, 9999);
  RecordedFlowsOptions recorded{.host = RecordedHost::kServer};
  PayloadMask mask;
  JsonOption json;
};

RecordedFlows read_answers(const AnswerOptions& options) {
  RecordedFlows recorded = read_flows(options.file, options.recorded);
  if (!recorded.error.empty()) throw CannotTry(recorded.error);
  if (recorded.answers == 0 ||
      !no_such_port(options.file, options.recorded.server_port, recorded.flows).empty()) {
    throw CannotTry(
        why_nothing(options.file, "no request is answered in it", recorded, options.recorded));
  }
  check_mask(options.file, recorded, options.mask, true);
  if (const std::uint64_t whole = masked_whole(recorded, options.mask, true); whole > 0) {
    fmt::print(stderr,
               "lossy: {}: the mask leaves nothing of {} of {}: whatever is asked is one of them\n",
               escape_controls(options.file), whole, counted(recorded.requests, "request"));
  }
  return recorded;
}

nlohmann::ordered_json json_of(const RecordedServer& server, const UdpSocket& socket) {
  const RecordedServerCounters& counters = server.counters();
  nlohmann::ordered_json json{{"command", "answer"},
                              {"listen", socket.listening().to_string()},
                              {"received", counters.received},
                              {"answered", counters.answered},
                              {"sent", socket.counters().sent},
                              {"silent", counters.silent},
                              {"unknown", counters.unknown},
                              {"not_sent", socket.counters().not_sent_in_all()},
                              {"kernel_dropped", socket.kernel_drops()}};
  if (const auto& unknown = server.first_unknown()) {
    json["first_unknown"] = {{"from", unknown->source.to_string()},
                             {"payload", describe_payload(unknown->payload)}};
  }
  return json;
}

void print_summary(const RecordedServer& server, const UdpSocket& socket) {
  const RecordedServerCounters& counters = server.counters();
  std::string text = fmt::format("received {}, answered {}, unknown {}", counters.received,
                                 counters.answered, counters.unknown);
  if (counters.silent > 0) {
    text += fmt::format(", {} that the capture has no answer to", counters.silent);
  }
  if (const std::uint64_t not_sent = socket.counters().not_sent_in_all(); not_sent > 0) {
    text += ", " + counted(not_sent, "answer") + " could not be sent";
  }
  fmt::print("{}\n", text);
  if (const auto& unknown = server.first_unknown()) {
    fmt::print("the first unknown one: from {}, {}\n", unknown->source.to_string(),
               describe_payload(unknown->payload));
  }
  if (const std::uint32_t dropped = socket.kernel_drops(); dropped > 0) {
    fmt::print(stderr, "lossy: the kernel dropped {} for want of room; {}\n",
               counted(dropped, "request"), more_room_hint());
  }
}

int answer(const AnswerOptions& options, const CommandLine& command_line) {
  const RecordedFlows recorded = read_answers(options);
  RecordedServer server(recorded, options.mask);
  JsonOutput json(options.json);
  UdpSocket socket = UdpSocket::listen(options.listen);
  EventLoop loop({.stop = &stop_signal()});
  EndpointDriver driver(loop, server, socket);
  fmt::print(stderr, "lossy: listening on {}: {}\n", socket.listening().to_string(),
             counted(server.requests(), "different request"));
  loop.run([] { return false; });
  if (!options.json.replaces_text()) print_summary(server, socket);
  if (options.json.is_wanted()) json.write_last(json_of(server, socket));
  if (server.counters().received == 0) throw CannotTry("nobody asked, so that nothing was checked");
  if (server.counters().unknown == 0) return kHolds;
  flush_output();
  fmt::print(stderr, "lossy: to see it again: {}\n", command_line.text());
  return kDoesNotHold;
}

}  // namespace

void add_answer_command(CLI::App& app, const CommandLine& command_line,
                        std::function<int()>& command) {
  auto options = std::make_shared<AnswerOptions>();
  CLI::App* answer_app =
      app.add_subcommand("answer", "Stand in for a server: give the answers that a capture has.");
  answer_app->add_option("file", options->file, "the capture, as for inspect; - is standard input")
      ->required()
      ->type_name("FILE");
  add_listen(*answer_app, options->listen, "where to listen", "127.0.0.1:9999");
  add_port(*answer_app, options->recorded.server_port);
  add_mask_options(*answer_app, options->mask);
  add_recorded_options(*answer_app, options->recorded);
  add_inner(*answer_app, options->recorded.inner);
  add_bad_checksums(*answer_app, options->recorded.bad_checksums);
  options->json.add_to(*answer_app, "print what was counted as one JSON object");
  answer_app->footer(
      "A request is known by its content. Asked again it gets the next answer that the capture "
      "has\n"
      "to it, and the last one again and again. What the capture never answers is not answered.\n"
      "Bytes that --mask ignores are copied from the request into the answer, as far as both have\n"
      "them: --mask=0-1 gives every DNS query its own number back.\n"
      "Ends with SIGINT (Ctrl-C) or SIGTERM; exit code 1 when a request was unknown, 2 when none "
      "came.\n"
      "Examples:\n"
      "  lossy answer captures/clean.pcap\n"
      "  lossy answer dns.pcap --listen=127.0.0.1:5353 --mask=0-1");
  answer_app->callback([options, &command_line, &command] {
    refuse_overwriting({{"--json", options->json.file}}, {{"FILE", options->file}});
    command = [options, &command_line] { return answer(*options, command_line); };
  });
}

}  // namespace lossy
