#include "harness/capture/inspector.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "harness/capture/recorder.hpp"

namespace lossy {
namespace {

using namespace std::chrono_literals;

const Address kClient = *Address::parse("192.0.2.1:40000");
const Address kServer = *Address::parse("192.0.2.2:9999");

// Inspects frames of LINUX_SLL2 as they come.
class Inspected final : public FrameSink {
 public:
  explicit Inspected(const InspectOptions& options = {}) : inspector(options) {}

  void write(Instant time, std::span<const std::byte> bytes) override {
    const CaptureRecord record{++records_, time, bytes, bytes.size(), kLinkTypeLinuxSll2};
    const auto decoded = inspector.decode(record);
    shown = inspector.add(record, decoded).has_value();
  }
  void finish() override {}

  // A datagram as one host's capture shows it.
  void see(const Address& source, const Address& destination, std::string_view payload,
           Duration at = 0s, PacketType type = PacketType::kIncoming, std::uint32_t interface = 1) {
    Frame frame;
    frame.source = source;
    frame.destination = destination;
    frame.payload = std::as_bytes(std::span(payload));
    frame.type = type;
    frame.interface = interface;
    std::vector<std::byte> buffer(kFrameBytesMax);
    buffer.resize(encode_frame(frame, buffer));
    write(Instant(at), buffer);
  }

  Inspector inspector;
  bool shown = false;

