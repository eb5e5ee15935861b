#include <lossy/core/tftp/protocol.hpp>

#include <array>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

#include <lossy/core/random.hpp>
#include <lossy/core/retry_settings.hpp>
#include <lossy/core/tftp/client.hpp>
#include <lossy/core/tftp/server.hpp>

namespace lossy::tftp {
namespace {

enum CallName : std::size_t { kGet, kPut };
enum PropertyName : std::size_t { kWhole, kOnceATimeout, kAllEnd, kForgotten, kAckedAgain };

constexpr std::int64_t kFileBytesMax = std::int64_t{1} << 24;
constexpr std::size_t kStrangersMax = 256;  // Transfers at a time, of a server alone.
constexpr std::size_t kClientHost = 0;
constexpr std::size_t kServerHost = 1;

// The bytes of a file, the same wherever it is made.
std::vector<std::byte> content_of(std::string_view file, std::size_t bytes) {
  std::uint64_t key = 0;
  for (const char c : file) key = RandomStream(key).at(static_cast<unsigned char>(c) + 1);
  const RandomStream draws(key);
  std::vector<std::byte> content(bytes);
  for (std::size_t i = 0; i < bytes; ++i) content[i] = static_cast<std::byte>(draws.at(i) & 0xff);
  return content;
}

// The server's files. Alone, it has one of every name that it is asked for, and strangers may not
// fill the memory with theirs.
class RunFiles final : public Files {
 public:
  static constexpr std::size_t kKeptBytesMax = std::size_t{1} << 26;  // Alone.

  RunFiles(std::size_t bytes, bool is_alone) : bytes_(bytes), is_alone_(is_alone) {}

  void make(const std::string& name) { kept_.write(name, content_of(name, bytes_)); }
  bool has(const std::string& name, const std::vector<std::byte>& content) const {
    const auto file = kept_.files.find(name);
    return file != kept_.files.end() && file->second == content;
  }

  std::optional<std::span<const std::byte>> read(std::string_view name) override {
    const auto content = kept_.read(name);
    if (content || !is_alone_) return content;
    made_ = content_of(name, bytes_);
    return made_;
  }
  std::optional<ErrorCode> refusal(std::string_view name) const override {
    const auto replaced = kept_.files.find(name);
    const std::size_t freed = replaced == kept_.files.end() ? 0 : replaced->second.size();
    if (!is_alone_ || kept_bytes_ - freed < kKeptBytesMax) return std::nullopt;
    return ErrorCode::kDiskFull;
  }
  void write(std::string_view name, std::vector<std::byte> content) override {
    if (is_alone_) {
      if (content == content_of(name, bytes_)) ++written_as_made_;
      if (const auto replaced = kept_.files.find(name); replaced != kept_.files.end()) {
        kept_bytes_ -= replaced->second.size();
      }
      kept_bytes_ += content.size();
    }
    kept_.write(name, std::move(content));
  }
  std::uint64_t written_as_made() const { return written_as_made_; }

 private:
  std::size_t bytes_;
  bool is_alone_;
  MemoryFiles kept_;
  std::vector<std::byte> made_;
  std::size_t kept_bytes_ = 0;  // Alone.
  std::uint64_t written_as_made_ = 0;
};

// Holds every block that is sent against how often time ran out since it was sent first: whatever
// answers each ACK that comes twice sends blocks that nobody waits for (RFC 1123 section 4.2.3.1).
class BlockWatch {
 public:
  void timed_out() { ++timeouts_; }
  void sent(const Transmit& transmit, std::span<const std::byte> payload) {
    const Parsed message = parse(payload);
    if (const auto* const ack = std::get_if<Ack>(&message)) {
      const auto [last, is_first] = acks_.try_emplace(
          {transmit.destination, transmit.source.value_or(Address())}, ack->block);
      if (!is_first && last->second == ack->block) acked_again_ = true;
      last->second = ack->block;
    }
    const auto* const data = std::get_if<Data>(&message);
    if (data == nullptr) return;
    Way& way = ways_[{transmit.destination, transmit.source.value_or(Address())}];
    // Numbers come again after 65,536 blocks.
    if (way.block != data->block || way.times == 0) way = {data->block, timeouts_, 0};
    if (++way.times > 1 + timeouts_ - way.timeouts_before) holds_ = false;
  }
  bool holds() const { return holds_; }
  bool acked_again() const { return acked_again_; }

