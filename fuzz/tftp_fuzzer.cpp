// Invariants: bytes are rejected, or parse to a message that is written as bytes which parse to the
// same; and whatever a network does to a transfer but damage, it ends, and what is done has the
// file as it was sent. No block is sent again but for a timeout: what comes twice must not go on
// twice (RFC 1123 section 4.2.3.1).
//
// An input chooses a file, options and then, byte by byte, what the network does; behind its end
// the network is perfect. Strangers send whatever they like: it may not disturb.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <lossy/core/tftp/client.hpp>
#include <lossy/core/tftp/server.hpp>
#include <lossy/fuzz/input.hpp>
#include <lossy/fuzz/property.hpp>
#include <lossy/fuzz/trace.hpp>

namespace lossy::fuzz {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kBytesMax = 128;    // Of a datagram of these transfers.
constexpr std::size_t kInFlightMax = 64;  // More are lost.
constexpr int kAttemptsMax = 4;
constexpr std::size_t kStepsMax = 20'000;  // Of a perfect network, until all is quiet.
const Address kClientHost = Address::v4({192, 0, 2, 1}, 0);
const Address kServerHost = Address::v4({192, 0, 2, 2}, 0);
const Address kRequests = with_port(kServerHost, 69);

void check_message(std::span<const std::byte> bytes) {
  static std::array<std::byte, tftp::kHeaderBytes + tftp::kBlockBytesMax> buffer;
  const tftp::Parsed parsed = tftp::parse(bytes);
  Trace::add(static_cast<std::uint64_t>(parsed.index()));
  if (std::holds_alternative<tftp::Malformed>(parsed)) return;
  const auto again = std::visit(
      [](const auto& message) -> std::span<const std::byte> {
        if constexpr (std::is_same_v<std::decay_t<decltype(message)>, tftp::Malformed>) {
          return {};
        } else {
          return std::span(buffer).first(tftp::write(message, buffer));
        }
      },
      parsed);
  std::string line = tftp::describe(bytes);
  const auto* options = std::get_if<tftp::OptionAck>(&parsed);
  // What is not known is not written.
  if (options != nullptr && options->has_unknown) line.resize(line.rfind(" and others"));
  must(tftp::describe(again) == line, "a message is written as one that reads the same");
}

struct Flight {
  Address source;
  Address destination;
  std::vector<std::byte> payload;

  friend bool operator==(const Flight&, const Flight&) = default;
};

class Transfers {
 public:
  explicit Transfers(Input& input)
      : shape_(input.byte()),
        client_({.server = kRequests,
                 .retry = {.attempts_max = kAttemptsMax},
                 .options = options(),
                 .local = kClientHost}),
        server_({.retry = {.attempts_max = kAttemptsMax}}, files_) {
    content_.resize(input.below(kBytesMax));
    for (std::size_t i = 0; i < content_.size(); ++i) content_[i] = static_cast<std::byte>(i);
    if (stores()) {
      client_.put("file", content_);
    } else {
      files_.files["file"] = content_;
      client_.get("file");
    }
    drain();
    while (!input.done()) operate(input.byte());
    settle();
  }

 private:
  bool stores() const { return shape_ % 2 == 1; }
  tftp::TransferOptions options() const {
    tftp::TransferOptions options;
    // Most have blocks so short that there are many of them.
    if (shape_ / 2 % 4 != 0) options.block_bytes = static_cast<std::uint16_t>(8 * (shape_ / 2 % 4));
    if (shape_ / 8 % 2 == 1) options.file_bytes = 0;
    if (shape_ / 16 % 2 == 1) options.timeout_seconds = 2;
    return options;
  }

  void operate(std::uint8_t byte) {
    const std::size_t argument = byte / 8;
    const std::size_t place = flights_.empty() ? 0 : argument % flights_.size();
    switch (byte % 8) {
      case 0:
      case 1:
        return deliver(byte % 8 == 0 ? 0 : place);
      case 2:
        if (flights_.empty()) return;
        ++losses_;
        flights_.erase(flights_.begin() + static_cast<std::ptrdiff_t>(place));
        return;
      case 3:
        if (flights_.empty() || flights_.size() == kInFlightMax) return;
        flights_.push_back(flights_[place]);
        return;
      case 4:
        return time_out();
      case 5:
        return deliver(flights_.size() - 1);
      default:
        return intrude(byte % 8 == 6, argument);
    }
  }

  // A stranger sends something to whoever, at the port of the latest transfer or where requests go.
  void intrude(bool to_client, std::size_t argument) {
    const std::array<tftp::Message, 4> messages{
        tftp::Data{static_cast<std::uint16_t>(argument / 4), std::span(content_).first(0)},
        tftp::Ack{static_cast<std::uint16_t>(argument / 4)},
        tftp::Error{tftp::ErrorCode::kUndefined, "stranger"},
        tftp::OptionAck{{.block_bytes = std::uint16_t{8}}, false}};
    const std::size_t size = tftp::write(messages[argument % 4], buffer_);
    const Address& host = to_client ? kClientHost : kServerHost;
    const Datagram datagram{.source = Address::v4({198, 51, 100, 1}, 7),
                            .payload = std::span(buffer_).first(size),
                            .destination = with_port(host, tftp::Ports::kFirst)};
    if (!endpoint(to_client).listens_at(datagram.destination)) return;
    endpoint(to_client).handle_datagram(now_, datagram);
    drain(&datagram.source);
  }

