// TFTP (RFC 1350, octet mode, reading) as somebody else's project: two endpoints without I/O, what
// an application can ask of them, what must hold, and how a datagram reads.
#include <lossy/core/protocol.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <utility>

using namespace lossy;
using namespace std::chrono_literals;
namespace {

using Bytes = std::vector<std::byte>;
using View = std::span<const std::byte>;

enum Opcode : std::uint8_t { kData = 3, kAck = 4 };
constexpr std::size_t kBlockBytes = 512;
constexpr Duration kPatience = 1s;
constexpr int kAttempts = 8;

// The 16 bits at a place, in network order; 0 where the datagram has ended.
std::uint16_t number_at(View bytes, std::size_t place) {
  if (bytes.size() < place + 2) return 0;
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[place]) << 8 |
                                    std::to_integer<unsigned>(bytes[place + 1]));
}

Bytes message(Opcode opcode, std::uint16_t number, View rest = {}) {
  Bytes bytes{std::byte{0}, std::byte{opcode}, static_cast<std::byte>(number >> 8),
              static_cast<std::byte>(number & 0xff)};
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  return bytes;
}

const std::string kRequestBegins("\0\1", 2), kRequestEnds("\0octet\0", 7);

Bytes request(const std::string& file) {
  const std::string text = kRequestBegins + file + kRequestEnds;
  const View bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

// The name in a request; empty when it is none.
std::string file_in(View bytes) {
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::size_t around = kRequestBegins.size() + kRequestEnds.size();
  if (text.size() <= around || !text.starts_with(kRequestBegins) || !text.ends_with(kRequestEnds))
    return {};
  return text.substr(kRequestBegins.size(), text.size() - around);
}

std::string describe(View bytes) {
  const std::string number = std::to_string(number_at(bytes, 2));
  if (!file_in(bytes).empty()) return "RRQ";
  if (bytes.size() < 4 || number_at(bytes, 0) < kData) return "no TFTP";
  return number_at(bytes, 0) == kAck ? "ACK " + number : "DATA " + number;
}

Bytes content_of(const std::string& file, std::size_t bytes) {
  Bytes content(bytes);
  for (std::size_t i = 0; i < bytes; ++i) {
    content[i] = static_cast<std::byte>((i + i / 251 + file.size()) & 0xff);
  }
  return content;
}

// What was sent last, and when to send it again, or to give up.
class Turn {
 public:
  void send(Transmit transmit, Bytes bytes, int attempts = kAttempts,
            Duration patience = kPatience) {
    transmit.size = bytes.size();
    transmit_ = transmit, bytes_ = std::move(bytes);
    attempts_left_ = attempts, patience_ = patience, is_due_ = true;
  }
  // False when it was sent as often as it is.
  bool time_out(Instant now) {
    if (now >= deadline_) is_due_ = attempts_left_ > 0;
    return now < deadline_ || is_due_;
  }
  std::optional<Transmit> poll(Instant now, std::span<std::byte> buffer) {
    if (!std::exchange(is_due_, false)) return std::nullopt;
    deadline_ = now + patience_;
    patience_ *= 2;
    --attempts_left_;
    std::ranges::copy(bytes_, buffer.begin());
    return transmit_;
  }
  Instant deadline() const { return deadline_; }

 private:
  Transmit transmit_;
  Bytes bytes_;
  int attempts_left_ = 0;
  Duration patience_ = kPatience;
  bool is_due_ = false;
  Instant deadline_{};
};

// Fetches one file after the other, and says of each what came of it.
class Client final : public Endpoint {
 public:
  struct Fetch {
    std::string file;
    Instant begun;
    Bytes content{};
    std::optional<Address> server{};  // Its port for this file, once it is known.
    std::size_t expected = 1;
  };

  explicit Client(const Address& server) : server_(server) {}
  void get(const std::string& file) { waiting_.push_back(file); }

  void handle_datagram(Instant now, const Datagram& datagram) override {
    if (!fetch_ || number_at(datagram.payload, 0) != kData || datagram.payload.size() < 4) return;
    const std::uint16_t block = number_at(datagram.payload, 2);
    if (!fetch_->server && block == 1) fetch_->server = datagram.source;
    if (fetch_->server != datagram.source) return;
    const bool is_next = block == static_cast<std::uint16_t>(fetch_->expected);
    if (!is_next && block != static_cast<std::uint16_t>(fetch_->expected - 1)) return;
    turn_.send({.destination = datagram.source}, message(kAck, block), 1,
               kPatience * (1 << kAttempts));
    if (!is_next) return;
    ++fetch_->expected;
    const View data = datagram.payload.subspan(4);
    fetch_->content.insert(fetch_->content.end(), data.begin(), data.end());
    if (data.size() < kBlockBytes) end(now, true);
  }
  void handle_timeout(Instant now) override {
    if (fetch_ && !turn_.time_out(now)) end(now, false);
  }
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer) override {
    if (const auto transmit = turn_.poll(now, buffer)) return transmit;
    if (fetch_ || waiting_.empty()) return std::nullopt;
    fetch_ = Fetch{.file = waiting_.front(), .begun = now};
    waiting_.pop_front();
    turn_.send({.destination = server_}, request(fetch_->file));
    return turn_.poll(now, buffer);
  }
  std::optional<Instant> poll_timeout() const override {
    return fetch_ ? std::optional(turn_.deadline()) : std::nullopt;
  }

  std::function<void(const Fetch&, Instant ended, bool is_whole)> on_end;

 private:
  void end(Instant now, bool is_whole) {
    on_end(*std::exchange(fetch_, std::nullopt), now, is_whole);
  }

  Address server_;
  std::deque<std::string> waiting_;
  std::optional<Fetch> fetch_;
  Turn turn_;
};

