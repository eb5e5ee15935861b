#include <lossy/harness/capture/reassembler.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include <lossy/core/random.hpp>
#include <lossy/harness/capture/checksum.hpp>
#include <lossy/harness/capture/frame_for_test.hpp>
#include <lossy/harness/capture/wire.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using Bytes = std::vector<std::byte>;

// A piece of a packet, before it is in a frame.
struct Piece {
  std::size_t offset = 0;
  std::size_t size = 0;
  bool more = true;
};

void put16(Bytes& bytes, std::size_t value) {
  bytes.push_back(static_cast<std::byte>(value >> 8 & 0xFF));
  bytes.push_back(static_cast<std::byte>(value & 0xFF));
}

// What an IP packet carries: a UDP datagram without a checksum.
Bytes datagram(std::size_t payload_bytes, int salt = 0) {
  Bytes bytes;
  put16(bytes, 40000);
  put16(bytes, 9999);
  put16(bytes, 8 + payload_bytes);
  put16(bytes, 0);
  for (std::size_t i = 0; i < payload_bytes; ++i) {
    bytes.push_back(static_cast<std::byte>((i * 31 + 7 + static_cast<std::size_t>(salt)) & 0xFF));
  }
  return bytes;
}

// The frame (link type RAW) of one piece of what an IPv4 packet carries.
Bytes ipv4(const Bytes& whole, const Piece& piece, int identification = 7) {
  Bytes frame;
  put16(frame, 0x4500);
  put16(frame, 20 + piece.size);
  put16(frame, static_cast<std::size_t>(identification));
  put16(frame, (piece.more ? 0x2000U : 0U) | piece.offset / 8);
  put16(frame, 0x4011);
  put16(frame, 0);
  for (const int octet : {192, 0, 2, 1, 192, 0, 2, 2}) {
    frame.push_back(static_cast<std::byte>(octet));
  }
  const std::uint16_t checksum = static_cast<std::uint16_t>(~sum_words(frame));
  wire::store16(frame.data() + 10, checksum);
  Bytes content = whole;
  content.resize(std::max(content.size(), piece.offset + piece.size));
  const auto from = content.begin() + static_cast<std::ptrdiff_t>(piece.offset);
  frame.insert(frame.end(), from, from + static_cast<std::ptrdiff_t>(piece.size));
  return frame;
}

Bytes ipv6(const Bytes& whole, const Piece& piece, int identification = 7, int protocol = 17) {
  Bytes frame;
  put16(frame, 0x6000);
  put16(frame, 0);
  put16(frame, 8 + piece.size);
  put16(frame, 0x2C40);
  for (const int host : {1, 2}) {
    put16(frame, 0x2001);
    put16(frame, 0x0DB8);
    frame.resize(frame.size() + 11);
    frame.push_back(static_cast<std::byte>(host));
  }
  put16(frame, static_cast<std::size_t>(protocol) << 8);
  put16(frame, piece.offset | (piece.more ? 1U : 0U));
  put16(frame, 0);
  put16(frame, static_cast<std::size_t>(identification));
  const auto from = whole.begin() + static_cast<std::ptrdiff_t>(piece.offset);
  frame.insert(frame.end(), from, from + static_cast<std::ptrdiff_t>(piece.size));
  return frame;
}

class Capture {
 public:
  explicit Capture(const ReassemblyLimits& limits = {}) : reassembler(limits) {}

  // "datagram", or why there is none.
  std::string see(const Bytes& frame, Duration at = 0s, bool inner = false) {
    // Exactly as large, so that a sanitizer sees what is read behind it.
    frame_ = Bytes(frame.begin(), frame.end());
    const auto decoded = reassembler.decode({.number = 1,
                                             .time = Instant(at),
                                             .frame = frame_,
                                             .original_bytes = frame_.size(),
                                             .link_type = kLinkTypeRaw,
                                             .inner = inner});
    if (const auto* skipped = std::get_if<Skipped>(&decoded)) {
      return std::string(to_string(skipped->reason));
    }
    last = std::get<Frame>(decoded);
    return "datagram";
  }

  Reassembler reassembler;
  Frame last;

 private:
  Bytes frame_;
};

bool carries(const Frame& frame, const Bytes& whole) {
  return std::ranges::equal(frame.payload, std::span(whole).subspan(8));
}

