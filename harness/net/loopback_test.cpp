#include <lossy/harness/net/loopback.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <lossy/core/greeting/greeter.hpp>
#include <lossy/core/greeting/server.hpp>
#include <lossy/harness/link/fault_list.hpp>
#include <lossy/harness/net/loopback_for_test.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using Strings = std::vector<std::string>;

const Address kClientName = *Address::parse("192.0.2.1:50000");
const Address kServerName = *Address::parse("192.0.2.2:9999");

Link make_link(Direction direction, Duration delay, const FaultList& faults) {
  LinkOptions options;
  options.delay = delay;
  return Link(options, std::make_unique<ListedFates>(faults, direction));
}

// Writes down what crosses, without the times.
class Events final : public Observer {
 public:
  void on_offered(Instant, const Passage& passage, const Offer& offer) override {
    add(offer.copies_in_flight == 0 ? "lost" : "sent", passage, offer.number);
  }
  void on_delivered(Instant now, const Passage& passage, const Delivery& delivery) override {
    EXPECT_GE(now, delivery.due) << "early";
    add("came", passage, delivery.number);
  }

  Strings lines;

 private:
  void add(const char* what, const Passage& passage, std::uint64_t number) {
    lines.push_back(std::string(what) + ' ' + passage.source.to_string() + ' ' +
                    std::to_string(number) + ' ' + text_of(passage.payload));
  }
};

Strings greet(const Address& client_name, const Address& server_name, const std::string& faults) {
  EventLoop loop;
  const FaultList list = FaultList::parse(faults);
  ClientOptions client{.server = server_name};
  client.retry.initial_rto = 2s;
  Greeter greeter({.client = client}, Names({"A", "B"}));
  Server server;
  Loopback loopback(loop, {greeter, client_name}, {server, server_name},
                    make_link(Direction::kUplink, 1ms, list),
                    make_link(Direction::kDownlink, 1ms, list));
  Events events;
  loopback.observe(events);
  loopback.start();
  EXPECT_EQ(loop.run([&] { return loopback.idle(); }), EventLoop::End::kDone);
  EXPECT_TRUE(greeter.done());
  EXPECT_EQ(loopback.lost_by_system(), 0U);
  EXPECT_EQ(loopback.unroutable(), 0U);
  EXPECT_EQ(loopback.link(Direction::kDownlink).counters().offered, 3U);
  return events.lines;
}

// What is lost is sent again, a copy arrives twice, and all of it under the names that were chosen.
TEST(Loopback, GreetsThroughFaults) {
  EXPECT_EQ(greet(kClientName, kServerName, "uplink.1:drop,uplink.3:duplicate"),
            (Strings{"lost 192.0.2.1:50000 1 A", "sent 192.0.2.1:50000 2 A",
                     "came 192.0.2.1:50000 2 A", "sent 192.0.2.2:9999 1 Hello, A!",
                     "came 192.0.2.2:9999 1 Hello, A!", "sent 192.0.2.1:50000 3 B",
                     "came 192.0.2.1:50000 3 B", "sent 192.0.2.2:9999 2 Hello, B!",
                     "came 192.0.2.1:50000 3 B", "sent 192.0.2.2:9999 3 Hello, B!",
                     "came 192.0.2.2:9999 2 Hello, B!", "came 192.0.2.2:9999 3 Hello, B!"}));
}

// The same over IPv6.
TEST(Loopback, GreetsOverIpv6) {
  if (!has_ipv6()) GTEST_SKIP() << "no IPv6 on loopback";
  const Strings events = greet(*Address::parse("[2001:db8::1]:50000"),
                               *Address::parse("[2001:db8::2]:9999"), "uplink.1:duplicate");
  EXPECT_EQ(events.front(), "sent [2001:db8::1]:50000 1 A");
  EXPECT_EQ(events.size(), 11U);
}

// Sends what it is told at the beginning, to its peer or "nowhere", wakes once at a time that it is
// told, if any, and logs both.
class Scripted final : public Endpoint {
 public:
  Scripted(Strings& log, const Address& peer, Strings to_send,
           std::optional<Instant> wakes = std::nullopt)
      : log_(log), peer_(peer), to_send_(std::move(to_send)), wakes_(wakes) {}

  void handle_datagram(Instant, const Datagram& datagram) override {
    log_.push_back("came " + text_of(datagram.payload));
  }
  void handle_timeout(Instant now) override {
    if (!wakes_ || *wakes_ > now) return;
    log_.push_back("woke");
    wakes_.reset();
  }
  std::optional<Transmit> poll_transmit(Instant, std::span<std::byte> buffer) override {
    if (sent_ == to_send_.size()) return std::nullopt;
    const std::string& text = to_send_[sent_++];
    if (!text.empty()) std::memcpy(buffer.data(), text.data(), text.size());
    return Transmit{text == "nowhere" ? *Address::parse("192.0.2.3:1") : peer_, text.size()};
  }
  std::optional<Instant> poll_timeout() const override { return wakes_; }

 private:
  Strings& log_;
  Address peer_;
  Strings to_send_;
  std::size_t sent_ = 0;
  std::optional<Instant> wakes_;
};

// Whatever a datagram's length is, none at all and the longest that there is included.
TEST(Loopback, CarriesEveryLength) {
  const Address v6_client = *Address::parse("[2001:db8::1]:50000");
  const Address v6_server = *Address::parse("[2001:db8::2]:9999");
  for (const bool v6 : {false, true}) {
    if (v6 && !has_ipv6()) continue;
    EventLoop loop;
    const FaultList faults = FaultList::parse("uplink.2:duplicate,uplink.3:duplicate");
    Strings log;
    const std::string longest(payload_bytes_max(v6 ? v6_client : kClientName), 'x');
    Scripted client(log, v6 ? v6_server : kServerName, {"", longest, "", "x"});
    Scripted server(log, v6 ? v6_client : kClientName, {});
    Loopback loopback(
        loop, {client, v6 ? v6_client : kClientName}, {server, v6 ? v6_server : kServerName},
        make_link(Direction::kUplink, 0ms, faults), make_link(Direction::kDownlink, 0ms, faults));
    loopback.start();
    EXPECT_EQ(loop.run([&] { return loopback.idle(); }), EventLoop::End::kDone);
    EXPECT_EQ(log,
              (Strings{"came ", "came " + longest, "came " + longest, "came ", "came ", "came x"}));
    EXPECT_EQ(loopback.lost_by_system(), 0U);
  }
}

// However late the machine is, what was due earlier happens earlier: here all of it is due already.
TEST(Loopback, KeepsTheOrderOfWhatWasDue) {
  EventLoop loop;
  const FaultList faults = FaultList::parse("uplink.1:delay+30ms,uplink.2:delay+10ms");
  Strings log;
  Scripted client(log, kServerName, {"third", "second", "first", "nowhere"}, Instant(15ms));
  Scripted server(log, kClientName, {}, Instant(35ms));
  Loopback loopback(loop, {client, kClientName}, {server, kServerName},
                    make_link(Direction::kUplink, 0ms, faults),
                    make_link(Direction::kDownlink, 0ms, faults));
  loopback.start();
  std::this_thread::sleep_for(50ms);
  loop.run([&] { return loopback.idle(); });
  EXPECT_EQ(log, (Strings{"came first", "came second", "woke", "came third", "woke"}));
  EXPECT_EQ(loopback.unroutable(), 1U);
}

}  // namespace
}  // namespace lossy
