#include <lossy/harness/capture/frame.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include <lossy/core/random.hpp>
#include <lossy/harness/capture/checksum.hpp>
#include <lossy/harness/capture/frame_for_test.hpp>

namespace lossy {
namespace {

using Bytes = TestBytes;

Bytes from_text(std::string_view text) {
  Bytes bytes(text.size());
  std::transform(text.begin(), text.end(), bytes.begin(),
                 [](char c) { return static_cast<std::byte>(c); });
  return bytes;
}

Bytes encoded(const Frame& frame) {
  Bytes buffer(kFrameBytesMax);
  buffer.resize(encode_frame(frame, buffer));
  return buffer;
}

Decoded decode(const Bytes& frame, int link_type = kLinkTypeLinuxSll2) {
  return decode_frame(link_type, frame, frame.size());
}

const Address kClient4 = *Address::parse("192.0.2.1:40000");
const Address kServer4 = *Address::parse("192.0.2.2:9999");
const Address kClient6 = *Address::parse("[2001:db8::1]:40000");
const Address kServer6 = *Address::parse("[2001:db8::2]:9999");

Frame frame_of(const Bytes& payload, bool v6 = false) {
  Frame frame;
  frame.source = v6 ? kClient6 : kClient4;
  frame.destination = v6 ? kServer6 : kServer4;
  frame.payload = payload;
  frame.type = PacketType::kOutgoing;
  frame.interface = 1;
  frame.link_address = kRecordingMark;
  frame.identification = 7;
  return frame;
}

// A frame of ours in which one byte was replaced.
Bytes with_byte(Bytes frame, std::size_t at, int value) {
  frame.at(at) = static_cast<std::byte>(value);
  return frame;
}

// Where the headers begin in the frames that encode_frame() writes.
constexpr std::size_t kIp = 20;
constexpr std::size_t kUdp4 = 40;

// What tcpdump -i any and tcpdump -i lo recorded of the tutorial's programs on Linux 6.1.
const Bytes kTcpdumpAny = from_hex(
    "0800 0000 00000001 0304 00 06 0000000000000000"
    "4500 0023 a104 4000 4011 9bc3 7f000001 7f000001"
    "c502 752f 000f fe22 4d69636861656c");
const Bytes kTcpdumpLo = from_hex(
    "000000000000 000000000000 0800"
    "4500 0023 a104 4000 4011 9bc3 7f000001 7f000001"
    "c502 752f 000f fe22 4d69636861656c");

// RFC 1071 section 3 adds these eight bytes up by hand.
TEST(ChecksumTest, AddsAsRfc1071Does) {
  const Bytes bytes = from_hex("0001 f203 f4f5 f6f7");
  EXPECT_EQ(sum_words(bytes), 0xDDF2);
  EXPECT_EQ(sum_words({}), 0);
  EXPECT_EQ(sum_words(from_hex("ab")), 0xAB00);
}

// The wide sum is the one that adding two bytes at a time gives, for every length and alignment.
TEST(ChecksumTest, WideSumIsTheNarrowSum) {
  Bytes bytes(300);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(RandomStream(1).at(i) >> 56);
  }
  for (std::size_t from = 0; from < 8; ++from) {
    for (std::size_t size = 0; size + from <= bytes.size(); ++size) {
      const auto part = std::span(bytes).subspan(from, size);
      std::uint64_t sum = 0;
      for (std::size_t i = 0; i < size; ++i) {
        sum += std::to_integer<std::uint64_t>(part[i]) << (i % 2 == 0 ? 8 : 0);
      }
      ASSERT_EQ(sum_words(part), fold_checksum(sum)) << from << " " << size;
    }
  }
}

// What is encoded decodes to the same, for both families, every small size and the largest.
TEST(FrameTest, DecodingUndoesEncoding) {
  for (const bool v6 : {false, true}) {
    std::vector<std::size_t> sizes(70);
    std::iota(sizes.begin(), sizes.end(), std::size_t{0});
    sizes.insert(sizes.end(), {1023, 1024, 1025, kPayloadBytesMaxV4});
    if (v6) sizes.push_back(kPayloadBytesMax);
    for (const std::size_t size : sizes) {
      SCOPED_TRACE(testing::Message() << size << " bytes, " << (v6 ? "IPv6" : "IPv4"));
      Bytes payload(size);
      for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<std::byte>(i * 31 + 7);
      const Frame frame = frame_of(payload, v6);
      const Bytes bytes = encoded(frame);
      ASSERT_EQ(bytes.size(), 20 + (v6 ? 40 : 20) + 8 + size);
      const Decoded decoded = decode(bytes);
      ASSERT_EQ(outcome(decoded), "datagram");
      const Frame& back = std::get<Frame>(decoded);
      EXPECT_EQ(back.source, frame.source);
      EXPECT_EQ(back.destination, frame.destination);
      EXPECT_TRUE(std::ranges::equal(back.payload, payload));
      EXPECT_EQ(back.type, PacketType::kOutgoing);
      EXPECT_EQ(back.interface, 1U);
      EXPECT_EQ(back.link_address, kRecordingMark);
      EXPECT_EQ(back.identification, 7U);
      EXPECT_EQ(back.ttl, 64);
      EXPECT_EQ(back.ip_checksum, Checksum::kGood);
      EXPECT_EQ(back.udp_checksum, Checksum::kGood);
      EXPECT_EQ(encoded(back), bytes);
    }
  }
}

// An encoded frame is, byte for byte, what the page about captures says it is.
TEST(FrameTest, EncodesWhatIsDocumented) {
  Bytes payload = from_text("Michael");
  Frame frame = frame_of(payload);
  EXPECT_EQ(encoded(frame), from_hex("0800 0000 00000001 0001 04 06 026c6f737379 0000"
                                     "4500 0023 0007 4000 4011 b6bf c0000201 c0000202"
                                     "9c40 270f 000f 3a45 4d69636861656c"));
  frame.type = PacketType::kIncoming;
  frame.interface = 2;
  const Bytes incoming = encoded(frame);
  EXPECT_EQ(incoming[10], std::byte{0});
  EXPECT_EQ(incoming[7], std::byte{2});
}

// The datagram's number is cut to the width of its field, and copies share it.
TEST(FrameTest, NumberIsCutToItsField) {
  Bytes payload = from_text("Tracy");
  for (const bool v6 : {false, true}) {
    Frame frame = frame_of(payload, v6);
    frame.identification = 0xFFF12345;
    const Bytes bytes = encoded(frame);
    EXPECT_EQ(std::get<Frame>(decode(bytes)).identification, v6 ? 0x12345U : 0x2345U);
  }
}

// A checksum that comes out as zero is sent as all ones, because zero means that there is none.
TEST(FrameTest, ChecksumOfZeroIsSentAsAllOnes) {
  bool seen = false;
  for (std::uint32_t word = 0; word <= 0xFFFF; ++word) {
    const Bytes payload = {static_cast<std::byte>(word >> 8), static_cast<std::byte>(word & 0xFF)};
    const Bytes bytes = encoded(frame_of(payload));
    const bool zero = bytes[kUdp4 + 6] == std::byte{0} && bytes[kUdp4 + 7] == std::byte{0};
    ASSERT_FALSE(zero) << word;
    if (bytes[kUdp4 + 6] != std::byte{0xFF} || bytes[kUdp4 + 7] != std::byte{0xFF}) continue;
    seen = true;
    EXPECT_EQ(std::get<Frame>(decode(bytes)).udp_checksum, Checksum::kGood);
  }
  EXPECT_TRUE(seen);
}

// The encoder refuses what no frame can hold.
TEST(FrameTest, EncoderChecksItsCaller) {
  Bytes buffer(2 * kFrameBytesMax);
  Bytes payload(kPayloadBytesMax + 1);
  EXPECT_THROW(encode_frame(frame_of(payload, true), buffer), std::logic_error);
  payload.resize(kPayloadBytesMaxV4 + 1);
  EXPECT_THROW(encode_frame(frame_of(payload), buffer), std::logic_error);
  payload.resize(10);
  EXPECT_THROW(encode_frame(frame_of(payload), std::span(buffer).first(57)), std::logic_error);
  EXPECT_EQ(encode_frame(frame_of(payload), std::span(buffer).first(58)), 58U);
  Frame mixed = frame_of(payload);
  mixed.destination = kServer6;
  EXPECT_THROW(encode_frame(mixed, buffer), std::logic_error);
}

// What tcpdump takes on loopback is understood, its checksums being left to a card that is not
// there.
TEST(FrameTest, DecodesWhatTcpdumpTakes) {
  for (const bool any : {true, false}) {
    const Bytes& bytes = any ? kTcpdumpAny : kTcpdumpLo;
    const Decoded decoded = decode(bytes, any ? kLinkTypeLinuxSll2 : kLinkTypeEthernet);
    ASSERT_EQ(outcome(decoded), "datagram");
    const Frame& frame = std::get<Frame>(decoded);
    EXPECT_EQ(frame.source.to_string(), "127.0.0.1:50434");
    EXPECT_EQ(frame.destination.to_string(), "127.0.0.1:29999");
    EXPECT_EQ(to_text(frame.payload), "Michael");
    EXPECT_EQ(frame.type, any ? PacketType::kIncoming : PacketType::kUnknown);
    EXPECT_EQ(frame.interface, any ? 1U : 0U);
    EXPECT_EQ(frame.link_address, LinkAddress{});
    EXPECT_EQ(frame.identification, 0xA104U);
    EXPECT_EQ(frame.ttl, 64);
    EXPECT_EQ(frame.ip_checksum, Checksum::kGood);
    EXPECT_EQ(frame.udp_checksum, Checksum::kOffloaded);
  }
}

// Each packet type of LINUX_SLL2 is one of the three that matter.
TEST(FrameTest, ReadsPacketTypes) {
  const auto type_of = [](int type) {
    const Bytes bytes = with_byte(kTcpdumpAny, 10, type);
    return std::get<Frame>(decode(bytes)).type;
  };
  EXPECT_EQ(type_of(0), PacketType::kIncoming);
  EXPECT_EQ(type_of(1), PacketType::kIncoming);
  EXPECT_EQ(type_of(2), PacketType::kIncoming);
  EXPECT_EQ(type_of(3), PacketType::kUnknown);
  EXPECT_EQ(type_of(4), PacketType::kOutgoing);
  EXPECT_EQ(type_of(255), PacketType::kUnknown);
}

// A checksum is judged by the bytes it covers, in both families.
TEST(FrameTest, JudgesChecksums) {
  const Bytes payload = from_text("Sarah");
  for (const bool v6 : {false, true}) {
    const Bytes good = encoded(frame_of(payload, v6));
    const std::size_t udp = v6 ? 60 : 40;
    const auto judged = [](const Bytes& bytes) { return std::get<Frame>(decode(bytes)); };
    EXPECT_EQ(judged(good).udp_checksum, Checksum::kGood);
    EXPECT_EQ(judged(with_byte(good, udp + 8, 'X')).udp_checksum, Checksum::kBad);
    EXPECT_EQ(judged(with_byte(good, udp + 12, 'x')).udp_checksum, Checksum::kBad);
    EXPECT_EQ(judged(with_byte(good, udp, 1)).udp_checksum, Checksum::kBad);
    const Bytes absent = with_byte(with_byte(good, udp + 6, 0), udp + 7, 0);
    EXPECT_EQ(judged(absent).udp_checksum, Checksum::kAbsent);
  }
  const Bytes good = encoded(frame_of(payload));
  const Frame other_ttl = std::get<Frame>(decode(with_byte(good, kIp + 8, 63)));
  EXPECT_EQ(other_ttl.ip_checksum, Checksum::kBad);
  EXPECT_EQ(other_ttl.udp_checksum, Checksum::kGood);
  const Bytes absent = with_byte(with_byte(good, kIp + 10, 0), kIp + 11, 0);
  EXPECT_EQ(std::get<Frame>(decode(absent)).ip_checksum, Checksum::kAbsent);
}

// Bytes behind the IP packet are Ethernet's padding and not part of the datagram.
TEST(FrameTest, PaddingIsNoPayload) {
  Bytes padded = kTcpdumpLo;
  padded.resize(60, std::byte{0xAA});
  const Frame frame = std::get<Frame>(decode(padded, kLinkTypeEthernet));
  EXPECT_EQ(to_text(frame.payload), "Michael");
  EXPECT_EQ(frame.udp_checksum, Checksum::kOffloaded);
}

// IPv4 options are passed, and UDP may use less than the IP packet carries.
TEST(FrameTest, PassesOptionsAndSurplus) {
  const Bytes options = from_hex(
      "0800 0000 00000001 0304 00 06 0000000000000000"
      "4600 0027 a104 4000 4011 0000 7f000001 7f000001 01010100"
      "c502 752f 000f fe22 4d69636861656c");
  EXPECT_EQ(to_text(std::get<Frame>(decode(options)).payload), "Michael");
  const Bytes shorter = with_byte(kTcpdumpAny, kUdp4 + 5, 0x0D);
  EXPECT_EQ(to_text(std::get<Frame>(decode(shorter)).payload), "Micha");
}

// The version shares a byte with the header's length, or the traffic class, whatever those are.
TEST(FrameTest, VersionIsHalfAByte) {
  for (std::size_t words = 5; words <= 15; ++words) {
    Bytes packet =
        from_hex("4500" + hex16(4 * words + 15) + "a104 4000 4011 0000 7f000001 7f000001");
    packet.resize(4 * words, std::byte{1});
    const Bytes udp = from_hex("c502 752f 000f fe22 4d69636861656c");
    packet.insert(packet.end(), udp.begin(), udp.end());
    for (std::size_t version = 0; version < 16; ++version) {
      packet[0] = static_cast<std::byte>(version << 4 | words);
      const Decoded decoded = decode(packet, kLinkTypeIpv4);
      EXPECT_EQ(outcome(decoded), version == 4 ? "datagram" : "bad_ip_header")
          << version << ", " << words;
      if (version != 4) continue;
      EXPECT_EQ(to_text(std::get<Frame>(decoded).payload), "Michael");
    }
  }
  Bytes packet = from_hex(kMichael6);
  for (unsigned first = 0; first < 256; ++first) {
    packet[0] = static_cast<std::byte>(first);
    EXPECT_EQ(outcome(decode(packet, kLinkTypeIpv6)),
              first >> 4 == 6 ? "datagram" : "bad_ip_header")
        << first;
  }
}

// Each bit of a flow label counts, and none of the traffic class in front of it.
TEST(FrameTest, FlowLabelHasTwentyBits) {
  Bytes packet = from_hex(kMichael6);
  for (unsigned bit = 0; bit < 28; ++bit) {
    wire::store32(packet.data(), 0x60000000U | 1U << bit);
    EXPECT_EQ(std::get<Frame>(decode(packet, kLinkTypeIpv6)).identification,
              bit < 20 ? 1U << bit : 0U);
  }
}

// An IPv6 packet around "Michael" with the given extension headers in between.
Bytes with_extensions(int first_header, const std::string& extensions, std::size_t bytes_less = 0) {
  const Bytes inner = from_hex(extensions + "9c40 270f 000f 0000 4d69636861656c");
  const Bytes front = from_hex(
      "86dd 0000 00000001 0304 00 06 0000000000000000 60000000 0000 00 40"
      "20010db8000000000000000000000001 20010db8000000000000000000000002");
  Bytes frame = front;
  frame[kIp + 5] = static_cast<std::byte>(inner.size());
  frame[kIp + 6] = static_cast<std::byte>(first_header);
  frame.insert(frame.end(), inner.begin(), inner.end());
  frame.resize(frame.size() - bytes_less);
  return frame;
}

// The extension headers that a receiver would pass are passed, alone and in a chain.
TEST(FrameTest, PassesExtensionHeaders) {
  const std::vector<Bytes> frames = {
      with_extensions(17, ""),
      with_extensions(0, "11 00 010400000000"),
      with_extensions(60, "11 01 010c000000000000000000000000"),
      with_extensions(43, "11 00 04 00 00000000"),
      with_extensions(44, "11 00 0000 deadbeef"),
      with_extensions(0, "3c 00 010400000000 2c 00 010400000000 11 ff 0000 00000001"),
  };
  for (std::size_t i = 0; i < frames.size(); ++i) {
    SCOPED_TRACE(i);
    const Decoded decoded = decode(frames[i]);
    ASSERT_EQ(outcome(decoded), "datagram");
    EXPECT_EQ(to_text(std::get<Frame>(decoded).payload), "Michael");
  }
}

const std::string kIpv4 =
    "4500 0023 a104 4000 4011 9bc3 7f000001 7f000001"
    "c502 752f 000f fe22 4d69636861656c";
const std::string kIpv6 =
    "6000 0000 000f 1140 20010db8000000000000000000000001 20010db8000000000000000000000002"
    "9c40 270f 000f 0000 4d69636861656c";

// Every link type gives the same datagram, and what else its header says.
TEST(FrameTest, DecodesEveryLinkType) {
  struct Case {
    const char* what;
    int link_type;
    std::string frame;
    PacketType type = PacketType::kUnknown;
    std::uint16_t vlan = 0;
  };
  const std::string macs = "020000000002 020000000001";
  const auto in = PacketType::kIncoming;
  const auto out = PacketType::kOutgoing;
  const std::vector<Case> cases = {
      {"NULL, little-endian", 0, "02000000" + kIpv4},
      {"NULL, big-endian", 0, "00000002" + kIpv4},
      {"NULL, Linux", 0, "0a000000" + kIpv6},
      {"NULL, OpenBSD", 0, "18000000" + kIpv6},
      {"NULL, FreeBSD", 0, "0000001c" + kIpv6},
      {"NULL, Darwin", 0, "1e000000" + kIpv6},
      {"LOOP", 108, "00000002" + kIpv4},
      {"LOOP, IPv6", 108, "00000018" + kIpv6},
      {"RAW 12", 12, kIpv4},
      {"RAW 12, IPv6", 12, kIpv6},
      {"RAW 14", 14, kIpv4},
      {"RAW 101", 101, kIpv6},
      {"IPV4", 228, kIpv4},
      {"IPV6", 229, kIpv6},
      {"Ethernet", 1, macs + "0800" + kIpv4},
      {"Ethernet, VLAN", 1, macs + "8100 2007 0800" + kIpv4, {}, 7},
      {"Ethernet, QinQ", 1, macs + "88a8 0064 8100 0fff 86dd" + kIpv6, {}, 4095},
      {"Ethernet, old QinQ", 1, macs + "9100 0064 9100 0065 0800" + kIpv4, {}, 101},
      {"SLL, incoming", 113, "0000 0001 0006 020000000001 0000 0800" + kIpv4, in},
      {"SLL, outgoing", 113, "0004 0001 0006 020000000001 0000 86dd" + kIpv6, out},
      {"SLL, tagged", 113, "0004 0001 0006 020000000001 0000 8100 0005 0800" + kIpv4, out, 5},
      {"SLL2", 276, "86dd 0000 00000003 0001 00 06 020000000001 0000" + kIpv6, in},
      {"SLL2, tagged", 276, "8100 0000 00000003 0001 04 06 020000000001 0000 0006 0800" + kIpv4,
       out, 6},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    const Bytes bytes = from_hex(one.frame);
    const Decoded decoded = decode(bytes, one.link_type);
    ASSERT_EQ(outcome(decoded), "datagram");
    const Frame& frame = std::get<Frame>(decoded);
    EXPECT_EQ(to_text(frame.payload), "Michael");
    EXPECT_EQ(frame.type, one.type);
    EXPECT_EQ(frame.vlan, one.vlan);
    const bool has_address = one.link_type == 1 || one.link_type == 113 || one.link_type == 276;
    EXPECT_EQ(frame.link_address, (LinkAddress{has_address ? std::uint8_t{2} : std::uint8_t{0}, 0,
                                               0, 0, 0, static_cast<std::uint8_t>(has_address)}));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_EQ(outcome(decode_frame(one.link_type, cut, bytes.size())), "snapped") << size;
      EXPECT_EQ(outcome(decode_frame(one.link_type, cut, size)), "truncated") << size;
    }
  }
}