 private:
  std::uint64_t records_ = 0;
};

// A recording of both hosts says what the path did, each way.
TEST(InspectorTest, TwoSidedRecordingTellsThePath) {
  Inspected capture;
  Recorder recorder;
  recorder.add(capture);
  const auto sighting = [&](Duration at, RecordedHost host, PacketType type, std::uint64_t number) {
    const bool up = (host == RecordedHost::kClient) == (type == PacketType::kOutgoing);
    recorder.record({.time = Instant(at),
                     .host = host,
                     .type = type,
                     .number = number,
                     .source = up ? kClient : kServer,
                     .destination = up ? kServer : kClient,
                     .payload = {}});
  };
  sighting(0ms, RecordedHost::kClient, PacketType::kOutgoing, 1);
  sighting(1ms, RecordedHost::kClient, PacketType::kOutgoing, 2);
  sighting(20ms, RecordedHost::kServer, PacketType::kIncoming, 1);
  sighting(20ms, RecordedHost::kServer, PacketType::kOutgoing, 1);
  sighting(45ms, RecordedHost::kClient, PacketType::kIncoming, 1);
  sighting(46ms, RecordedHost::kClient, PacketType::kIncoming, 1);
  const Inspection found = capture.inspector.finish();
  EXPECT_EQ(found.two_sided, 6U);
  EXPECT_EQ(found.uplink.counters.sent, 2U);
  EXPECT_EQ(found.uplink.counters.lost, 1U);
  EXPECT_EQ(found.uplink.delay.max(), 20ms);
  EXPECT_EQ(found.downlink.counters.sent, 1U);
  EXPECT_EQ(found.downlink.counters.duplicated, 1U);
  EXPECT_EQ(found.downlink.delay.max(), 25ms);
  ASSERT_EQ(found.flows.size(), 1U);
  EXPECT_EQ(found.flows[0].client, kClient);
  EXPECT_TRUE(found.flows[0].two_sided);
  EXPECT_EQ(found.flows[0].uplink_path.lost, 1U);
  EXPECT_EQ(found.exchanges, ExchangeCounters{});
  EXPECT_EQ(found.last - found.first, 46ms);
}

// Before a proxy and behind it addresses differ, and yet a client has one flow, with figures of its
// own; its numbers are no other client's, and it stays the same when the proxy's port changes.
TEST(InspectorTest, ProxysRecordingTellsThePathOfEachClient) {
  Inspected capture;
  Recorder recorder(kProxyMark);
  recorder.add(capture);
  const Address outside = *Address::parse("192.0.2.3:9998");
  const auto see = [&](Duration at, std::uint64_t flow, RecordedHost host, PacketType type,
                       std::uint64_t number, std::uint16_t port = 0) {
    const bool at_client = host == RecordedHost::kClient;
    const bool up = at_client == (type == PacketType::kOutgoing);
    const auto own_port = static_cast<std::uint16_t>(port != 0 ? port : 50000 + flow);
    const Address client = Address::v4({192, 0, 2, 1}, static_cast<std::uint16_t>(40000 + flow));
    const Address near = at_client ? client : Address::v4({192, 0, 2, 3}, own_port);
    const Address far = at_client ? outside : kServer;
    recorder.record({.time = Instant(at),
                     .host = host,
                     .type = type,
                     .number = number,
                     .source = up ? near : far,
                     .destination = up ? far : near,
                     .payload = {},
                     .flow = flow});
  };
  constexpr auto kClientHost = RecordedHost::kClient;
  constexpr auto kServerHost = RecordedHost::kServer;
  see(0ms, 1, kClientHost, PacketType::kOutgoing, 1);
  see(1ms, 2, kClientHost, PacketType::kOutgoing, 1);
  see(20ms, 1, kServerHost, PacketType::kIncoming, 1);
  see(22ms, 1, kServerHost, PacketType::kOutgoing, 1);
  see(32ms, 1, kClientHost, PacketType::kIncoming, 1);
  see(33ms, 1, kClientHost, PacketType::kOutgoing, 2);
  see(43ms, 1, kServerHost, PacketType::kIncoming, 2, 60000);
  see(43ms, 1, kServerHost, PacketType::kIncoming, 2, 60000);
  const Inspection found = capture.inspector.finish();
  EXPECT_EQ(found.two_sided, 8U);
  EXPECT_EQ(found.exchanges, ExchangeCounters{});
  EXPECT_EQ(found.uplink.delay.max(), 20ms);
  EXPECT_EQ(found.uplink.delay.min(), 10ms);
  EXPECT_EQ(found.downlink.delay.max(), 10ms);
  EXPECT_EQ(found.uplink.counters.unmatched + found.downlink.counters.unmatched, 0U);
  ASSERT_EQ(found.flows.size(), 2U);
  const InspectedFlow& first = found.flows[0];
  EXPECT_TRUE(first.two_sided);
  EXPECT_EQ(first.client, *Address::parse("192.0.2.1:40001"));
  EXPECT_EQ(first.server, kServer);
  EXPECT_EQ(first.proxy_outside, outside);
  EXPECT_EQ(first.proxy_inside, *Address::parse("192.0.2.3:60000"));
  EXPECT_EQ(first.uplink_path.sent, 2U);
  EXPECT_EQ(first.uplink_path.lost, 0U);
  EXPECT_EQ(first.uplink_path.duplicated, 1U);
  EXPECT_EQ(first.downlink_path.arrived, 1U);
  const InspectedFlow& second = found.flows[1];
  EXPECT_EQ(second.client, *Address::parse("192.0.2.1:40002"));
  EXPECT_EQ(second.server, outside);  // No other is known.
  EXPECT_FALSE(second.proxy_inside);
  EXPECT_EQ(second.uplink_path.lost, 1U);
}

// A capture of one host says what was answered; who asks first is the client, unless a privileged
// port gives the server away.
TEST(InspectorTest, OneSidedCaptureTellsTheAnswers) {
  Inspected capture;
  const Address dns = *Address::parse("192.0.2.3:53");
  capture.see(kClient, kServer, "Michael");
  capture.see(kServer, kClient, "Hello, Michael!", 5ms, PacketType::kOutgoing);
  capture.see(dns, kClient, "an answer to what was asked before");
  const Inspection found = capture.inspector.finish();
  EXPECT_EQ(found.exchanges.answered, 1U);
  EXPECT_EQ(found.exchanges.unasked, 1U);
  EXPECT_EQ(found.response_times.max(), 5ms);
  ASSERT_EQ(found.flows.size(), 2U);
  EXPECT_EQ(found.flows[0].client, kClient);
  EXPECT_EQ(found.flows[0].downlink.bytes, 15U);
  EXPECT_EQ(found.flows[1].server, dns);
  EXPECT_EQ(found.traffic.datagrams, 3U);
}

// Each interface is a view of its own, and a datagram that leaves and arrives on one is one.
TEST(InspectorTest, RepeatedDatagramsAreNoRetransmissions) {
  Inspected capture;
  for (const std::uint32_t interface : {1U, 2U}) {
    capture.see(kClient, kServer, "Michael", 0s, PacketType::kOutgoing, interface);
    capture.see(kClient, kServer, "Michael", 1us, PacketType::kIncoming, interface);
  }
  const Inspection found = capture.inspector.finish();
  ASSERT_EQ(found.flows.size(), 2U);
  EXPECT_EQ(found.flows[0].repeated, 1U);
  EXPECT_EQ(found.exchanges.requests, 2U);
  EXPECT_EQ(found.exchanges.retransmitted, 0U);
}

// Of one flow alone only that flow counts, by the number it has among all.
TEST(InspectorTest, OneFlowAlone) {
  Inspected capture({.flow = 2});
  capture.see(kClient, kServer, "Michael");
  EXPECT_FALSE(capture.shown);
  capture.see(*Address::parse("192.0.2.1:40001"), kServer, "Tracy");
  EXPECT_TRUE(capture.shown);
  const Inspection found = capture.inspector.finish();
  ASSERT_EQ(found.flows.size(), 1U);
  EXPECT_EQ(found.flows[0].number, 2U);
  EXPECT_EQ(found.exchanges.requests, 1U);
  EXPECT_EQ(found.traffic.datagrams, 1U);
}

// Flows beyond the bound are counted, and take no memory.
TEST(InspectorTest, FlowsAreBounded) {
  Inspected capture;
  for (std::uint32_t n = 0; n < kInspectedFlowsMax + 10; ++n) {
    const auto octet = [n](int shift) { return static_cast<std::uint8_t>(n >> shift & 0xFF); };
    capture.see(Address::v4({10, octet(16), octet(8), octet(0)}, 40000), kServer, "x");
  }
  const Inspection found = capture.inspector.finish();
  EXPECT_EQ(found.flows.size(), kInspectedFlowsMax);
  EXPECT_EQ(found.beyond_flows, 10U);
  EXPECT_EQ(found.traffic.datagrams, kInspectedFlowsMax + 10);
}

// A capture with nothing in it has nothing in it.
TEST(InspectorTest, EmptyCapture) {
  Inspected capture;
  const Inspection found = capture.inspector.finish();
  EXPECT_EQ(found.records, 0U);
  EXPECT_TRUE(found.flows.empty());
}

}  // namespace
}  // namespace lossy
