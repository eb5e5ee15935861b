// Invariant: however several clients share a server and one link each way, the properties of the
// protocol hold for each of them (harness/sim/properties.hpp), what the server answers one never
// counts for another, and every request ends.
//
// An input chooses how many clients there are and the links' delay and rate; then each byte is an
// operation: a client asks for a name, or the next thing happens, or the next datagrams are lost.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <lossy/fuzz/input.hpp>
#include <lossy/fuzz/property.hpp>
#include <lossy/fuzz/trace.hpp>
#include <lossy/harness/link/link.hpp>
#include <lossy/harness/sim/checked_endpoints.hpp>

namespace lossy::fuzz {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kClientsMax = 4;
constexpr std::size_t kRequestsMax = 8;
constexpr std::size_t kEventsMax = 20'000;
constexpr std::array<std::string_view, 3> kNames{"A", "B", "Hello, A!"};
const Address kServerAddress = Address::v4({192, 0, 2, 2}, 9999);

class NextFate final : public FateSource {
 public:
  explicit NextFate(Fate& fate) : fate_(fate) {}
  const Fate& decide(Instant, std::uint64_t, std::size_t) override {
    current_ = fate_;
    fate_ = Fate{};
    return current_;
  }

 private:
  Fate& fate_;
  Fate current_;
};

// A link that remembers who sent what to whom.
struct Way {
  explicit Way(const LinkOptions& options) : link(options, std::make_unique<NextFate>(fate)) {
    ends.reserve(64);
  }

  struct Ends {
    Address source;
    Address destination;
  };
  Fate fate;  // Of the next datagram.
  std::vector<Ends> ends{};
  Link link;
};

// Large, and so made once.
struct Hosts {
  std::array<CheckedClient, kClientsMax> clients{
      CheckedClient(kRequestsMax), CheckedClient(kRequestsMax), CheckedClient(kRequestsMax),
      CheckedClient(kRequestsMax)};
  CheckedServer server;
};
Hosts& hosts() {
  static Hosts hosts;
  return hosts;
}

class Crowd {
 public:
  explicit Crowd(Input& input)
      : clients_(hosts().clients.data(), 1 + input.below(kClientsMax)),
        uplink_(options_from(input)),
        downlink_(options_from(input)) {
    for (CheckedClient& client : clients_) {
      const std::uint8_t shape = input.byte();
      client.start({.server = kServerAddress,
                    .retry = {.initial_rto = 100ms, .attempts_max = 1 + shape % 4},
                    .window = std::size_t{1} + shape / 4 % 3});
    }
    server_.start();
    while (!input.done()) operate(input.byte());
    finish();
    // Freed now, so that libFuzzer, which counts allocations a run, suspects no leak.
    for (CheckedClient& client : clients_) client.stop();
  }

 private:
  static LinkOptions options_from(Input& input) {
    LinkOptions options;
    options.delay = input.of(std::array<Duration, 4>{0ns, 20ms, 60ms, 200ms});
    options.rate.bits_per_second = input.of(std::array<std::uint64_t, 3>{0, 8'000, 1'000'000});
    options.queue_datagrams_max = input.of(std::array<std::size_t, 3>{1000, 1, 3});
    return options;
  }

  static Address address_of(std::size_t client) {
    // Two on each host, so that neither port nor host alone tells them apart.
    return Address::v4({192, 0, 2, static_cast<std::uint8_t>(10 + client / 2)},
                       static_cast<std::uint16_t>(50'000 + client % 2));
  }

  void operate(std::uint8_t byte) {
    const std::size_t argument = byte / 4;
    switch (byte % 4) {
      case 0: {
        CheckedClient& client = clients_[argument % clients_.size()];
        if (!client.full()) client.greet(kNames[argument / 4 % kNames.size()]);
        drain(argument % clients_.size());
        return;
      }
      case 1:
        for (std::size_t i = 0; i <= argument % 4; ++i) step();
        return;
      case 2:
        (argument % 2 == 0 ? uplink_ : downlink_).fate.copies_count = argument / 2 % 4;
        return;
      default: {
        Fate& fate = (argument % 2 == 0 ? uplink_ : downlink_).fate;
        fate.copies_count = 1;
        fate.copy[0].extra_delay = argument % 4 < 2 ? 150ms : 5ms;
        fate.copy[0].flips_count = static_cast<std::uint8_t>(argument / 4 % 2);
        fate.copy[0].flipped_bits[0] = static_cast<std::uint32_t>(argument / 8);
        return;
      }
    }
  }

  // The next thing that happens, wherever that is. Gives whether there is one.
  bool step() {
    std::optional<Instant> next;
    const auto consider = [&next](std::optional<Instant> when) {
      if (when && (!next || *when < *next)) next = when;
    };
    consider(uplink_.link.poll_timeout());
    consider(downlink_.link.poll_timeout());
    for (const CheckedClient& client : clients_) consider(client.poll_timeout());
    if (!next) return false;
    now_ = std::max(now_, *next);
    if (const auto delivery = uplink_.link.poll_transmit(now_)) {
      deliver_to_server(*delivery);
    } else if (const auto answer = downlink_.link.poll_transmit(now_)) {
      deliver_to_client(*answer);
    } else {
      for (std::size_t i = 0; i < clients_.size(); ++i) {
        if (clients_[i].poll_timeout().value_or(Instant::max()) > now_) continue;
        clients_[i].handle_timeout(now_);
        drain(i);
      }
    }
    return true;
  }

  void send(Way& way, const Address& source, const Transmit& transmit) {
    way.ends.push_back({source, transmit.destination});
    way.link.handle_datagram(now_, std::span(buffer_).first(transmit.size));
  }

  void deliver_to_server(const Delivery& delivery) {
    trace(delivery);
    server_.handle_datagram(now_, {uplink_.ends[delivery.number - 1].source, delivery.payload});
    if (const auto answer = server_.poll_transmit(now_, buffer_)) {
      send(downlink_, kServerAddress, *answer);
    }
    server_.settled();
  }

  void deliver_to_client(const Delivery& delivery) {
    trace(delivery);
    const Way::Ends& ends = downlink_.ends[delivery.number - 1];
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      if (address_of(i) != ends.destination) continue;
      clients_[i].handle_datagram(now_, {ends.source, delivery.payload});
      return drain(i);
    }
    must(false, "the server answers those who asked");
  }

  void drain(std::size_t i) {
    while (const auto transmit = clients_[i].poll_transmit(now_, buffer_)) {
      send(uplink_, address_of(i), *transmit);
    }
    while (const auto event = clients_[i].poll_event()) {
      Trace::add(event->name);
      Trace::add(static_cast<std::uint64_t>(event->elapsed.count()));
    }
    clients_[i].settled();
  }

  void trace(const Delivery& delivery) const {
    Trace::add(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
    Trace::add(delivery.payload);
  }

  void finish() {
    std::size_t events = 0;
    while (step()) must(++events < kEventsMax, "every request ends");
    for (const CheckedClient& client : clients_) client.all_must_have_ended();
    server_.settled();
  }

  std::span<CheckedClient> clients_;
  CheckedServer& server_ = hosts().server;
  Way uplink_;
  Way downlink_;
  Instant now_{};
  std::array<std::byte, kMessageBytesMax> buffer_;
};

}  // namespace
}  // namespace lossy::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lossy::fuzz::Input input(data, size);
  return lossy::fuzz::must_hold([&input] { const lossy::fuzz::Crowd crowd(input); });
}