  Endpoint& endpoint(bool client) {
    if (client) return client_;
    return server_;
  }

  void deliver(std::size_t place) {
    if (place >= flights_.size()) return;
    const Flight flight = std::move(flights_[place]);
    flights_.erase(flights_.begin() + static_cast<std::ptrdiff_t>(place));
    now_ += 1ms;
    const bool to_client = with_port(flight.destination, 0) == kClientHost;
    Endpoint& there = endpoint(to_client);
    if (there.listens_at(flight.destination)) {
      there.handle_datagram(now_, {flight.source, flight.payload, flight.destination});
    } else {
      endpoint(!to_client).handle_refusal(now_, flight.destination);
    }
    drain();
  }

  std::optional<Instant> next_timeout() const {
    const auto a = client_.poll_timeout();
    const auto b = server_.poll_timeout();
    return a && b ? std::min(*a, *b) : a ? a : b;
  }

  // Time passes over what is in flight: to whoever waits, that is a loss.
  void time_out() {
    const auto next = next_timeout();
    if (!next) return;
    ++timeouts_;
    if (!flights_.empty()) ++losses_;
    now_ = std::max(now_, *next);
    client_.handle_timeout(now_);
    server_.handle_timeout(now_);
    drain();
  }

  // Takes what each wants sent: as an answer to a datagram or to time, one datagram of a transfer
  // and one that ends a stranger's.
  void drain(const Address* stranger = nullptr) {
    for (const bool client : {true, false}) {
      std::size_t sent = 0;
      while (const auto transmit = endpoint(client).poll_transmit(now_, buffer_)) {
        must(++sent <= 2, "no datagram is answered by more than one, and an error");
        must(transmit->source.has_value(), "each transfer has a port");
        const auto payload = std::span<const std::byte>(buffer_).first(transmit->size);
        Trace::add(payload);
        check_message(payload);
        check_repetition(*transmit, payload);
        if (stranger != nullptr && transmit->destination == *stranger) {
          must(payload[1] == std::byte{5}, "a stranger gets an error and nothing else");
          continue;
        }
        if (flights_.size() == kInFlightMax) {
          ++losses_;
          continue;
        }
        flights_.push_back(
            {*transmit->source, transmit->destination, {payload.begin(), payload.end()}});
      }
    }
    while (const auto event = client_.poll_event()) {
      must(!event_, "a transfer ends once");
      Trace::add(to_string(event->end));
      Trace::add(static_cast<std::uint64_t>(event->elapsed.count()));
      event_ = *event;
    }
  }

  void check_repetition(const Transmit& transmit, std::span<const std::byte> payload) {
    if (payload[1] != std::byte{3}) return;
    const Flight block{*transmit.source, transmit.destination, {payload.begin(), payload.end()}};
    const auto sent = std::ranges::count(blocks_, block);
    must(static_cast<std::size_t>(sent) <= timeouts_, "a block is sent again for a timeout only");
    blocks_.push_back(block);
  }

  void settle() {
    std::size_t steps = 0;
    while (!flights_.empty() || next_timeout()) {
      must(++steps <= kStepsMax, "on a perfect network all becomes quiet");
      if (!flights_.empty()) {
        deliver(0);
      } else {
        time_out();
      }
    }
    must(event_.has_value() && client_.pending() == 0, "a transfer ends");
    must(server_.transfers() == 0, "a server forgets what is over");
    if (losses_ < kAttemptsMax) {
      must(event_->end == tftp::End::kDone, "few losses do not end a transfer");
    }
    if (event_->end != tftp::End::kDone) return;
    must((stores() ? files_.files["file"] : event_->content) == content_,
         "what is done has the file as it was sent");
  }

  std::uint8_t shape_;
  tftp::MemoryFiles files_;
  tftp::Client client_;
  tftp::Server server_;
  std::vector<std::byte> content_;
  std::deque<Flight> flights_;
  std::vector<Flight> blocks_;  // All DATA that was ever sent.
  std::size_t losses_ = 0;
  std::size_t timeouts_ = 0;
  std::optional<tftp::ClientEvent> event_;
  Instant now_{};
  std::array<std::byte, 1024> buffer_;
};

}  // namespace
}  // namespace lossy::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lossy::fuzz::check_message(std::as_bytes(std::span(data, size)));
  lossy::fuzz::Input input(data, size);
  const lossy::fuzz::Transfers transfers(input);
  return 0;
}