// Has one transfer at a time, each from a port of its own: a new request ends the one before.
class Server final : public Endpoint {
 public:
  Server(const Address& address, std::size_t file_bytes)
      : address_(address), file_bytes_(file_bytes) {}

  void handle_datagram(Instant, const Datagram& datagram) override {
    if (datagram.destination.port() == address_.port()) return begin(datagram);
    const bool is_ack = number_at(datagram.payload, 0) == kAck &&
                        number_at(datagram.payload, 2) == static_cast<std::uint16_t>(sent_->block);
    if (datagram.source != sent_->client || !is_ack) return;
    if (sent_->block * kBlockBytes > sent_->content.size()) return sent_.reset();
    ++sent_->block;
    send_block();
  }
  void handle_timeout(Instant now) override {
    if (sent_ && !turn_.time_out(now)) sent_.reset();
  }
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer) override {
    return turn_.poll(now, buffer);
  }
  std::optional<Instant> poll_timeout() const override {
    return sent_ ? std::optional(turn_.deadline()) : std::nullopt;
  }
  bool listens_at(const Address& local) const override {
    return local.port() == address_.port() || (sent_ && local == sent_->local);
  }
  bool is_idle() const { return !sent_; }

 private:
  struct Transfer {
    Address client, local;
    std::string file;
    Bytes content;
    std::size_t block = 1;
  };

  void begin(const Datagram& datagram) {
    const std::string file = file_in(datagram.payload);
    if (file.empty() || (sent_ && sent_->client == datagram.source && sent_->file == file)) return;
    const Address local = with_port(address_, next_port_++);
    if (next_port_ == 0) next_port_ = 49'152;
    sent_ = Transfer{datagram.source, local, file, content_of(file, file_bytes_)};
    send_block();
  }
  void send_block() {
    const View rest = View(sent_->content).subspan((sent_->block - 1) * kBlockBytes);
    turn_.send({.destination = sent_->client, .source = sent_->local},
               message(kData, static_cast<std::uint16_t>(sent_->block),
                       rest.first(std::min(kBlockBytes, rest.size()))));
  }

  Address address_;
  std::size_t file_bytes_;
  std::uint16_t next_port_ = 49'152;
  std::optional<Transfer> sent_;
  Turn turn_;
};

class Run final : public ProtocolRun {
 public:
  Run(const RunPlan& plan, Protocol::Listener listener)
      : bytes_(static_cast<std::size_t>(plan.at("file-bytes"))),
        client_(plan.addresses.at(1)),
        server_(plan.addresses.at(1), bytes_),
        listener_(std::move(listener)) {
    client_.on_end = [this](const Client::Fetch& fetch, Instant ended, bool is_whole) {
      ++ended_;
      fetched_ += is_whole ? 1 : 0;
      if (is_whole && fetch.content != content_of(fetch.file, bytes_)) holds_ = false;
      if (!listener_) return;
      listener_({.ended = ended,
                 .elapsed = ended - fetch.begun,
                 .is_good = is_whole,
                 .subject = fetch.file,
                 .predicate = is_whole ? "is fetched" : "is given up"});
    };
    for (const Call& call : plan.calls) client_.get(call.argument);
    if (plan.calls.empty()) client_.get("readme");
    asked_ = std::max<std::size_t>(1, plan.calls.size());
  }

  Endpoint& endpoint(std::size_t host) override {
    if (host == 0) return client_;
    return server_;
  }
  std::uint64_t asked() const override { return asked_; }
  std::uint64_t ended() const override { return ended_; }
  RunFigures figures() const override {
    return {.asked = asked_,
            .ended = ended_,
            .counts = {{"files", "", asked_}, {"fetched", "fetched", fetched_, true}}};
  }
  bool holds(std::size_t property) const override {
    return property == 0 ? holds_ : ended_ == asked_ && server_.is_idle();
  }

 private:
  std::size_t bytes_;
  Client client_;
  Server server_;
  Protocol::Listener listener_;
  std::uint64_t asked_ = 0, ended_ = 0, fetched_ = 0;
  bool holds_ = true;
};

}  // namespace

const lossy::Protocol& lossy_protocol() {
  static const Protocol protocol{
      .name = "tftp",
      .sentence = "Fetches files by TFTP.",
      .title = "Files",
      .calls = "files",
      .call = "file",
      .to_have_more = "more than one block at a time, which TFTP never has",
      .settings = {{.name = "file-bytes",
                    .sentence = "how large each file is [2000]",
                    .initial = 2000,
                    .most = 1 << 24,
                    .tried = {0, 511, 512, 513}}},
      .call_kinds = {{.name = "get",
                      .argument = "FILE",
                      .sentence = "fetch a file [readme]",
                      .tried = {"a", "b"}}},
      .properties = {{.name = "whole", .sentence = "what is fetched is the file, byte for byte"},
                     {.name = "all-end",
                      .sentence = "every file is fetched or given up, and the server keeps nothing",
                      .when = Property::When::kAtRest}},
      .hosts =
          [](const RunPlan&) {
            return std::vector<HostRole>{{"client", 50'000, false, HostRole::Part::kAsks},
                                         {"server", 69, true, HostRole::Part::kAnswers}};
          },
      .make_run =
          [](const RunPlan& plan, Protocol::Listener listener) {
            return std::make_unique<Run>(plan, std::move(listener));
          },
      .describe = describe};
  return protocol;
}
