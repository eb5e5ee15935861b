#include "harness/cli/serve_command.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "core/server.hpp"
#include "harness/cli/option.hpp"
#include "harness/cli/output.hpp"
#include "harness/net/endpoint_driver.hpp"
#include "harness/net/socket_address.hpp"

namespace lossy {
namespace {

constexpr std::uint64_t kThreadsMax = 256;

struct ServeOptions {
  Address listen = Address::v4({127, 0, 0, 1}, 9999);
  std::uint64_t threads = 1;
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

// One socket, one server and one loop: what a thread has, and shares with no other.
class Worker {
 public:
  Worker(UdpSocket socket, bool talks, const StopSignal* stop)
      : socket_(std::move(socket)),
        talking_(server_, talks),
        loop_({.stop = stop}),
        driver_(loop_, talking_, socket_) {}

  void run() {
    loop_.run([] {
      flush_output();  // Whoever reads along sees each batch when it is handled.
      return false;
    });
  }
  void stop() { loop_.stop(); }

  const UdpSocket& socket() const { return socket_; }
  const ServerCounters& counters() const { return server_.counters(); }

 private:
  UdpSocket socket_;
  Server server_;
  TalkingServer talking_;
  EventLoop loop_;
  EndpointDriver driver_;
};

// A thread that runs a worker, and is stopped and joined whatever happens. What it throws is kept
// for the thread that started it, which is then stopped, too.
class WorkerThread {
 public:
  WorkerThread(Worker& worker, Worker& starter)
      : worker_(worker), thread_([this, &starter] {
          try {
            worker_.run();
          } catch (...) {
            failure_ = std::current_exception();
            starter.stop();
          }
        }) {}
  ~WorkerThread() { join(); }
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  void join() {
    if (!thread_.joinable()) return;
    worker_.stop();
    thread_.join();
  }
  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  Worker& worker_;
  std::exception_ptr failure_;
  std::thread thread_;
};

class ServeRun {
 public:
  explicit ServeRun(const ServeOptions& options) : options_(options) {
    const bool shared = options.threads > 1;
    // With a port that is shared on purpose the kernel would not tell of another program that
    // shares it, too: so it is asked for alone first.
    if (shared) UdpSocket::listen(options.listen);
    const auto share = shared ? UdpSocket::Share::kYes : UdpSocket::Share::kNo;
    Address address = options.listen;
    for (std::uint64_t i = 0; i < options.threads; ++i) {
      // The first is run by the thread that takes the signals.
      workers_.push_back(std::make_unique<Worker>(UdpSocket::listen(address, share),
                                                  options.talks(), i == 0 ? &stop_ : nullptr));
      address = workers_.front()->socket().local_address();
    }
    address_ = address;
  }

  int run() {
    if (options_.talks()) {
      fmt::print("Bind UDP on {}...\n", address_.port());
    } else {
      fmt::print(stderr, "lossy: listening on {}\n", address_.to_string());
    }
    std::vector<std::unique_ptr<WorkerThread>> threads;
    for (std::size_t i = 1; i < workers_.size(); ++i) {
      threads.push_back(std::make_unique<WorkerThread>(*workers_[i], *workers_.front()));
    }
    workers_.front()->run();
    for (const auto& thread : threads) thread->join();
    for (const auto& thread : threads) thread->rethrow();
    report();
    return 0;
  }

 private:
  void report() {
    SocketCounters sockets;
    ServerCounters server;
    std::uint64_t kernel_dropped = 0;
    for (const auto& worker : workers_) {
      sockets += worker->socket().counters();
      kernel_dropped += worker->socket().kernel_drops();
      for (std::size_t i = 0; i < kMalformedCount; ++i) {
        server.refused[i] += worker->counters().refused[i];
      }
    }
    const Reasons refused = reasons_of(server.refused, Malformed::kEmpty);
    const Reasons not_sent = reasons_of(sockets.not_sent, SocketOutcome::kNoBuffers);
    if (options_.json) {
      const nlohmann::ordered_json json{{"command", "serve"},
                                        {"listen", address_.to_string()},
                                        {"received", sockets.received},
                                        {"answered", sockets.sent},
                                        {"refused", total(refused)},
                                        {"refused_by", json_of(refused)},
                                        {"not_sent", total(not_sent)},
                                        {"not_sent_by", json_of(not_sent)},
                                        {"kernel_dropped", kernel_dropped}};
      fmt::print("{}\n", json.dump());
      return;
    }
    std::string text = fmt::format("received {}, answered {}, {}", sockets.received, sockets.sent,
                                   text_of("refused", refused));
    if (total(not_sent) > 0) text += ", " + text_of("could not be sent", not_sent);
    fmt::print(stderr, "lossy: stopped by {}: {}\n", stop_signal_name(stop_.take().value()), text);
    if (kernel_dropped > 0) fmt::print(stderr, "{}", kernel_drops_text(kernel_dropped));
  }

  // What to do about datagrams that never reached us.
  std::string kernel_drops_text(std::uint64_t dropped) const {
    return fmt::format(
        "lossy: the kernel dropped {} datagrams that came while {} bytes of others waited; allow "
        "more with: sysctl -w net.core.rmem_max={}\n",
        dropped, workers_.front()->socket().receive_buffer_bytes(), UdpSocket::kBufferBytesWanted);
  }

  static nlohmann::ordered_json json_of(const Reasons& reasons) {
    nlohmann::ordered_json json = nlohmann::ordered_json::object();
    for (const auto& [reason, count] : reasons) json[reason] = count;
    return json;
  }

  const ServeOptions& options_;
  StopSignal& stop_ = stop_signal();
  std::vector<std::unique_ptr<Worker>> workers_;
  Address address_;
};

}  // namespace

void add_serve_command(CLI::App& app, std::function<int()>& command) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* serve = app.add_subcommand(
      "serve", "Answer greetings on a real UDP socket, until SIGINT (Ctrl-C) or SIGTERM.");
  add_parsed(*serve, "--listen", options->listen, resolve,
             "where to listen; port 0 is any free one [127.0.0.1:9999]", "HOST:PORT");
  add_parsed(
      *serve, "--threads", options->threads,
      [](std::string_view text) { return parse_whole(text, 1, kThreadsMax); },
      "share the work; the kernel chooses a thread by a datagram's source [1]", "N");
  serve->add_flag("--quiet", options->quiet, "print no line for each datagram");
  serve->add_flag("--json", options->json,
                  "print nothing but what was counted, as one JSON object at the end");
  serve->footer(
      "Examples:\n"
      "  lossy serve\n"
      "  lossy serve --listen=[::1]:9999 --quiet\n"
      "  lossy serve --threads=4 --json");
  serve->callback(
      [options, &command] { command = [options] { return ServeRun(*options).run(); }; });
}

}  // namespace lossy
