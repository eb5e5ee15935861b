#include <lossy/harness/capture/segments.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <lossy/harness/capture/merged_for_test.hpp>

namespace lossy {
namespace {

struct Piece {
  TestBytes bytes;
  Frame frame;  // Its payload lies in the bytes.
};

// What becomes of a merged frame. Each piece must be a good datagram for itself.
std::vector<Piece> cut(const TestBytes& bytes, std::size_t segment_bytes, int link_type,
                       std::size_t pieces_max = SIZE_MAX) {
  std::vector<Piece> pieces;
  const CaptureRecord record = record_of(bytes, link_type);
  std::span<const std::byte> packet;
  const Decoded decoded = decode_record(record, {.packet = &packet});
  EXPECT_EQ(outcome(decoded), "datagram");
  const Frame& merged = std::get<Frame>(decoded);
  const auto take = [&](const CaptureRecord& one) {
    EXPECT_EQ(one.time, record.time);
    EXPECT_EQ(one.link_type, link_type);
    EXPECT_EQ(one.original_bytes, one.frame.size());
    pieces.push_back({{one.frame.begin(), one.frame.end()}, {}});
    return pieces.size() < pieces_max;
  };
  const std::size_t taken = cut_segments(record, merged, packet, segment_bytes, take);
  EXPECT_EQ(taken, pieces.size());
  for (Piece& piece : pieces) {
    const Decoded again = decode_frame(link_type, piece.bytes, piece.bytes.size());
    if (const auto* frame = std::get_if<Frame>(&again)) piece.frame = *frame;
    EXPECT_EQ(outcome(again), "datagram");
    EXPECT_EQ(piece.frame.ip_checksum, Checksum::kGood);
    const bool has_none = merged.udp_checksum == Checksum::kAbsent;
    EXPECT_EQ(piece.frame.udp_checksum, has_none ? Checksum::kAbsent : Checksum::kGood);
    EXPECT_EQ(piece.frame.source, merged.source);
    EXPECT_EQ(piece.frame.destination, merged.destination);
    EXPECT_EQ(piece.frame.ttl, merged.ttl);
  }
  return pieces;
}

std::string payloads(const std::vector<Piece>& pieces) {
  std::string text;
  for (const Piece& piece : pieces) {
    text += (text.empty() ? "" : "|") + to_text(piece.frame.payload);
  }
  return text;
}

// The last datagram is what is left; the others are all of one size.
TEST(SegmentsTest, LastIsWhatIsLeft) {
  const TestBytes merged = merged4("MichaelTracy  Sar");
  EXPECT_EQ(payloads(cut(merged, 7, kLinkTypeEthernet)), "Michael|Tracy  |Sar");
  EXPECT_EQ(payloads(cut(merged4("MichaelTracy  "), 7, kLinkTypeEthernet)), "Michael|Tracy  ");
  EXPECT_EQ(payloads(cut(merged4("Tracy"), 1, kLinkTypeEthernet)), "T|r|a|c|y");
  EXPECT_EQ(payloads(cut(merged4("Tracy"), 4, kLinkTypeEthernet)), "Trac|y");
}

// Nothing is cut where there is no more than one.
TEST(SegmentsTest, OneIsNoMergedOne) {
  const TestBytes merged = merged4("Tracy");
  EXPECT_TRUE(cut(merged, 5, kLinkTypeEthernet).empty());
  EXPECT_TRUE(cut(merged, 65535, kLinkTypeEthernet).empty());
  EXPECT_TRUE(cut(merged, 0, kLinkTypeEthernet).empty());
  EXPECT_TRUE(cut(merged4(""), 1, kLinkTypeEthernet).empty());
}

// The identification counts up from the merged one's, and over; the flow label stays.
TEST(SegmentsTest, IdentificationCountsUp) {
  const auto pieces = cut(merged4("SarahTracy", {.identification = 0xFFFF}), 5, kLinkTypeEthernet);
  ASSERT_EQ(pieces.size(), 2U);
  EXPECT_EQ(pieces[0].frame.identification, 0xFFFFU);
  EXPECT_EQ(pieces[1].frame.identification, 0U);
  for (const Piece& piece : cut(merged6("SarahTracy"), 5, kLinkTypeEthernet)) {
    EXPECT_EQ(piece.frame.identification, 0x12345U);
  }
}

// All that stands before the packet stays as it is, and so do options, which are in each piece.
TEST(SegmentsTest, HeadersAreCopied) {
  const std::string vlans = "8100 2007 8100 0008";
  struct Case {
    TestBytes merged;
    std::size_t headers;
    int link_type = kLinkTypeEthernet;
  };
  for (const Case& one : std::vector<Case>{
           {merged4("SarahTracy"), 14 + 28},
           {merged4("SarahTracy", {.link = kMacs + vlans + "0800"}), 22 + 28},
           {merged4("SarahTracy", {.options = "01010101 01010100"}), 14 + 36},
           {merged4("SarahTracy", {.link = ""}), 28, kLinkTypeRaw},
           {merged6("SarahTracy"), 14 + 48},
           {merged6("SarahTracy", {.link = kMacs + vlans + "86dd"}), 22 + 48},
           // Hop-by-hop options, padded.
           {merged6("SarahTracy", {.options = "1100 0104 00000000"}), 14 + 56},
       }) {
    const auto pieces = cut(one.merged, 5, one.link_type);
    EXPECT_EQ(payloads(pieces), "Sarah|Tracy");
    for (const Piece& piece : pieces) {
      ASSERT_EQ(piece.bytes.size(), one.headers + 5);
      // What differs is a length and IPv4's identification and checksum, and UDP's.
      std::size_t different = 0;
      for (std::size_t i = 0; i < one.headers; ++i) different += piece.bytes[i] != one.merged[i];
      EXPECT_LE(different, 8U);
      EXPECT_EQ(piece.frame.vlan, cut(one.merged, 5, one.link_type)[0].frame.vlan);
    }
  }
}

// Zero says that there is no UDP checksum; one that comes to zero is written as its complement.
TEST(SegmentsTest, UdpChecksums) {
  EXPECT_EQ(
      payloads(cut(merged4("SarahTracy", {.checksum = Checksum::kAbsent}), 5, kLinkTypeEthernet)),
      "Sarah|Tracy");
  // Of two bytes that are the checksum of zeros in their place.
  const auto zeros = cut(merged4(std::string(4, '\0')), 2, kLinkTypeEthernet);
  ASSERT_EQ(zeros.size(), 2U);
  const std::string sum = to_text(std::span(zeros[0].bytes).subspan(14 + 20 + 6, 2));
  const auto pieces = cut(merged4(sum + sum), 2, kLinkTypeEthernet);
  ASSERT_EQ(pieces.size(), 2U);
  EXPECT_EQ(to_hex(std::span(pieces[0].bytes).subspan(14 + 20 + 6, 2)), "ffff");
}

// What is behind the packet belongs to none of its datagrams.
TEST(SegmentsTest, TrailerIsLeftOut) {
  TestBytes padded = merged4("SarahTracy");
  padded.resize(padded.size() + 6);
  EXPECT_EQ(payloads(cut(padded, 5, kLinkTypeEthernet)), "Sarah|Tracy");
}

// Whoever has had enough gets no more.
TEST(SegmentsTest, TakesNoMoreThanWanted) {
  EXPECT_EQ(payloads(cut(merged4("SarahTracy"), 2, kLinkTypeEthernet, 3)), "Sa|ra|hT");
}

// What was merged is further inside: the outer headers would fit none of it.
TEST(SegmentsTest, CarriedIsLeftWhole) {
  const TestBytes in_gre = from_hex(
      kMacs + "0800" + ipv4_of(47, "00000800" + to_hex(merged4("SarahTracy", {.link = ""}))));
  EXPECT_TRUE(cut(in_gre, 5, kLinkTypeEthernet).empty());
}

// Whatever the lengths say: what is decoded can be cut, within its bytes, and the pieces are it.
TEST(SegmentsTest, HostileLengths) {
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same each time.
  for (int round = 0; round < 5000; ++round) {
    TestBytes bytes = round % 2 == 0 ? merged4("MichaelTracySarah", {.options = "01010101"})
                                     : merged6("MichaelTracySarah");
    for (int i = 0; i < 2; ++i) {
      bytes[12 + random() % (bytes.size() - 12)] = static_cast<std::byte>(random());
    }
    bytes.resize(bytes.size() - random() % 3);
    const TestBytes exact(bytes);  // So that AddressSanitizer sees what lies behind it.
    const CaptureRecord record = record_of(exact, kLinkTypeEthernet);
    std::span<const std::byte> packet;
    const Decoded decoded = decode_record(record, {.packet = &packet});
    const auto* const frame = std::get_if<Frame>(&decoded);
    if (frame == nullptr) continue;
    std::string whole;
    cut_segments(record, *frame, packet, 1 + random() % 20, [&](const CaptureRecord& one) {
      const Decoded again = decode_record(one);
      EXPECT_EQ(outcome(again), "datagram") << to_hex(exact);
      if (const auto* piece = std::get_if<Frame>(&again)) whole += to_text(piece->payload);
      return true;
    });
    if (whole.empty()) continue;
    EXPECT_EQ(whole, to_text(frame->payload)) << to_hex(exact);
  }
}

}  // namespace
}  // namespace lossy