// Link types that say by themselves what is behind them refuse anything else.
TEST(FrameTest, LinkTypesRefuseOtherFamilies) {
  const auto outcome_of = [](int link_type, const std::string& hex) {
    return outcome(decode(from_hex(hex), link_type));
  };
  EXPECT_EQ(outcome_of(0, "07000000" + kIpv4), "not_ip");
  EXPECT_EQ(outcome_of(0, "02000100" + kIpv4), "not_ip");
  EXPECT_EQ(outcome_of(108, "02000000" + kIpv4), "not_ip") << "LOOP has one order only";
  EXPECT_EQ(outcome_of(101, "50" + kIpv4), "not_ip");
  EXPECT_EQ(outcome_of(228, kIpv6), "bad_ip_header");
  EXPECT_EQ(outcome_of(229, kIpv4 + "0000000000000000"), "bad_ip_header");
  EXPECT_EQ(outcome_of(1, "020000000002 020000000001 8100 0001 0806" + kIpv4), "not_ip");
  for (unsigned first = 0; first < 256; ++first) {
    const bool is_ip = first >> 4 == 4 || first >> 4 == 6;
    EXPECT_EQ(outcome(decode(Bytes{static_cast<std::byte>(first)}, kLinkTypeRaw)),
              is_ip ? "truncated" : "not_ip")
        << first;
  }
}