// A packet in pieces comes out as it went in, whatever the order of the pieces, in both families.
TEST(ReassemblerTest, PutsPiecesTogetherInAnyOrder) {
  const Bytes whole = datagram(29);  // 37 bytes.
  const std::vector<Piece> pieces = {{0, 8}, {8, 16}, {24, 8}, {32, 5, false}};
  for (const bool v6 : {false, true}) {
    std::vector<std::size_t> order = {0, 1, 2, 3};
    do {
      Capture capture;
      for (std::size_t i = 0; i < order.size(); ++i) {
        const Piece& piece = pieces[order[i]];
        const std::string seen = capture.see(v6 ? ipv6(whole, piece) : ipv4(whole, piece));
        ASSERT_EQ(seen, i + 1 < order.size() ? "fragment" : "datagram");
      }
      EXPECT_TRUE(carries(capture.last, whole));
      EXPECT_EQ(capture.last.source.to_string(), v6 ? "[2001:db8::1]:40000" : "192.0.2.1:40000");
      EXPECT_EQ(capture.last.destination.port(), 9999);
      EXPECT_EQ(capture.last.ip_checksum, Checksum::kGood);
      EXPECT_EQ(capture.last.udp_checksum, Checksum::kAbsent);
      EXPECT_EQ(capture.reassembler.waiting(), 0U);
      EXPECT_EQ(capture.reassembler.bytes(), 0U);
      EXPECT_EQ(capture.reassembler.counters().whole, 1U);
    } while (std::ranges::next_permutation(order).found);
  }
}

// The longest packet there is comes out, too, from pieces as small as they get.
TEST(ReassemblerTest, TakesTheLongestPacket) {
  for (const bool v6 : {false, true}) {
    const Bytes whole = datagram(v6 ? 65'527 : 65'507);
    Capture capture;
    const auto see = [&](const Piece& piece) {
      return capture.see(v6 ? ipv6(whole, piece) : ipv4(whole, piece));
    };
    for (std::size_t offset = 0; offset + 8 < whole.size(); offset += 8) {
      ASSERT_EQ(see({offset, 8}), "fragment");
    }
    const std::size_t last = whole.size() / 8 * 8;
    EXPECT_EQ(see({last, whole.size() - last, false}), "datagram");
    EXPECT_TRUE(carries(capture.last, whole));
  }
}

// Two packets under way at the same time do not mix, and neither do the two families.
TEST(ReassemblerTest, KeepsPacketsApart) {
  const Bytes one = datagram(20, 1);
  const Bytes other = datagram(20, 2);
  Capture capture;
  EXPECT_EQ(capture.see(ipv4(one, {0, 16}, 1)), "fragment");
  EXPECT_EQ(capture.see(ipv4(other, {0, 16}, 2)), "fragment");
  EXPECT_EQ(capture.see(ipv6(other, {16, 12, false}, 1)), "fragment");
  EXPECT_EQ(capture.see(ipv4(one, {16, 12, false}, 1)), "datagram");
  EXPECT_TRUE(carries(capture.last, one));
  EXPECT_EQ(capture.see(ipv4(other, {16, 12, false}, 2)), "datagram");
  EXPECT_TRUE(carries(capture.last, other));
  EXPECT_EQ(capture.see(ipv6(other, {0, 16}, 1)), "datagram");
}

// A piece that overlaps another takes its whole packet with it (RFC 5722); a copy does not.
TEST(ReassemblerTest, RefusesOverlapsAndTakesCopies) {
  const Bytes whole = datagram(40);  // 48 bytes.
  const std::vector<Piece> overlaps = {{8, 16}, {0, 16}, {16, 8}, {16, 32, false}, {8, 8}, {8, 32}};
  for (const Piece& overlap : overlaps) {
    Capture capture;
    EXPECT_EQ(capture.see(ipv4(whole, {0, 8})), "fragment");
    EXPECT_EQ(capture.see(ipv4(whole, {8, 24})), "fragment");
    EXPECT_EQ(capture.see(ipv4(whole, overlap)), "fragment_overlap");
    EXPECT_EQ(capture.see(ipv4(whole, {32, 16, false})), "fragment_overlap");
    EXPECT_EQ(capture.reassembler.counters().refused, 1U);
    EXPECT_EQ(capture.reassembler.waiting(), 0U);
  }
  Capture capture;
  const std::vector<Piece> copied = {{8, 24}, {8, 24}, {32, 16, false}, {32, 16, false}};
  for (const Piece& piece : copied) EXPECT_EQ(capture.see(ipv4(whole, piece)), "fragment");
  EXPECT_EQ(capture.see(ipv4(whole, {0, 8})), "datagram");
  EXPECT_EQ(capture.reassembler.counters().copies, 2U);

  // The same place with other bytes is no copy.
  Capture changed;
  EXPECT_EQ(changed.see(ipv4(whole, {8, 24})), "fragment");
  EXPECT_EQ(changed.see(ipv4(datagram(40, 1), {8, 24})), "fragment_overlap");
}

