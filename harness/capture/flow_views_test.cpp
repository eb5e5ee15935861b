#include <lossy/harness/capture/flow_views.hpp>

#include <gtest/gtest.h>

#include <span>
#include <string_view>

#include <lossy/harness/capture/inspected_for_test.hpp>

namespace lossy {
namespace {

// A datagram that leaves and arrives, and is seen on several interfaces, is one, of one flow.
TEST(FlowViews, RepeatedDatagramsAreNoRetransmissions) {
  Inspected capture;
  for (const std::uint32_t interface : {1U, 2U}) {
    capture.see(kClient, kServer, "Michael", 0s, PacketType::kOutgoing, interface);
    capture.see(kClient, kServer, "Michael", 1us, PacketType::kIncoming, interface);
  }
  // What only another interface shows was not seen before; sent again it is, once more on both.
  capture.see(kClient, kServer, "Tracy", 1ms);
  for (const auto type : {PacketType::kOutgoing, PacketType::kIncoming}) {
    capture.see(kClient, kServer, "Michael", 900ms, type);
  }
  const Inspection found = capture.inspector.finish();
  ASSERT_EQ(found.flows.size(), 1U);
  EXPECT_EQ(found.flows[0].repeated, 4U);
  EXPECT_EQ(found.flows[0].interface, 0U);
  EXPECT_EQ(found.exchanges.requests, 2U);
  EXPECT_EQ(found.exchanges.retransmitted, 1U);
}

// The interfaces of a pcapng are views, too, whatever the link type says of interfaces.
TEST(FlowViews, InterfacesOfTheFileAreViews) {
  Inspected capture;
  const auto see = [&](Duration at, std::uint32_t interface) {
    const auto frame = from_hex(kMichael4);
    const CaptureRecord record{.number = 1,
                               .time = Instant(at),
                               .frame = frame,
                               .original_bytes = frame.size(),
                               .link_type = kLinkTypeRaw,
                               .interface = interface};
    capture.inspector.add(record, capture.inspector.decode(record));
  };
  see(0ms, 0);
  see(50ms, 1);
  see(1051ms, 1);  // So late it is another one.
  const Inspection found = capture.inspector.finish();
  EXPECT_EQ(found.flows.at(0).repeated, 1U);
  EXPECT_EQ(found.exchanges.requests + found.exchanges.retransmitted, 2U);
}

// A bridge and a mirror port show the same packet twice: it is known by its identification, for 2
// ms. The same content in another packet was sent again.
TEST(FlowViews, PacketsSeenTwice) {
  Inspected capture;
  const auto see = [&](Duration at, std::uint32_t identification, std::string_view name) {
    capture.see(kClient, kServer, name, at, PacketType::kIncoming, 1, identification);
  };
  see(0ms, 7, "Michael");
  see(2ms, 7, "Michael");     // Seen again.
  see(2ms, 8, "Michael");     // Sent again,
  see(1999us, 8, "Michael");  // and seen again, by a clock that went back.
  see(4001us, 8, "Michael");  // Too late.
  see(4002us, 0, "Michael");  // Not numbered.
  see(4002us, 0, "Michael");
  see(4003us, 8, "Michelle");  // Nor are any, as it turns out.
  see(4003us, 8, "Michelle");
  const Inspection found = capture.inspector.finish();
  EXPECT_EQ(found.flows.at(0).repeated, 2U);
  EXPECT_EQ(found.exchanges.requests, 2U);
  EXPECT_EQ(found.exchanges.retransmitted, 5U);
}

// IPv6 has no identification but a flow's label, which all of its datagrams have.
TEST(FlowViews, FlowLabelsIdentifyNoPacket) {
  Inspected capture;
  for (int i = 0; i < 2; ++i) {
    capture.see(*Address::parse("[2001:db8::1]:40000"), *Address::parse("[2001:db8::2]:9999"),
                "Michael", 0s, PacketType::kIncoming, 1, 7);
  }
  EXPECT_EQ(capture.inspector.finish().exchanges.retransmitted, 1U);
}

// Requests as one FlowViews is shown them: which were seen before.
class Views {
 public:
  explicit Views(FlowViews::Copies copies = FlowViews::Copies::kSightings) : views_(copies) {}

  bool see(Duration at, std::uint32_t interface, std::uint32_t identification = 0) {
    const Frame frame{.source = kClient,
                      .destination = kServer,
                      .payload = std::as_bytes(std::span(std::string_view("Michael"))),
                      .identification = identification};
    return views_.seen_before(frame, interface, true, Instant(at));
  }

 private:
  FlowViews views_;
};

// Another view shows a packet once, and soon: what it shows once more, or later, was sent again.
TEST(FlowViews, AnotherViewShowsAPacketOnce) {
  Views views;
  EXPECT_FALSE(views.see(0ms, 0));
  EXPECT_TRUE(views.see(1ms, 1));
  EXPECT_FALSE(views.see(2ms, 1));
  EXPECT_TRUE(views.see(3ms, 2));
  Views late;
  EXPECT_FALSE(late.see(0ms, 0));
  EXPECT_FALSE(late.see(1001ms, 1));
}

// Of several copies each is soon behind the one before.
TEST(FlowViews, CopiesInARow) {
  Views views;
  EXPECT_FALSE(views.see(0us, 0, 7));
  EXPECT_TRUE(views.see(1500us, 0, 7));
  EXPECT_TRUE(views.see(3000us, 0, 7));
}

// Where nothing mirrors what a host receives a copy is one that came; another view is none.
TEST(FlowViews, CopiesThatArrived) {
  Views views(FlowViews::Copies::kArrivals);
  EXPECT_FALSE(views.see(0us, 0, 7));
  EXPECT_FALSE(views.see(100us, 0, 7));
  EXPECT_TRUE(views.see(200us, 1, 7));
}

}  // namespace
}  // namespace lossy
