// Somebody else's protocol in lossy's simulator: a client counts to 1000 and repeats each number
// until the server acknowledges it, over a network that loses, duplicates and reorders.
#include <lossy/harness/link/link_model.hpp>
#include <lossy/harness/sim/simulation.hpp>

#include <cstdio>
#include <cstring>
#include <set>

#include "core/clock.hpp"

using namespace std::chrono_literals;
using Number = std::uint32_t;

const lossy::Address kClient = *lossy::Address::parse("192.0.2.1:1000");
const lossy::Address kServer = *lossy::Address::parse("192.0.2.2:1000");
constexpr Number kLast = 1000;

Number read(std::span<const std::byte> payload) {
  Number number = 0;
  if (payload.size() == sizeof number) std::memcpy(&number, payload.data(), sizeof number);
  return number;
}

lossy::Transmit write(Number number, const lossy::Address& to, std::span<std::byte> buffer) {
  std::memcpy(buffer.data(), &number, sizeof number);
  return {to, sizeof number};
}

struct Client : lossy::Endpoint {
  Number next = 1;
  lossy::Instant send_at{};

  bool done() const { return next > kLast; }
  void handle_datagram(lossy::Instant now, const lossy::Datagram& datagram) override {
    if (read(datagram.payload) != next) return;  // An acknowledgement of an earlier number.
    ++next;
    send_at = now;
  }
  void handle_timeout(lossy::Instant) override {}
  std::optional<lossy::Transmit> poll_transmit(lossy::Instant now,
                                               std::span<std::byte> buffer) override {
    if (done() || now < send_at) return std::nullopt;
    send_at = now + kPatience;
    return write(next, kServer, buffer);
  }
  std::optional<lossy::Instant> poll_timeout() const override {
    return done() ? std::nullopt : std::optional(send_at);
  }
};

struct Server : lossy::Endpoint {
  std::set<Number> seen;
  Number acknowledge = 0;

  void handle_datagram(lossy::Instant, const lossy::Datagram& datagram) override {
    acknowledge = read(datagram.payload);
    seen.insert(acknowledge);
  }
  void handle_timeout(lossy::Instant) override {}
  std::optional<lossy::Transmit> poll_transmit(lossy::Instant,
                                               std::span<std::byte> buffer) override {
    if (acknowledge == 0) return std::nullopt;
    return write(std::exchange(acknowledge, 0), kClient, buffer);
  }
  std::optional<lossy::Instant> poll_timeout() const override { return std::nullopt; }
};

int main() {
  Client client;
  Server server;
  lossy::Simulation simulation;
  const lossy::HostId counts = simulation.add(client, kClient);
  const lossy::HostId acknowledges = simulation.add(server, kServer);
  const char* const netem = "delay 20ms 10ms loss 20% duplicate 20%";
  const lossy::Path path =
      simulation.path(counts, acknowledges, lossy::make_link(netem, 7, lossy::Direction::kUplink),
                      lossy::make_link(netem, 7, lossy::Direction::kDownlink));

  const auto end = simulation.run_until([&] { return client.done(); }, lossy::Instant(1h));
  const auto& uplink = simulation.link(path.there).counters();
  std::printf("counted %zu of %u in %.1f virtual seconds; the uplink lost %llu of %llu\n",
              server.seen.size(), kLast, double(simulation.now().time_since_epoch().count()) / 1e9,
              static_cast<unsigned long long>(uplink.lost()),
              static_cast<unsigned long long>(uplink.offered));
  const bool holds = end == lossy::RunEnd::kPredicate && server.seen.size() == kLast &&
                     *server.seen.rbegin() == kLast && uplink.lost() > 0;
  return holds ? 0 : 1;
}
