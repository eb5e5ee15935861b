#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <lossy/harness/capture/frame_for_test.hpp>

namespace lossy {
namespace {

// Of Ethernet, from the ether type on.
Decoded decode(const std::string& hex, bool inner = false) {
  static TestBytes frame;  // What is decoded lies in it.
  frame = from_hex(kMacs + hex);
  return decode_frame(kLinkTypeEthernet, frame, frame.size(), {.inner = inner});
}

std::string outcome_of(const std::string& hex, bool inner = false) {
  return outcome(decode(hex, inner));
}

struct Case {
  const char* what;
  std::string frame;  // From the ether type on.
  std::string carriers;
  std::uint16_t vlan = 0;
};

// The datagram is found; whatever is cut off, the rest is skipped.
void check(const Case& one, bool inner = false) {
  SCOPED_TRACE(one.what);
  const TestBytes bytes = from_hex(kMacs + one.frame);
  const DecodeOptions options{.inner = inner};
  const Decoded decoded = decode_frame(kLinkTypeEthernet, bytes, bytes.size(), options);
  ASSERT_EQ(outcome(decoded), "datagram");
  const Frame& frame = std::get<Frame>(decoded);
  EXPECT_EQ(to_text(frame.payload), "Michael");
  EXPECT_EQ(frame.destination.port(), 9999);
  EXPECT_EQ(frame.vlan, one.vlan);
  EXPECT_EQ(frame.ip_checksum, Checksum::kGood);
  EXPECT_EQ(words_of(frame.carriers), one.carriers);
  expect_skipped_when_cut(kLinkTypeEthernet, bytes, options);
}

const std::string kEthernet = kMacs + "0800" + kMichael4;

// A tag's number has 12 bits; above them are its priority and whether it may be dropped.
TEST(CarriersTest, TagsKeepTheirPriorityToThemselves) {
  const auto vlan_of = [](const std::string& tags) {
    return std::get<Frame>(decode(tags + "0800" + kMichael4)).vlan;
  };
  EXPECT_EQ(vlan_of("8100 0001"), 1);
  EXPECT_EQ(vlan_of("8100 e001"), 1) << "priority 7";
  EXPECT_EQ(vlan_of("8100 1001"), 1) << "may be dropped";
  EXPECT_EQ(vlan_of("8100 ffff"), 4095);
  EXPECT_EQ(vlan_of("8100 f000"), 0) << "a priority alone";
  EXPECT_EQ(vlan_of("8100 5555"), 0x555);
  EXPECT_EQ(vlan_of("8100 aaaa"), 0xAAA);
  EXPECT_EQ(vlan_of("88a8 f064 8100 b065"), 0x65);
  EXPECT_EQ(vlan_of("9100 3064 9100 d065 8100 7066"), 0x66);
}

TEST(CarriersTest, VnTag) {
  check({"a VN-Tag", "8926 8001c002 0800" + kMichael4, "vn_tag"});
  check({"and a VLAN's", "8926 8001c002 8100 f007 86dd" + kMichael6, "vn_tag", 7});
  check({"the other way round", "8100 f007 8926 8001c002 86dd" + kMichael6, "vn_tag", 7});
  EXPECT_EQ(outcome_of("8926 8001c002 0806" + kArp), "not_ip");
}

TEST(CarriersTest, Llc) {
  check({"SNAP", "002b aaaa03 000000 0800" + kMichael4, "llc"});
  check({"SNAP, IPv6, tagged", "8100 f003 003f aaaa03 000000 86dd" + kMichael6, "llc", 3});
  check({"IPv4 in 802.2", "0026 060603" + kMichael4, "llc"});
  EXPECT_EQ(outcome_of("002a aaaa03 000000 0800" + kMichael4), "truncated") << "a byte less";
  EXPECT_EQ(outcome_of("002b aaaa03 000000 0800" + kMichael4 + "ffff"), "datagram") << "padded";
  EXPECT_EQ(outcome_of("05dc aaaa03 000000 0800" + kMichael4), "datagram") << "1500 bytes";
  EXPECT_EQ(outcome_of("05dd aaaa03 000000 0800" + kMichael4), "not_ip") << "no length";
  EXPECT_EQ(outcome_of("0003 060603" + kMichael4), "truncated");
  EXPECT_EQ(outcome_of("0002 060603" + kMichael4), "not_ip") << "no room for 802.2";
  EXPECT_EQ(outcome_of("0026 ffff03" + kMichael4), "not_ip") << "Novell's";
}

TEST(CarriersTest, Pppoe) {
  check({"IPv4", "8864 1100 0007 0025 0021" + kMichael4, "pppoe"});
  check({"IPv6, one byte", "8864 1100 0007 0038 57" + kMichael6, "pppoe"});
  check({"MPLS, tagged", "8100 e009 8864 1100 0007 0029 0281 00010140" + kMichael4, "pppoe, mpls",
         9});
  EXPECT_EQ(outcome_of("8864 1100 0007 0024 0021" + kMichael4), "truncated") << "a byte less";
  EXPECT_EQ(outcome_of("8864 1100 0007 0025 0021" + kMichael4 + "ffff"), "datagram") << "padded";
  EXPECT_EQ(outcome_of("8864 1109 0007 0025 0021" + kMichael4), "bad_carrier");
  EXPECT_EQ(outcome_of("8864 2100 0007 0025 0021" + kMichael4), "bad_carrier");
  EXPECT_EQ(outcome_of("8863 1109 0000 0004 01010000"), "not_ip") << "setting one up";
  EXPECT_EQ(outcome_of("8864 1100 0007 0006 c021 0101 0004"), "not_ip") << "LCP";
}

// Labels up to the one that is marked as the last; then IP, or Ethernet as what it looks like.
TEST(CarriersTest, Mpls) {
  check({"a label", "8847 000101ff" + kMichael4, "mpls"});
  check({"to many, IPv6", "8848 fffff1ff" + kMichael6, "mpls"});
  check({"three", "8847 00010040 0002fe40 00030140" + kMichael4, "mpls"});
  check({"Ethernet behind a control word", "8847 00010140 00000000" + kEthernet, "mpls"});
  check({"numbered", "8847 00010140 0000ffff" + kMacs + "8100 e005 86dd" + kMichael6, "mpls", 5});
  check({"Ethernet without", "8847 00010140" + kEthernet, "mpls"});
  check({"IPv6 in it", "8847 00010140" + kMacs + "86dd" + kMichael6, "mpls"});
  check({"tagged", "8847 00010140" + kMacs + "8100 e005 86dd" + kMichael6, "mpls", 5});
  check({"to another address", "8847 00010140 820000000002 020000000001 0800" + kMichael4, "mpls"});
  EXPECT_EQ(outcome_of("8847 00010140 10000021" + kMichael4), "not_ip") << "the channel beside";
  EXPECT_EQ(outcome_of("8847 00010140" + kMacs + "0806" + kArp), "not_ip");
  EXPECT_EQ(outcome_of("8847 00010140 00000000" + kMacs + "0806" + kArp), "not_ip");
}

// Both versions that there are, and the three kinds of frames that carry whole ones.
TEST(CarriersTest, Batman) {
  const std::string to = "020000000009";
  const std::string numbered = "00 00000001 020000000008";
  check({"to one", "4305 40 0f 32 01" + to + kEthernet, "batman"});
  check({"with four addresses", "4305 42 0f 32 01" + to + "020000000008 01 00" + kEthernet,
         "batman"});
  check({"to all", "4305 01 0f 32" + numbered + kEthernet, "batman"});
  check({"to one, 14", "4305 03 0e 32 01" + to + kEthernet, "batman"});
  check({"to all, 14", "4305 04 0e 32" + numbered + kEthernet, "batman"});
  check(
      {"four addresses, 14", "4305 09 0e 32 01" + to + "020000000008 01 00" + kEthernet, "batman"});
  EXPECT_EQ(outcome_of("4305 41 0f 32 01" + to + to + "00000000" + kEthernet), "link_fragment");
  EXPECT_EQ(outcome_of("4305 06 0e 32 01" + to + to + "00000000" + kEthernet), "link_fragment");
  EXPECT_EQ(outcome_of("4305 00 0f 32" + numbered + kEthernet), "not_ip")
      << "what it says of itself";
  EXPECT_EQ(outcome_of("4305 06 0f 32" + numbered + kEthernet), "not_ip");
  EXPECT_EQ(outcome_of("4305 41 0e 32" + numbered + kEthernet), "not_ip");
  EXPECT_EQ(outcome_of("4305 40 10 32 01" + to + kEthernet), "bad_carrier") << "version 16";
  EXPECT_EQ(outcome_of("4305 40 0d 32 01" + to + kEthernet), "bad_carrier") << "version 13";
}

TEST(CarriersTest, IpInIp) {
  const std::string v4 = "0800";
  const std::string v6 = "86dd";
  check({"4 in 4", v4 + ipv4_of(4, kMichael4), "ipv4_in_ip"});
  check({"6 in 4", v4 + ipv4_of(41, kMichael6), "ipv6_in_ip"});
  check({"4 in 6", v6 + ipv6_of(4, kMichael4), "ipv4_in_ip"});
  check({"6 in 6", v6 + ipv6_of(41, kMichael6), "ipv6_in_ip"});
  check({"twice", v4 + ipv4_of(41, ipv6_of(4, kMichael4)), "ipv4_in_ip, ipv6_in_ip"});
  check({"MPLS", v4 + ipv4_of(137, "00010140" + kMichael4), "mpls"});
  check({"Ethernet", v4 + ipv4_of(97, "3000" + kEthernet), "ether_ip"});
  check({"Ethernet, IPv6", v6 + ipv6_of(97, "3000" + kEthernet), "ether_ip"});
  EXPECT_EQ(outcome_of(v4 + ipv4_of(97, "2000" + kEthernet)), "bad_carrier");
  EXPECT_EQ(outcome_of(v4 + ipv4_of(97, "3001" + kEthernet)), "bad_carrier");
  EXPECT_EQ(outcome_of(v4 + ipv4_of(4, kMichael6)), "bad_ip_header");
  EXPECT_EQ(outcome_of(v4 + ipv4_of(50, kMichael4)), "encrypted");
  EXPECT_EQ(outcome_of(v6 + ipv6_of(50, kMichael4)), "encrypted");
  for (const int extension : {0, 43, 44, 60, 135, 139, 140}) {
    EXPECT_EQ(outcome_of(v4 + ipv4_of(static_cast<std::uint8_t>(extension),
                                      "1100000000000000" + kMichael4)),
              "not_udp")
        << extension << " is one of IPv6 only";
  }
}

// What is said of the datagram is said by the headers next to it; a bad checksum anywhere counts.
TEST(CarriersTest, InnermostHeadersCount) {
  Frame frame = std::get<Frame>(decode("0800" + ipv4_of(4, kMichael4)));
  EXPECT_EQ(frame.source.to_string(), "127.0.0.1:50434");
  EXPECT_EQ(frame.identification, 0xA104U);
  EXPECT_EQ(frame.udp_checksum, Checksum::kGood);
  std::string outer = ipv4_of(4, kMichael4);
  outer.replace(2 * 8, 2, "3f");  // Its time to live.
  frame = std::get<Frame>(decode("0800" + outer));
  EXPECT_EQ(frame.ip_checksum, Checksum::kBad);
  EXPECT_EQ(frame.ttl, 64);
  std::string absent = kMichael4;
  absent.replace(absent.find("9bc3"), 4, "0000");
  EXPECT_EQ(std::get<Frame>(decode("0800" + ipv4_of(4, absent))).ip_checksum, Checksum::kAbsent);
  outer.replace(40, std::string::npos, absent);
  EXPECT_EQ(std::get<Frame>(decode("0800" + outer)).ip_checksum, Checksum::kBad);
}

// Its length counts units of 4 bytes beyond the first two.
TEST(CarriersTest, AuthenticationHeader) {
  const std::string udp4 = "c502 270f 000f 0000 4d69636861656c";
  const std::string icv = "00112233445566778899aabb";
  check({"IPv4", "0800" + ipv4_of(51, "11 04 0000 00000001 00000001" + icv + udp4),
         "authentication"});
  check({"a longer one",
         "0800" + ipv4_of(51, "11 06 0000 00000001 00000001" + icv + "0011223344556677" + udp4),
         "authentication"});
  check({"IPv6", "86dd" + ipv6_of(51, "11 04 0000 00000001 00000001" + icv + udp4),
         "authentication"});
  check({"in between",
         "86dd" + ipv6_of(0, "33 00 010400000000 3c 04 0000 00000001 00000001" + icv +
                                 "11 00 010400000000" + udp4),
         "authentication"});
  check({"around a packet", "0800" + ipv4_of(51, "04 04 0000 00000001 00000001" + icv + kMichael4),
         "ipv4_in_ip, authentication"});
  EXPECT_EQ(outcome_of("0800" + ipv4_of(51, "06 04 0000 00000001 00000001" + icv + udp4)),
            "not_udp");
  EXPECT_EQ(outcome_of("0800" + ipv4_of(51, "00 04 0000 00000001 00000001" + icv + udp4)),
            "not_udp");
  EXPECT_EQ(outcome_of("0800" + ipv4_of(51, "11 ff 0000 00000001 00000001" + icv + udp4)),
            "bad_ip_header");
}

// The fields that its flags say are there are passed, and carry what an ether type says.
TEST(CarriersTest, Gre) {
  const auto gre = [](const std::string& content) { return "0800" + ipv4_of(47, content); };
  check({"plain", gre("0000 0800" + kMichael4), "gre"});
  check({"IPv6, in IPv6", "86dd" + ipv6_of(47, "0000 86dd" + kMichael6), "gre"});
  check({"a checksum", gre("8000 0800 12340000" + kMichael4), "gre"});
  check({"a key", gre("2000 0800 00000007" + kMichael4), "gre"});
  check({"a number", gre("1000 0800 00000007" + kMichael4), "gre"});
  check({"all of them", gre("b000 0800 12340000 00000007 00000001" + kMichael4), "gre"});
  check({"flags that say nothing", gre("0ff8 0800" + kMichael4), "gre"});
  check({"Ethernet", gre("2000 6558 00000007" + kEthernet), "gre"});
  check({"tagged Ethernet", gre("0000 6558" + kMacs + "8100 f00c 0800" + kMichael4), "gre", 12});
  check({"MPLS", gre("0000 8847 00010140" + kMichael4), "mpls, gre"});
  EXPECT_EQ(outcome_of(gre("0000 0806" + kArp)), "not_ip");
  EXPECT_EQ(outcome_of(gre("4000 0800 00000000 00000000" + kMichael4)), "bad_carrier") << "a route";
  for (const char* version : {"0001 0800", "0002 0800", "0004 0800", "0002 880b", "0005 880b"}) {
    EXPECT_EQ(outcome_of(gre(version + kMichael4)), "bad_carrier") << version;
  }
  EXPECT_EQ(words_of(carriers_of(decode(gre("0000 0800" + ipv4_of(6, "00"))))), "gre");
}

TEST(CarriersTest, Pptp) {
  const auto gre = [](const std::string& content) { return "0800" + ipv4_of(47, content); };
  check({"numbered", gre("3001 880b 0027 0007 00000001 ff03 0021" + kMichael4), "ppp, gre"});
  check(
      {"acknowledging", gre("3081 880b 0039 0007 00000001 00000002 0057" + kMichael6), "ppp, gre"});
  EXPECT_EQ(outcome_of(gre("2081 880b 0000 0007 00000002")), "not_ip") << "it carries nothing";
  EXPECT_EQ(outcome_of(gre("2081 880b 0000 0007 0000")), "truncated");
  EXPECT_EQ(outcome_of(gre("3001 880b 0022 0007 00000001 ff03 0021" + kMichael4)), "truncated");
  EXPECT_EQ(outcome_of(gre("3001 880b 0027 0007 00000001 ff03 00fd" + kMichael4)), "encrypted");
}

TEST(CarriersTest, Erspan) {
  const auto gre = [](const std::string& content) { return "0800" + ipv4_of(47, content); };
  const std::string three = "2064 0001 00000000 0000";
  check({"type I", gre("0000 88be" + kEthernet), "gre, erspan"});
  check({"type II", gre("1000 88be 00000001 1064 0001 00000000" + kEthernet), "gre, erspan"});
  check({"type III", gre("1000 22eb 00000001" + three + "0000" + kEthernet), "gre, erspan"});
  check(
      {"with all else set", gre("1000 22eb 00000001" + three + "83fe" + kEthernet), "gre, erspan"});
  check({"with a subheader",
         gre("1000 22eb 00000001" + three + "0001 0000000000000000" + kEthernet), "gre, erspan"});
  check({"of IP", gre("1000 22eb 00000001" + three + "0800" + kMichael6), "gre, erspan"});
  for (const char* kind : {"0400", "0c00", "1000", "1800", "2000", "4000"}) {
    EXPECT_EQ(outcome_of(gre("1000 22eb 00000001" + three + kind + kMichael6)), "not_ip") << kind;
  }
  EXPECT_EQ(outcome_of(gre("1000 88be 00000001 2064 0001 00000000" + kEthernet)), "bad_carrier");
  EXPECT_EQ(outcome_of(gre("1000 22eb 00000001 1064 0001 00000000 0000 0000" + kEthernet)),
            "bad_carrier");
}

std::string udp_to(std::uint16_t port, const std::string& payload) {
  return ipv4_of(17, "d000" + hex16(port) + hex16(8 + from_hex(payload).size()) + "0000" + payload);
}

const std::string kVxlan = "08000000 00000700";
const std::string kGeneve = "0000 6558 00000700";
const std::string kGtpU = "30 ff 0023 00000001";

// What is a datagram itself counts as that, unless what is inside is asked for; and says what that
// would be.
TEST(CarriersTest, DatagramsThatCarry) {
  struct Inside {
    const char* what;
    std::string packet;
    std::string carriers;
  };
  for (const Inside& one : std::vector<Inside>{
           {"VXLAN", udp_to(4789, kVxlan + kEthernet), "vxlan"},
           {"VXLAN on Linux's port", udp_to(8472, kVxlan + kEthernet), "vxlan"},
           {"VXLAN with a group", udp_to(4789, "88400123 00000700" + kEthernet), "vxlan"},
           {"Geneve", udp_to(6081, kGeneve + kEthernet), "geneve"},
           {"Geneve, options", udp_to(6081, "0240 6558 00000700 0011223344556677" + kEthernet),
            "geneve"},
           {"Geneve, all options",
            udp_to(6081, "3f40 86dd 00000700" + std::string(63 * 8, 'f') + kMichael6), "geneve"},
           {"GTP-U", udp_to(2152, kGtpU + kMichael4), "gtp_u"},
           {"GTP-U, IPv6", udp_to(2152, "30 ff 0037 00000001" + kMichael6), "gtp_u"},
           {"GTP-U, numbered", udp_to(2152, "32 ff 0027 00000001 0007 00 85" + kMichael4), "gtp_u"},
           {"GTP-U, a number of N-PDU", udp_to(2152, "31 ff 0027 00000001 0000 07 85" + kMichael4),
            "gtp_u"},
           {"GTP-U, extensions",
            udp_to(2152,
                   "34 ff 0033 00000001 0000 00 85 01 1009 c0"
                   "02 000000000000 00" +
                       kMichael4),
            "gtp_u"},
           {"VXLAN in VXLAN",
            udp_to(4789, kVxlan + kMacs + "0800" + udp_to(4789, kVxlan + kEthernet)), "vxlan"},
           {"GTP-U in Geneve", udp_to(6081, "0000 0800 00000700" + udp_to(2152, kGtpU + kMichael4)),
            "geneve, gtp_u"},
       }) {
    SCOPED_TRACE(one.what);
    const Decoded outer = decode("0800" + one.packet);
    ASSERT_EQ(outcome(outer), "datagram");
    EXPECT_EQ(std::get<Frame>(outer).source.port(), 0xD000);
    EXPECT_EQ(words_of(carriers_of(outer)), "");
    const auto inside = decode_inside(std::get<Frame>(outer));
    ASSERT_TRUE(inside.has_value());
    ASSERT_EQ(outcome(*inside), "datagram");
    check({"inside", "0800" + one.packet, one.carriers}, true);
  }
  const Frame outer = std::get<Frame>(decode("0800" + udp_to(4789, kVxlan + kEthernet)));
  EXPECT_EQ(to_text(std::get<Frame>(*decode_inside(outer)).payload), "Michael");
}

// What does not look like what its port says is a datagram like any other, asked for or not.
TEST(CarriersTest, DatagramsThatCarryNothing) {
  for (const std::string& packet : {
           udp_to(4788, kVxlan + kEthernet),
           udp_to(4789, "f7000000 00000700" + kEthernet),
           udp_to(4789, "08000000 000007"),
           udp_to(6080, kGeneve + kEthernet),
           udp_to(6081, "4000 6558 00000700" + kEthernet),
           udp_to(6081, "8000 6558 00000700" + kEthernet),
           udp_to(6081, "0080 6558 00000700" + kEthernet),
           udp_to(6081, "0100 6558 00000700 000000"),
           udp_to(2152, "50 ff 0023 00000001" + kMichael4),
           udp_to(2152, "20 ff 0023 00000001" + kMichael4),
           udp_to(2152, "b0 ff 0023 00000001" + kMichael4),
           udp_to(2152, "70 ff 0023 00000001" + kMichael4),
           udp_to(2152, "30 01 0023 00000001" + kMichael4),
           udp_to(2152, "30 ff 0024 00000001" + kMichael4),
           udp_to(2152, "30 ff 0123 00000001" + kMichael4),
           udp_to(2152, "32 ff 0003 00000001 000000"),
           udp_to(2152, "34 ff 0008 00000001 000000 85 00 000000"),
           udp_to(2152, "34 ff 0008 00000001 000000 85 02 000000"),
           udp_to(2152, "34 ff 0004 00000001 000000 85"),
           udp_to(2152, "30 ff 0023 0000"),
       }) {
    const Decoded decoded = decode("0800" + packet, true);
    ASSERT_EQ(outcome(decoded), "datagram") << packet;
    EXPECT_EQ(std::get<Frame>(decoded).source.port(), 0xD000) << packet;
    EXPECT_EQ(words_of(carriers_of(decoded)), "") << packet;
    EXPECT_FALSE(decode_inside(std::get<Frame>(decoded)).has_value()) << packet;
  }
  // It is one, and has no datagram in it.
  const std::string arp = udp_to(4789, kVxlan + kMacs + "0806" + kArp);
  EXPECT_EQ(outcome_of("0800" + arp), "datagram");
  EXPECT_EQ(outcome_of("0800" + arp, true), "not_ip");
  EXPECT_EQ(outcome(*decode_inside(std::get<Frame>(decode("0800" + arp)))), "not_ip");
  EXPECT_EQ(words_of(carriers_of(decode("0800" + arp, true))), "vxlan");
  EXPECT_EQ(outcome_of("0800" + udp_to(2152, "30 ff 0001 00000001 50"), true), "not_ip");
  EXPECT_EQ(outcome_of("0800" + udp_to(2152, "30 ff 0000 00000001"), true), "not_ip");
  EXPECT_EQ(outcome_of("0800" + udp_to(2152, "30 ff 0022 00000001" + kMichael4), true),
            "truncated");
}

// However often packets are carried in each other, there is an end to it, which is said.
TEST(CarriersTest, NestingIsBounded) {
  for (const bool in_ip : {true, false}) {
    std::string packet = kMichael4;
    for (unsigned depth = 1; depth <= kCarriersMax + 3; ++depth) {
      packet = in_ip ? ipv4_of(4, packet) : udp_to(4789, kVxlan + kMacs + "0800" + packet);
      // VXLAN goes two ways further: it carries Ethernet, which might carry others.
      const bool bounded = in_ip ? depth > kCarriersMax : 2 * depth > kCarriersMax;
      EXPECT_EQ(outcome_of("0800" + packet, true), bounded ? "too_deep" : "datagram") << depth;
    }
  }
  std::string labels;
  for (int i = 0; i < 100; ++i) labels += "00010040";
  EXPECT_EQ(outcome_of("8847" + labels + "00010140" + kMichael4), "datagram") << "a stack is one";
  std::string headers;
  for (unsigned i = 0; i < kCarriersMax; ++i) headers += "33 01 0000 00000001 00000001";
  EXPECT_EQ(outcome_of("0800" + ipv4_of(51, headers + "11 01 0000 00000001 00000001")), "too_deep");
}

}  // namespace
}  // namespace lossy
