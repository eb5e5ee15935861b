#include <lossy/harness/capture/inspector.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include <lossy/harness/capture/inspected_for_test.hpp>
#include <lossy/harness/capture/merged_for_test.hpp>

namespace lossy {
namespace {

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

// A recording that ends in mid flight says what was under way then: that is not lost.
TEST(InspectorTest, WhatIsInFlightIsNotLost) {
  Inspected capture;
  Recorder recorder(kProxyMark);
  recorder.add(capture);
  const auto sighting = [](std::uint64_t flow, std::uint64_t number) {
    return Sighting{.time = Instant(1ms),
                    .number = number,
                    .source = kClient,
                    .destination = kServer,
                    .payload = {},
                    .flow = flow};
  };
  for (const std::uint64_t flow : {1U, 2U}) {
    for (const std::uint64_t number : {1U, 2U, 3U}) recorder.record(sighting(flow, number));
  }
  recorder.note_in_flight(sighting(1, 2));
  recorder.note_in_flight(sighting(1, 3));
  recorder.note_in_flight(sighting(2, 1));
  const Inspection found = capture.inspector.finish();
  EXPECT_EQ(found.records, 9U);
  EXPECT_EQ(found.traffic.datagrams, 6U);
  EXPECT_EQ(found.notes, 3U);
  EXPECT_EQ(found.skipped, SkipCounts{}) << "a note is no record that was skipped";
  EXPECT_EQ(found.uplink.counters.in_flight, 3U);
  EXPECT_EQ(found.uplink.counters.lost, 3U);
  EXPECT_EQ(found.downlink.counters.in_flight, 0U);
  ASSERT_EQ(found.flows.size(), 2U);
  EXPECT_EQ(found.flows[0].uplink_path.in_flight, 2U);
  EXPECT_EQ(found.flows[1].uplink_path.lost, 2U);
}

// One flow's notes do not count for another, or where only another one counts.
TEST(InspectorTest, NotesAreOfOneFlow) {
  Inspected capture({.flow = 2});
  Recorder recorder(kProxyMark);
  recorder.add(capture);
  for (const std::uint64_t flow : {1U, 2U}) {
    const Sighting sighting{.time = Instant{},
                            .number = 1,
                            .source = kClient,
                            .destination = kServer,
                            .payload = {},
                            .flow = flow};
    recorder.record(sighting);
    recorder.note_in_flight(sighting);
    EXPECT_EQ(capture.shown, flow == 2);
  }
  const Inspection found = capture.inspector.finish();
  EXPECT_EQ(found.notes, 1U);
  EXPECT_EQ(found.uplink.counters.in_flight, 1U);
}

// LINUX_SLL has no interfaces: a recording that was converted to it does not say any more which
// host saw what, and is read as a capture of one, which says so.
TEST(InspectorTest, ConvertedRecordingIsACaptureLikeAnyOther) {
  class Converting final : public FrameSink {
   public:
    void write(Instant time, std::span<const std::byte> sll2) override {
      // Direction, kind of interface, size of the address, the address, ether type; then the
      // packet.
      std::string sll = "00" + to_hex(sll2.subspan(10, 1)) + to_hex(sll2.subspan(8, 2)) + "0006" +
                        to_hex(sll2.subspan(12, 8)) + to_hex(sll2.first(2));
      capture.write(time, from_hex(sll + to_hex(sll2.subspan(20))), kLinkTypeLinuxSll);
    }
    void finish() override {}
    Inspected capture;
  } converting;
  Recorder recorder;
  recorder.add(converting);
  const auto see = [&](Duration at, bool up, bool leaves, std::string_view payload) {
    recorder.record({.time = Instant(at),
                     .host = up == leaves ? RecordedHost::kClient : RecordedHost::kServer,
                     .type = leaves ? PacketType::kOutgoing : PacketType::kIncoming,
                     .number = 1,
                     .source = up ? kClient : kServer,
                     .destination = up ? kServer : kClient,
                     .payload = std::as_bytes(std::span(payload))});
  };
  see(0ms, true, true, "Michael");
  see(5ms, true, false, "Michael");
  see(5ms, false, true, "Hello, Michael!");
  see(9ms, false, false, "Hello, Michael!");
  const Inspection found = converting.capture.inspector.finish();
  EXPECT_EQ(found.two_sided, 0U);
  EXPECT_EQ(found.unplaced, 4U);
  EXPECT_EQ(found.uplink.counters.sent + found.uplink.counters.lost, 0U);
  EXPECT_EQ(found.exchanges.requests, 1U);
  EXPECT_EQ(found.exchanges.answered, 1U);
  ASSERT_EQ(found.flows.size(), 1U);
  EXPECT_EQ(found.flows[0].client, kClient);
  EXPECT_EQ(found.flows[0].repeated, 2U);
}

// What carries datagrams is counted, with what else it carries; of datagrams that carry packets it
// is what is inside, whichever of the two counts.
TEST(InspectorTest, CountsWhatIsCarried) {
  for (const bool inner : {false, true}) {
    Inspected capture;
    const auto see = [&](const std::string& packet) {
      capture.write(Instant{}, from_hex(packet), kLinkTypeRaw, inner);
    };
    const auto vxlan = [](const std::string& frame) {
      return ipv4_of(
          17, "c000 12b5" + hex16(16 + from_hex(frame).size()) + "0000 0800000000000700" + frame);
    };
    see(kMichael4);
    see(ipv4_of(47, "0000 0800" + kMichael4));
    see(ipv4_of(47, "0000 0800" + ipv4_of(6, "00")));
    see(ipv4_of(4, ipv4_of(47, "0000 0806" + kArp)));
    see(vxlan(kMacs + "0800" + kMichael4));
    see(vxlan(kMacs + "0806" + kArp));
    see(vxlan(kMacs + "0806" + kArp));
    const Inspection found = capture.inspector.finish();
    EXPECT_EQ(found.records, 7U);
    const auto counts_of = [&](Carrier carrier) {
      const InspectedCarrier& carried = found.carried[static_cast<std::size_t>(carrier)];
      return std::vector<std::uint64_t>{
          carried.datagrams, carried.skipped[static_cast<std::size_t>(SkipReason::kNotIp)],
          carried.skipped[static_cast<std::size_t>(SkipReason::kNotUdp)]};
    };
    using Counts = std::vector<std::uint64_t>;
    EXPECT_EQ(counts_of(Carrier::kGre), (Counts{1, 1, 1}));
    EXPECT_EQ(counts_of(Carrier::kIpv4InIp), (Counts{0, 1, 0}));
    EXPECT_EQ(counts_of(Carrier::kVxlan), (Counts{1, 2, 0}));
    EXPECT_EQ(counts_of(Carrier::kGeneve), (Counts{0, 0, 0}));
    EXPECT_EQ(found.traffic.datagrams, inner ? 3U : 5U);
    EXPECT_EQ(found.skipped[static_cast<std::size_t>(SkipReason::kNotIp)], inner ? 3U : 1U);
  }
}

// Pieces of a packet that became whole were not skipped; those of another one were.
TEST(InspectorTest, PiecesOfWholePacketsAreNotSkipped) {
  Inspected capture;
  const auto see = [&](const std::string& carried, std::uint16_t fragment) {
    capture.write(Instant{}, from_hex(ipv4_of(17, carried, fragment)), kLinkTypeRaw);
  };
  see("c502 270f 0010 0000", 0x2000);
  see("c502 270f 0010 0000", 0x2000);  // A copy.
  see("4d69636861656c21", 0x0001);
  see("c502 270f 0010 0000", 0x2000);  // Its packet's end never comes.
  const Inspection found = capture.inspector.finish();
  EXPECT_EQ(found.records, 4U);
  EXPECT_EQ(found.traffic.datagrams, 1U);
  EXPECT_EQ(found.skipped[static_cast<std::size_t>(SkipReason::kFragment)], 1U);
  EXPECT_EQ(found.reassembly.joined, 2U);
  EXPECT_EQ(found.never_whole, 1U);
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

// What is too long for Ethernet, and has the checksum that the kernel leaves in what it merges, is
// counted as that. Neither a long datagram of the loopback interface is, nor one that was sent
// whole in fragments, nor any other.
TEST(InspectorTest, MergedDatagramsAreCounted) {
  const std::string longest4(1472, 'x');
  const std::string longest6(1452, 'x');
  const std::string loopback = "000000000000 000000000000 0800";
  const std::string sll = "0000 0001 0006 020000000001 0000 0800";
  struct Case {
    const char* what;
    TestBytes frame;
    std::uint64_t merged;
    int link_type = kLinkTypeEthernet;
  };
  for (const Case& one :
       std::vector<Case>{{"IPv4", merged4(longest4 + "y"), 1},
                         {"IPv4, as long as may be", merged4(longest4), 0},
                         {"IPv6", merged6(longest6 + "y"), 1},
                         {"IPv6, as long as may be", merged6(longest6), 0},
                         {"SLL", merged4(longest4 + "y", {.link = sll}), 1, kLinkTypeLinuxSll},
                         {"loopback", merged4(longest4 + "y", {.link = loopback}), 0},
                         {"no link", merged4(longest4 + "y", {.link = ""}), 0, kLinkTypeRaw},
                         {"jumbo", merged4(longest4 + "y", {.checksum = Checksum::kAbsent}), 0}}) {
    SCOPED_TRACE(one.what);
    Inspected capture;
    capture.write(Instant{}, one.frame, one.link_type);
    const Inspection found = capture.inspector.finish();
    EXPECT_EQ(found.traffic.datagrams, 1U);
    EXPECT_EQ(found.merged, one.merged);
  }
}

}  // namespace
}  // namespace lossy