 private:
  struct Way {
    std::uint16_t block = 0;
    std::uint64_t timeouts_before = 0;
    std::uint64_t times = 0;
  };
  std::map<std::pair<Address, Address>, Way> ways_;
  std::map<std::pair<Address, Address>, std::uint16_t> acks_;  // The last ones.
  bool acked_again_ = false;
  std::uint64_t timeouts_ = 0;
  bool holds_ = true;
};

// An endpoint, watched.
template <typename Kind>
class Watched final : public Endpoint {
 public:
  template <typename... Arguments>
  explicit Watched(BlockWatch& watch, Arguments&&... arguments)
      : endpoint(std::forward<Arguments>(arguments)...), watch_(watch) {}

  void handle_datagram(Instant now, const Datagram& datagram) override {
    endpoint.handle_datagram(now, datagram);
  }
  void handle_refusal(Instant now, const Address& destination) override {
    endpoint.handle_refusal(now, destination);
  }
  void handle_timeout(Instant now) override {
    if (const auto due = poll_timeout(); due && *due <= now) watch_.timed_out();
    endpoint.handle_timeout(now);
  }
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer) override {
    const auto transmit = endpoint.poll_transmit(now, buffer);
    if (transmit) {
      watch_.sent(*transmit, buffer.first(transmit->size));
    } else if (on_drained) {
      on_drained();
    }
    return transmit;
  }
  std::optional<Instant> poll_timeout() const override { return endpoint.poll_timeout(); }
  bool listens_at(const Address& local) const override { return endpoint.listens_at(local); }

  Kind endpoint;
  std::function<void()> on_drained{};

 private:
  BlockWatch& watch_;
};

ClientOptions client_options(const RunPlan& plan) {
  ClientOptions options;
  options.server = plan.addresses.at(1);
  options.retry = retry_options(plan);
  if (const auto bytes = plan.find("blksize")) {
    options.options.block_bytes = static_cast<std::uint16_t>(*bytes);
  }
  if (const auto seconds = plan.find("timeout")) {
    options.options.timeout_seconds = static_cast<std::uint8_t>(*seconds);
  }
  if (plan.at("tsize") != 0) options.options.file_bytes = 0;
  options.local = plan.addresses.at(0);
  options.answers_every_ack = plan.at("sorcerers-apprentice") != 0;
  return options;
}

ServerOptions server_options(const RunPlan& plan) {
  ServerOptions options;
  options.port = plan.addresses.at(1).port();
  options.retry = retry_options(plan);
  options.answers_every_ack = plan.at("sorcerers-apprentice") != 0;
  if (plan.alone) {
    options.transfers_max = kStrangersMax;
    options.file_bytes_max = kFileBytesMax;
  }
  return options;
}

class TransferRun final : public ProtocolRun {
 public:
  TransferRun(const RunPlan& plan, Protocol::Listener listener)
      : listener_(std::move(listener)),
        alone_(plan.alone),
        bytes_(static_cast<std::size_t>(plan.at("file-bytes"))),
        files_(bytes_, plan.alone.has_value()),
        client_(watch_, client_options(plan)),
        server_(watch_, server_options(plan), files_) {
    client_.on_drained = [this] { collect(); };
    if (alone_ == kServerHost) return;  // Nothing is asked here.
    std::vector<Call> calls = plan.calls;
    if (calls.empty()) calls = {{kGet, "readme"}};
    for (const Call& call : calls) {
      if (call.kind == kPut) {
        client_.endpoint.put(call.argument, content_of(call.argument, bytes_));
      } else {
        files_.make(call.argument);
        client_.endpoint.get(call.argument);
      }
    }
    asked_ = calls.size();
  }