// A fragment header is one of a whole packet when neither its offset nor its last bit is set,
// whatever the two bits between them are; and it may end the frame.
TEST(FrameTest, FragmentHeadersAreToldFromAtomicOnes) {
  const std::string udp = "9c40 270f 000f 0000 4d69636861656c";
  for (unsigned bit = 0; bit < 16; ++bit) {
    const Bytes packet = from_hex(ipv6_of(44, "1100" + hex16(1U << bit) + "deadbeef" + udp));
    EXPECT_EQ(outcome(decode(packet, kLinkTypeIpv6)),
              bit == 1 || bit == 2 ? "datagram" : "fragment")
        << bit;
  }
  const Bytes empty = from_hex(ipv6_of(44, "1100 0008 deadbeef"));
  EXPECT_EQ(outcome(decode(empty, kLinkTypeIpv6)), "fragment");
}

// What a fragment says about its packet is there for who puts the packet together.
TEST(FrameTest, DescribesFragments) {
  const Bytes ipv4 =
      from_hex("4500 0024 a104 2003 4011 0000 7f000001 7f000001 000102030405060708090a0b0c0d0e0f");
  Fragment fragment;
  EXPECT_EQ(outcome(decode_frame(kLinkTypeRaw, ipv4, ipv4.size(), {.fragment = &fragment})),
            "fragment");
  EXPECT_EQ(fragment.identification, 0xA104U);
  EXPECT_EQ(fragment.protocol, 17);
  EXPECT_EQ(fragment.offset, 24U);
  EXPECT_TRUE(fragment.more);
  EXPECT_EQ(fragment.bytes.size(), 16U);
  EXPECT_EQ(fragment.packet.source.to_string(), "127.0.0.1:0");
  const Bytes ipv6 = from_hex(
      "6000 0000 0010 2c40 20010db8000000000000000000000001 20010db8000000000000000000000002"
      "3c 00 0010 deadbeef 0001020304050607");
  EXPECT_EQ(outcome(decode_frame(kLinkTypeRaw, ipv6, ipv6.size(), {.fragment = &fragment})),
            "fragment");
  EXPECT_EQ(fragment.identification, 0xDEADBEEFU);
  EXPECT_EQ(fragment.protocol, 60);
  EXPECT_EQ(fragment.offset, 16U);
  EXPECT_FALSE(fragment.more);
  EXPECT_EQ(fragment.bytes.size(), 8U);
}

