#include <lossy/harness/capture/segmenter.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <lossy/harness/capture/merged_for_test.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

// What the kernel tells of an Ethernet frame.
MergedPacket told_of(const TestBytes& frame, std::uint16_t segment_bytes, std::uint16_t udp_at,
                     Instant time = Instant(1s)) {
  return {.beginning = beginning_of(std::span(frame).subspan(wire::kEthernetHeaderBytes)),
          .time = time,
          .segment_bytes = segment_bytes,
          .udp_at = udp_at};
}

std::vector<std::string> handed_on(Segmenter& segmenter, const CaptureRecord& record,
                                   std::size_t wanted = 100) {
  std::vector<std::string> frames;
  segmenter.hand_on(record, [&](const CaptureRecord& one) {
    frames.push_back(to_hex(one.frame));
    return frames.size() < wanted;
  });
  return frames;
}

// What was merged is handed on one by one, and nothing else is changed.
TEST(SegmenterTest, TakesApartWhatWasMerged) {
  Segmenter segmenter;
  const TestBytes merged = merged4("MichaelTracy  Sarah");
  const TestBytes plain = merged4("MichaelTracy  Sarah", {.identification = 2});
  EXPECT_EQ(handed_on(segmenter, record_of(merged)).size(), 1U) << "nothing was told";
  segmenter.sizes().remember(told_of(merged, 7, 20));
  EXPECT_EQ(handed_on(segmenter, record_of(plain)), std::vector{to_hex(plain)});
  EXPECT_EQ(handed_on(segmenter, record_of(merged)).size(), 3U);
  EXPECT_EQ(handed_on(segmenter, record_of(merged)), std::vector{to_hex(merged)});
  EXPECT_EQ(segmenter.counters().packets, 1U);
  EXPECT_EQ(segmenter.counters().datagrams, 3U);
  EXPECT_EQ(segmenter.counters().carried, 0U);
}

// It may end in the midst of a merged packet. Only what was taken counts.
TEST(SegmenterTest, EndsWhereNoMoreIsWanted) {
  Segmenter segmenter;
  const TestBytes merged = merged6("MichaelTracy  Sarah");
  segmenter.sizes().remember(told_of(merged, 7, 40));
  EXPECT_EQ(handed_on(segmenter, record_of(merged), 2).size(), 2U);
  EXPECT_EQ(segmenter.counters().datagrams, 2U);
}

// One datagram alone is no merged packet, even if the kernel has a size for it.
TEST(SegmenterTest, OneAloneIsNotCounted) {
  Segmenter segmenter;
  const TestBytes plain = merged4("Tracy");
  segmenter.sizes().remember(told_of(plain, 5, 20));
  EXPECT_EQ(handed_on(segmenter, record_of(plain)), std::vector{to_hex(plain)});
  EXPECT_EQ(segmenter.counters().packets + segmenter.counters().carried, 0U);
}

// Where the UDP header is further inside, it is a tunnel's packet: what it carries stays merged.
TEST(SegmenterTest, TunnelsAreLeftWhole) {
  Segmenter segmenter;
  const TestBytes vxlan = merged4("a VXLAN header, and all that is in it");
  segmenter.sizes().remember(told_of(vxlan, 7, 70));
  EXPECT_EQ(handed_on(segmenter, record_of(vxlan)), std::vector{to_hex(vxlan)});
  const TestBytes gre = from_hex(
      kMacs + "0800" + ipv4_of(47, "00000800" + to_hex(merged4("MichaelTracy", {.link = ""}))));
  segmenter.sizes().remember(told_of(gre, 7, 44));
  EXPECT_EQ(handed_on(segmenter, record_of(gre)), std::vector{to_hex(gre)});
  EXPECT_EQ(segmenter.counters().carried, 2U);
  EXPECT_EQ(segmenter.counters().packets, 0U);
}

// Where the kernel does not say which header it was, a tunnel is known by its port.
TEST(SegmenterTest, TunnelsAreKnownByTheirPorts) {
  Segmenter segmenter;
  for (const std::uint16_t port : {std::uint16_t{9999}, std::uint16_t{4789}}) {
    TestBytes frame = merged4("MichaelTracy  Sarah", {.checksum = Checksum::kAbsent});
    wire::store16(frame.data() + wire::kEthernetHeaderBytes + wire::kIpv4HeaderBytes + 2, port);
    segmenter.sizes().remember(told_of(frame, 7, 0));
    EXPECT_EQ(handed_on(segmenter, record_of(frame)).size(), port == 9999 ? 3U : 1U);
  }
  EXPECT_EQ(segmenter.counters().carried, 1U);
}

}  // namespace
}  // namespace lossy