  Endpoint& endpoint(std::size_t host) override {
    if (host == kClientHost) return client_;
    return server_;
  }
  std::uint64_t asked() const override { return asked_; }
  std::uint64_t ended() const override {
    return std::accumulate(ends_.begin(), ends_.end(), std::uint64_t{0});
  }

  RunFigures figures() const override {
    const ServerCounters& server = server_.endpoint.counters();
    const auto served_to = [&](End end) { return server_.endpoint.ended(end); };
    std::vector<std::pair<std::string_view, std::uint64_t>> served{
        {"requests", server.requests},
        {"denied", server.refused},
        {"repeated", server.repeated},
        {"unknown", server.unknown},
        {"errors_dropped", server_.endpoint.errors_dropped()}};
    for (std::size_t i = 0; i < kMalformedCount; ++i) {
      served.emplace_back(to_string(static_cast<Malformed>(i)), server.malformed[i]);
    }
    std::vector<RunFigures::Count> counts{{"transfers", "", asked_},
                                          {"done", "done", of(End::kDone), true},
                                          {"gave_up", "gave up", of(End::kGaveUp)},
                                          {"refused", "refused", of(End::kRefused)},
                                          {"broken", "broken", of(End::kBroken)},
                                          {"bytes", "bytes", bytes_done_}};
    if (alone_ == kClientHost) {
      counts.push_back({"as_made", "as made here", fetched_as_made_});
    } else if (alone_ == kServerHost) {
      counts = {{"transfers", "transfers", server.requests},
                {"done", "done", served_to(End::kDone)},
                {"gave_up", "gave up", served_to(End::kGaveUp)},
                {"refused", "refused", served_to(End::kRefused)},
                {"broken", "broken", served_to(End::kBroken)},
                {"under_way", "under way", server_.endpoint.under_way()},
                {"as_made", "as made here", files_.written_as_made()}};
    }
    return {.asked = asked_,
            .ended = ended(),
            .counts = std::move(counts),
            .lists = {{"server", std::move(served)},
                      {"client",
                       {{"malformed", client_.endpoint.malformed()},
                        {"errors_dropped", client_.endpoint.errors_dropped()}}}}};
  }

  bool holds(std::size_t property) const override {
    switch (property) {
      case kWhole:
        return is_whole_;
      case kOnceATimeout:
        return watch_.holds();
      case kAllEnd:
        return ended() == asked_ && client_.endpoint.pending() == 0;
      case kForgotten:
        return server_.endpoint.transfers() == 0;
      default:
        return watch_.acked_again();
    }
  }

 private:
  std::uint64_t of(End end) const { return ends_[static_cast<std::size_t>(end)]; }

  void collect() {
    while (const auto event = client_.endpoint.poll_event()) {
      ++ends_[static_cast<std::size_t>(event->end)];
      bytes_done_ += event->bytes;
      if (event->end == End::kDone) check_content(*event);
      if (listener_) tell(*event);
    }
  }

  void check_content(const ClientEvent& event) {
    const std::vector<std::byte> content = content_of(event.file, bytes_);
    if (!event.sends && event.content == content) ++fetched_as_made_;
    if (event.sends ? !files_.has(event.file, content) : event.content != content) {
      is_whole_ = false;
    }
  }

  void tell(const ClientEvent& event) {
    std::string predicate = event.sends ? "is stored" : "is fetched";
    if (event.end == End::kDone) {
      predicate += ", " + std::to_string(event.bytes) + " bytes";
    } else {
      predicate = (event.sends ? "is not stored, " : "is not fetched, ") + event.reason;
    }
    listener_({.ended = event.ended,
               .elapsed = event.elapsed,
               .is_good = event.end == End::kDone,
               .subject = event.file,
               .predicate = predicate});
  }