struct Skipped {
  const char* what;
  Bytes frame;
  SkipReason reason;
};

// What holds no datagram is skipped for a reason that says what it is.
TEST(FrameTest, SaysWhyFramesAreSkipped) {
  const Bytes& any = kTcpdumpAny;
  const std::vector<Skipped> frames = {
      {"ARP", with_byte(any, 1, 0x06), SkipReason::kNotIp},
      {"TCP", with_byte(any, kIp + 9, 6), SkipReason::kNotUdp},
      {"first fragment", with_byte(any, kIp + 6, 0x20), SkipReason::kFragment},
      {"later fragment", with_byte(any, kIp + 7, 0x01), SkipReason::kFragment},
      {"IPv6 in an IPv4 ether type", with_byte(any, kIp, 0x65), SkipReason::kBadIpHeader},
      {"header of 16 bytes", with_byte(any, kIp, 0x44), SkipReason::kBadIpHeader},
      {"total below header", with_byte(any, kIp + 3, 19), SkipReason::kBadIpHeader},
      {"total of zero", with_byte(any, kIp + 3, 0), SkipReason::kBadIpHeader},
      {"total beyond the frame", with_byte(any, kIp + 3, 0x24), SkipReason::kTruncated},
      {"no room for UDP", with_byte(any, kIp + 3, 27), SkipReason::kBadUdpLength},
      {"UDP length 7", with_byte(any, kUdp4 + 5, 7), SkipReason::kBadUdpLength},
      {"UDP length 0", with_byte(any, kUdp4 + 5, 0), SkipReason::kBadUdpLength},
      {"UDP beyond IP", with_byte(any, kUdp4 + 5, 0x10), SkipReason::kBadUdpLength},
      {"IPv4 in an IPv6 ether type", with_byte(with_byte(any, 0, 0x86), 1, 0xDD),
       SkipReason::kTruncated},
      {"version 4", with_byte(with_extensions(17, ""), kIp, 0x45), SkipReason::kBadIpHeader},
      {"ICMPv6", with_extensions(58, ""), SkipReason::kNotUdp},
      {"no next header", with_extensions(59, ""), SkipReason::kNotUdp},
      {"fragment with more", with_extensions(44, "11 00 0001 00000001"), SkipReason::kFragment},
      {"fragment behind", with_extensions(44, "11 00 0008 00000001"), SkipReason::kFragment},
      {"ESP", with_extensions(50, ""), SkipReason::kEncrypted},
      {"mobility", with_extensions(135, "1100000000000000"), SkipReason::kExtensionHeader},
      {"segments left", with_extensions(43, "11 00 04 01 00000000"), SkipReason::kExtensionHeader},
      {"options beyond the packet", with_extensions(0, "11 03 010400000000"),
       SkipReason::kBadIpHeader},
      {"chain without end", with_extensions(0, "00 00 010400000000 00 00 010400000000 00 00"),
       SkipReason::kBadIpHeader},
      {"IPv6 payload beyond the frame", with_extensions(17, "", 1), SkipReason::kTruncated},
      {"IPv6 payload of zero", with_byte(with_extensions(17, ""), kIp + 5, 0),
       SkipReason::kBadUdpLength},
  };
  for (const Skipped& skipped : frames) {
    EXPECT_EQ(outcome(decode(skipped.frame)), to_string(skipped.reason)) << skipped.what;
  }
  for (const int link_type : {-1, 2, 10, 117, 147, 277}) {
    EXPECT_EQ(outcome(decode(any, link_type)), "link_type") << link_type;
  }
}

