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
    const CaptureRecord record{++records_, time, bytes, bytes.size()};
    const auto decoded = inspector.decode(kLinkTypeLinuxSll2, record);
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