  Protocol::Listener listener_;
  std::optional<std::size_t> alone_;
  std::size_t bytes_;
  RunFiles files_;
  BlockWatch watch_;
  Watched<Client> client_;
  Watched<Server> server_;
  std::uint64_t asked_ = 0;
  std::array<std::uint64_t, 4> ends_{};  // By End.
  std::uint64_t bytes_done_ = 0;
  std::uint64_t fetched_as_made_ = 0;
  bool is_whole_ = true;
};

std::vector<HostRole> hosts(const RunPlan& plan) {
  for (const Call& call : plan.calls) {
    const std::string& file = call.argument;
    const std::string option = call.kind == kPut ? "--put" : "--get";
    if (file.empty()) throw PlanError(option, "the file's name is missing");
    if (file.find('\0') != std::string::npos) {
      throw PlanError(option, "a file's name has no byte 0: it ends the name");
    }
    if (file.size() > kFileNameBytesMax) {
      throw PlanError(option, "a file's name has at most " + std::to_string(kFileNameBytesMax) +
                                  " bytes, and this one " + std::to_string(file.size()));
    }
  }
  // Each transfer has a port of its own.
  return {{.name = "client", .every_port = true, .part = HostRole::Part::kAsks},
          {.name = "server",
           .port = ServerOptions{}.port,
           .every_port = true,
           .part = HostRole::Part::kAnswers}};
}

}  // namespace

const Protocol& protocol() {
  static const Protocol protocol{
      .name = "tftp",
      .sentence = "Files are fetched and stored, block by block (RFC 1350, 2347 to 2349).",
      .title = "Transfers",
      .calls = "transfers",
      .call = "transfer",
      .to_have_more = "more than one datagram at a time, which TFTP never has",
      .settings = {{.name = "file-bytes",
                    .sentence = "how large each file is [2000]",
                    .initial = 2000,
                    .most = kFileBytesMax},
                   {.name = "blksize",
                    .sentence = "ask for blocks of so many bytes (RFC 2348) [not asked for: 512]",
                    .least = kBlockBytesMin,
                    .most = kBlockBytesMax},
                   {.name = "timeout",
                    .sentence = "ask for so many seconds until a datagram is repeated (RFC 2349)",
                    .least = 1,
                    .most = 255},
                   {.name = "tsize",
                    .sentence = "ask for the file's size, or tell it (RFC 2349)",
                    .kind = Setting::Kind::kFlag,
                    .initial = 0,
                    .most = 1},
                   attempts_setting(
                       "how often a datagram is sent before the transfer is given up [5]"),
                   initial_rto_setting(),
                   {.name = "sorcerers-apprentice",
                    .sentence =
                        "answer each ACK that comes again, the bug of RFC 1123 section 4.2.3.1",
                    .kind = Setting::Kind::kFlag,
                    .initial = 0,
                    .most = 1}},
      .call_kinds = {{.name = "get",
                      .argument = "FILE",
                      .sentence = "fetch a file [readme]; may be given several times"},
                     {.name = "put",
                      .argument = "FILE",
                      .sentence = "store a file; may be given several times"}},
      .properties =
          {{.name = "whole", .sentence = "a transfer that is done has the file, byte for byte"},
           {.name = "once-a-timeout",
            .sentence = "a block is sent again only when its timeout has passed"},
           {.name = "all-end", .sentence = "every transfer ends", .when = Property::When::kAtRest},
           {.name = "forgotten",
            .sentence = "the server keeps nothing of a transfer that is over",
            .when = Property::When::kAtRest},
           {.name = "acked-again",
            .sentence = "a block that came again is acknowledged again",
            .when = Property::When::kSometimes}},
      .hosts = hosts,
      .make_run =
          [](const RunPlan& plan, Protocol::Listener listener) {
            return std::make_unique<TransferRun>(plan, std::move(listener));
          },
      .describe = describe,
  };
  return protocol;
}

}  // namespace lossy::tftp