// Whatever is cut off a frame, the rest is skipped: as snapped when the capture says that there was
// more, else as truncated.
TEST(FrameTest, EveryCutIsNoticed) {
  const std::vector<std::pair<int, Bytes>> frames = {
      {kLinkTypeLinuxSll2, kTcpdumpAny},
      {kLinkTypeEthernet, kTcpdumpLo},
      {kLinkTypeLinuxSll2, encoded(frame_of(from_text("Michael"), true))},
      {kLinkTypeLinuxSll2, with_extensions(0,
                                           "3c 00 010400000000 2c 00 010400000000 "
                                           "11 ff 0000 00000001")},
  };
  for (const auto& [link_type, frame] : frames) {
    for (std::size_t size = 0; size < frame.size(); ++size) {
      // An allocation of exactly that size, so that a sanitizer sees any read behind it.
      const Bytes cut(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_EQ(outcome(decode_frame(link_type, cut, frame.size())), "snapped") << size;
      EXPECT_EQ(outcome(decode_frame(link_type, cut, size)), "truncated") << size;
      EXPECT_EQ(outcome(decode_frame(link_type, cut, 0)), "truncated") << size;
    }
    EXPECT_EQ(outcome(decode_frame(link_type, frame, frame.size())), "datagram");
  }
}

// A payload lies in its frame, whatever the bytes say.
TEST(FrameTest, PayloadLiesInTheFrame) {
  const Bytes seeds[] = {kTcpdumpAny, encoded(frame_of(from_text("Michael"), true)),
                         with_extensions(60, "11 01 010c000000000000000000000000")};
  std::size_t datagrams = 0;
  for (std::uint64_t round = 0; round < 200'000; ++round) {
    const RandomStream random = RandomStream(2).stream(round);
    Bytes frame = seeds[round % std::size(seeds)];
    for (std::uint64_t n = 1; n <= 1 + random.at(0) % 3; ++n) {
      frame[uniform_below(random.at(2 * n), frame.size())] =
          static_cast<std::byte>(random.at(2 * n + 1) & 0xFF);
    }
    const Decoded decoded = decode(frame);
    if (const auto* found = std::get_if<Frame>(&decoded)) {
      ++datagrams;
      ASSERT_GE(found->payload.data(), frame.data());
      ASSERT_LE(found->payload.data() + found->payload.size(), frame.data() + frame.size());
    }
  }
  EXPECT_GT(datagrams, 10'000U);
}

// Words are what summaries and JSON show, so they are all there and all different.
TEST(FrameTest, WordsAreDistinct) {
  std::vector<std::string_view> words;
  for (std::size_t i = 0; i < kSkipReasonCount; ++i) {
    words.push_back(to_string(static_cast<SkipReason>(i)));
  }
  for (const Checksum checksum :
       {Checksum::kGood, Checksum::kBad, Checksum::kAbsent, Checksum::kOffloaded}) {
    words.push_back(to_string(checksum));
  }
  for (const PacketType type :
       {PacketType::kUnknown, PacketType::kIncoming, PacketType::kOutgoing}) {
    words.push_back(to_string(type));
  }
  std::ranges::sort(words);
  EXPECT_EQ(std::ranges::adjacent_find(words), words.end());
  EXPECT_THAT(words, testing::Each(testing::Not(testing::IsEmpty())));
}

}  // namespace
}  // namespace lossy