// Pieces that fit into no packet are refused, and so are those that contradict the others.
TEST(ReassemblerTest, RefusesWhatDoesNotFit) {
  const Bytes whole = datagram(65'507);
  Capture capture;
  EXPECT_EQ(capture.see(ipv4(whole, {0, 12})), "bad_fragment") << "no multiple of 8";
  EXPECT_EQ(capture.see(ipv4(whole, {8, 0})), "bad_fragment") << "nothing";
  EXPECT_EQ(capture.see(ipv4(whole, {65'512, 4, false})), "bad_fragment") << "beyond 65535";
  EXPECT_EQ(capture.see(ipv6(datagram(65'528), {65'528, 8, false})), "bad_fragment");
  EXPECT_EQ(capture.reassembler.waiting(), 0U);

  EXPECT_EQ(capture.see(ipv4(whole, {16, 8, false}, 1)), "fragment");
  EXPECT_EQ(capture.see(ipv4(whole, {24, 8}, 1)), "bad_fragment") << "behind the last";
  EXPECT_EQ(capture.see(ipv4(whole, {16, 8}, 2)), "fragment");
  EXPECT_EQ(capture.see(ipv4(whole, {8, 8, false}, 2)), "bad_fragment") << "last, but not";
  EXPECT_EQ(capture.see(ipv4(whole, {16, 4, false}, 3)), "fragment");
  EXPECT_EQ(capture.see(ipv4(whole, {24, 8, false}, 3)), "bad_fragment") << "another last";
  EXPECT_EQ(capture.see(ipv4(whole, {0, 8}, 3)), "bad_fragment") << "refused for good";
  EXPECT_EQ(capture.reassembler.counters().refused, 3U);
}

// What was put together is decoded as any packet: it may lack a datagram, and is no fragment again.
TEST(ReassemblerTest, WholePacketMayHoldNoDatagram) {
  Bytes cut = datagram(20);
  wire::store16(cut.data() + 4, 100);  // More than there is.
  Capture capture;
  EXPECT_EQ(capture.see(ipv4(cut, {0, 16})), "fragment");
  EXPECT_EQ(capture.see(ipv4(cut, {16, 12, false})), "bad_udp_length");

  Bytes nested = datagram(24);
  wire::store16(nested.data(), 0x1100);  // A fragment header, of another piece.
  wire::store16(nested.data() + 2, 0x0009);
  EXPECT_EQ(capture.see(ipv6(nested, {0, 16}, 8, 44)), "fragment");
  EXPECT_EQ(capture.see(ipv6(nested, {16, 16, false}, 8, 44)), "bad_fragment");
  EXPECT_EQ(capture.reassembler.waiting(), 0U);
  EXPECT_EQ(capture.see(ipv6(nested, {0, 16}, 9, 6)), "not_udp");
}

// In the frame (link type RAW) of a piece of an IPv4 packet of that protocol, hexadecimal as it is.
Bytes piece_of(std::uint8_t protocol, const std::string& carried, std::size_t from,
               std::size_t to) {
  const Bytes whole = from_hex(carried);
  const std::size_t fragment = (to < whole.size() ? 0x2000 : 0) | from / 8;
  return from_hex(ipv4_of(protocol, to_hex(std::span(whole).subspan(from, to - from)),
                          static_cast<std::uint16_t>(fragment)));
}

// What carries packets may itself come in pieces, and so may what it carries, or both.
TEST(ReassemblerTest, PutsCarriersAndWhatTheyCarryTogether) {
  const std::string gre = to_hex(from_hex("0000 0800" + kMichael4));
  Capture outer;
  EXPECT_EQ(outer.see(piece_of(47, gre, 0, 24)), "fragment");
  EXPECT_EQ(outer.see(piece_of(47, gre, 24, 39)), "datagram");
  EXPECT_EQ(to_text(outer.last.payload), "Michael");
  EXPECT_EQ(words_of(outer.last.carriers), "gre");
  EXPECT_EQ(outer.last.destination.to_string(), "127.0.0.1:9999");
  EXPECT_EQ(outer.last.udp_checksum, Checksum::kGood);
  EXPECT_EQ(outer.reassembler.counters().joined, 1U);

  const std::string udp = "c502 270f 0017 0000 000102030405060708090a0b0c0d0e";
  Capture inner;
  const auto carried = [&](std::size_t from, std::size_t to) {
    return "0000 0800" + to_hex(piece_of(17, udp, from, to));
  };
  EXPECT_EQ(inner.see(from_hex(ipv4_of(47, carried(16, 23)))), "fragment");
  EXPECT_EQ(inner.see(from_hex(ipv4_of(47, carried(0, 16)))), "datagram");
  EXPECT_EQ(inner.last.payload.size(), 15U);
  EXPECT_EQ(inner.reassembler.counters().joined, 1U);

  Capture both;
  EXPECT_EQ(both.see(piece_of(47, carried(0, 16), 0, 32)), "fragment");
  EXPECT_EQ(both.see(piece_of(47, carried(0, 16), 32, 40)), "fragment");
  EXPECT_EQ(both.see(piece_of(47, carried(16, 23), 0, 16)), "fragment");
  EXPECT_EQ(both.see(piece_of(47, carried(16, 23), 16, 31)), "datagram");
  EXPECT_EQ(both.last.payload.size(), 15U);
  EXPECT_EQ(both.reassembler.counters().whole, 3U);
  EXPECT_EQ(both.reassembler.counters().joined, 3U);
  EXPECT_EQ(both.reassembler.bytes(), 0U);
}

// However deep it all was when a piece came, the packet is as deep: the bound on that holds.
TEST(ReassemblerTest, PiecesRememberHowDeepTheyAre) {
  for (const unsigned around : {kCarriersMax - 1, kCarriersMax}) {
    Capture capture;
    const auto see = [&](const Bytes& piece) {
      std::string packet = to_hex(piece);
      for (unsigned i = 0; i < around; ++i) packet = ipv4_of(4, packet);
      return capture.see(from_hex(packet));
    };
    const std::string gre = to_hex(from_hex("0000 0800" + kMichael4));
    EXPECT_EQ(see(piece_of(47, gre, 0, 24)), "fragment");
    EXPECT_EQ(see(piece_of(47, gre, 24, 39)), around < kCarriersMax ? "datagram" : "too_deep");
  }
}

// What datagrams carry comes in pieces, too, when it is asked for.
TEST(ReassemblerTest, PutsWhatIsInsideTogether) {
  const std::string udp = "c502 270f 0017 0000 000102030405060708090a0b0c0d0e";
  for (const bool inner : {false, true}) {
    Capture capture;
    const auto see = [&](std::size_t from, std::size_t to) {
      const std::string frame = kMacs + "0800" + to_hex(piece_of(17, udp, from, to));
      const std::string vxlan =
          "c000 12b5" + hex16(16 + from_hex(frame).size()) + "0000" + "0800000000000700" + frame;
      return capture.see(from_hex(ipv4_of(17, vxlan)), 0s, inner);
    };
    EXPECT_EQ(see(0, 16), inner ? "fragment" : "datagram");
    EXPECT_EQ(see(16, 23), "datagram");
    EXPECT_EQ(capture.last.destination.port(), inner ? 9999 : 4789);
  }
}

// Pieces of two packets between the same hosts, which have the same identification and carry
// different things, are of two packets (RFC 791 section 3.2); IPv6 has one count for all.
TEST(ReassemblerTest, ProtocolsHaveIdentificationsOfTheirOwn) {
  const std::string gre = to_hex(from_hex("0000 0800" + kMichael4));
  const std::string udp = "c502 270f 0017 0000 000102030405060708090a0b0c0d0e";
  Capture capture;
  EXPECT_EQ(capture.see(piece_of(47, gre, 0, 24)), "fragment");
  EXPECT_EQ(capture.see(piece_of(17, udp, 0, 16)), "fragment");
  EXPECT_EQ(capture.see(piece_of(17, udp, 16, 23)), "datagram");
  EXPECT_EQ(capture.see(piece_of(47, gre, 24, 39)), "datagram");
  EXPECT_EQ(to_text(capture.last.payload), "Michael");
}

// Who counts records learns which of them a packet was made of: copies as well, and nothing else.
TEST(ReassemblerTest, CountsWhatItJoins) {
  const Bytes whole = datagram(40);
  Capture capture;
  capture.see(ipv4(whole, {0, 16}));
  capture.see(ipv4(whole, {0, 16}));
  capture.see(ipv4(whole, {16, 16}));
  EXPECT_EQ(capture.reassembler.counters().joined, 0U);
  EXPECT_EQ(capture.see(ipv4(whole, {32, 16, false})), "datagram");
  EXPECT_EQ(capture.reassembler.counters().joined, 3U);
  capture.see(ipv4(whole, {0, 16}, 8));
  capture.see(ipv4(whole, {8, 16}, 8));
  EXPECT_EQ(capture.reassembler.counters().refused, 1U);
  EXPECT_EQ(capture.reassembler.counters().joined, 3U);
}

// The rest of a packet must come within a minute of its first piece, by the capture's clock, even
// when that clock goes back.
TEST(ReassemblerTest, ForgetsAfterAMinute) {
  const Bytes whole = datagram(20);
  for (const Duration late : {60s, -60s}) {
    Capture capture;
    capture.see(ipv4(whole, {0, 16}), 1000s);
    EXPECT_EQ(capture.see(ipv4(whole, {16, 12, false}), 1000s + late), "datagram");
  }
  for (const Duration late : {Duration(60s + 1ns), Duration(-60s - 1ns)}) {
    Capture capture;
    capture.see(ipv4(whole, {0, 16}), 1000s);
    EXPECT_EQ(capture.see(ipv4(whole, {16, 12, false}), 1000s + late), "fragment");
    EXPECT_EQ(capture.reassembler.counters().expired, 1U);
    EXPECT_EQ(capture.reassembler.waiting(), 1U);
  }
}

// Neither their number nor their bytes grow beyond the limits: the oldest packet goes first.
TEST(ReassemblerTest, StaysWithinItsLimits) {
  const Bytes whole = datagram(20);
  const Bytes long_one = datagram(65'507);
  Capture few({.packets_max = 3});
  for (int i = 0; i < 4; ++i) few.see(ipv4(whole, {0, 16}, i));
  EXPECT_EQ(few.reassembler.waiting(), 3U);
  EXPECT_EQ(few.reassembler.counters().evicted, 1U);
  EXPECT_EQ(few.see(ipv4(whole, {16, 12, false}, 1)), "datagram");
  EXPECT_EQ(few.see(ipv4(whole, {16, 12, false}, 0)), "fragment") << "the oldest went";

  Capture small({.bytes_max = std::size_t{1} << 18});
  for (int i = 0; i < 1000; ++i) {
    small.see(ipv4(long_one, {65'504, 8}, i));
    ASSERT_LE(small.reassembler.bytes(), std::size_t{1} << 18);
  }
  EXPECT_GT(small.reassembler.counters().evicted, 900U);

  // Refused packets take room, too.
  Capture refused({.packets_max = 3});
  for (int i = 0; i < 100; ++i) {
    refused.see(ipv4(whole, {0, 16}, i));
    refused.see(ipv4(whole, {8, 16}, i));
    refused.see(ipv4(whole, {0, 16}, i + 1000));
  }
  EXPECT_LE(refused.reassembler.bytes(), std::size_t{10'000});
}

// A refused packet gives back what its pieces took, once: when it goes in the end, the others' room
// is counted as before.
TEST(ReassemblerTest, RefusedPacketsGiveTheirRoomBackOnce) {
  const Bytes long_one = datagram(65'507);
  Capture capture;
  capture.see(ipv4(long_one, {60'000, 8}, 1), 0s);
  const std::size_t alone = capture.reassembler.bytes();
  capture.see(ipv4(long_one, {59'992, 16}, 1), 0s);
  ASSERT_EQ(capture.reassembler.counters().refused, 1U);
  EXPECT_LT(capture.reassembler.bytes(), alone - 60'000);

  capture.see(ipv4(long_one, {60'000, 8}, 2), 61s);
  EXPECT_EQ(capture.reassembler.bytes(), alone);
}

// Cut anywhere, sent in any order and with copies, a packet comes out once for each complete set.
TEST(ReassemblerTest, RandomCutsComeOutWhole) {
  for (std::uint64_t round = 0; round < 300; ++round) {
    SCOPED_TRACE(round);
    const RandomStream random = RandomStream(5).stream(round);
    const Bytes whole = datagram(uniform_below(random.at(0), 2000) + 16);
    std::vector<Piece> pieces;
    for (std::size_t at = 0; at < whole.size();) {
      std::size_t size = 8 * (1 + uniform_below(random.at(1 + pieces.size()), 40));
      size = std::min(size, whole.size() - at);
      pieces.push_back({at, size, at + size < whole.size()});
      at += size;
    }
    if (pieces.size() == 1) continue;
    for (std::size_t i = pieces.size() - 1; i > 0; --i) {
      std::swap(pieces[i], pieces[uniform_below(random.at(1000 + i), i + 1)]);
    }
    Capture capture;
    for (std::size_t i = 0; i + 1 < pieces.size(); ++i) {
      ASSERT_EQ(capture.see(ipv6(whole, pieces[i])), "fragment");
      ASSERT_EQ(capture.see(ipv6(whole, pieces[i])), "fragment");
    }
    ASSERT_EQ(capture.see(ipv6(whole, pieces.back())), "datagram");
    ASSERT_TRUE(carries(capture.last, whole));
  }
}

}  // namespace
}  // namespace lossy
