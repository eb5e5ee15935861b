#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <lossy/harness/capture/frame_for_test.hpp>

namespace lossy {
namespace {

Decoded decode(int link_type, const std::string& hex) {
  static TestBytes frame;  // What is decoded lies in it.
  frame = from_hex(hex);
  return decode_frame(link_type, frame, frame.size());
}

std::string outcome_of(int link_type, const std::string& hex) {
  return outcome(decode(link_type, hex));
}

struct Case {
  const char* what;
  int link_type;
  std::string frame;
  std::string carriers = "";
  PacketType type = PacketType::kUnknown;
  std::string address = "000000000000";
};

// The datagram is found, with what its link says; whatever is cut off, the rest is skipped.
void check(const Case& one) {
  SCOPED_TRACE(one.what);
  const TestBytes bytes = from_hex(one.frame);
  const Decoded decoded = decode_frame(one.link_type, bytes, bytes.size());
  ASSERT_EQ(outcome(decoded), "datagram");
  const Frame& frame = std::get<Frame>(decoded);
  EXPECT_EQ(to_text(frame.payload), "Michael");
  EXPECT_EQ(frame.destination.port(), 9999);
  EXPECT_EQ(frame.type, one.type);
  EXPECT_EQ(frame.ip_checksum, Checksum::kGood);
  EXPECT_EQ(words_of(frame.carriers), one.carriers);
  EXPECT_EQ(to_hex(std::as_bytes(std::span(frame.link_address))), one.address);
  expect_skipped_when_cut(one.link_type, bytes);
}

const std::string kSnap4 = "aaaa03 000000 0800" + kMichael4;
const std::string kSnap6 = "aaaa03 000000 86dd" + kMichael6;

// PPP with and without HDLC's address and control, and with the protocol's first byte left out.
TEST(LinkLayersTest, Ppp) {
  const auto in = PacketType::kIncoming;
  const auto out = PacketType::kOutgoing;
  for (const Case& one : std::vector<Case>{
           {"PPP", kLinkTypePpp, "0021" + kMichael4, "ppp"},
           {"PPP, IPv6", kLinkTypePpp, "0057" + kMichael6, "ppp"},
           {"PPP, a protocol of one byte", kLinkTypePpp, "21" + kMichael4, "ppp"},
           {"PPP, one byte, IPv6", kLinkTypePpp, "57" + kMichael6, "ppp"},
           {"PPP like HDLC", kLinkTypePpp, "ff03 0021" + kMichael4, "ppp"},
           {"PPP like HDLC, one byte", kLinkTypePpp, "ff03 57" + kMichael6, "ppp"},
           {"PPP, MPLS", kLinkTypePpp, "0281 00010140" + kMichael4, "ppp, mpls"},
           {"PPP, MPLS to many", kLinkTypePpp, "0283 00010140" + kMichael6, "ppp, mpls"},
           {"PPP_HDLC", kLinkTypePppHdlc, "ff03 0021" + kMichael4, "ppp"},
           {"PPP_HDLC, Cisco's", kLinkTypePppHdlc, "0f00 0800" + kMichael4},
           {"PPP_HDLC, Cisco's to many", kLinkTypePppHdlc, "8f00 86dd" + kMichael6},
           {"Cisco's HDLC", kLinkTypeCiscoHdlc, "0f00 86dd" + kMichael6},
           {"PPP_PPPD, in", kLinkTypePppPppd, "0003 0021" + kMichael4, "ppp", in},
           {"PPP_PPPD, out", kLinkTypePppPppd, "0103 0057" + kMichael6, "ppp", out},
           {"direction, in", kLinkTypePppDirection, "00 0021" + kMichael4, "ppp", in},
           {"direction, out", kLinkTypePppDirection, "ff ff03 0021" + kMichael4, "ppp", out},
           {"PPPoE", kLinkTypePppoe, "1100 0007 0025 0021" + kMichael4, "pppoe"},
       }) {
    check(one);
  }
  EXPECT_EQ(outcome_of(kLinkTypePpp, "c021 0101 0004"), "not_ip") << "LCP";
  EXPECT_EQ(outcome_of(kLinkTypePpp, "0053" + kMichael4), "encrypted");
  EXPECT_EQ(outcome_of(kLinkTypePpp, "00fd" + kMichael4), "encrypted");
  EXPECT_EQ(outcome_of(kLinkTypePpp, "0f00 0800" + kMichael4), "not_ip") << "Cisco's needs saying";
  EXPECT_EQ(outcome_of(kLinkTypeCiscoHdlc, "0f00 8035" + kArp), "not_ip");
}

// Attributes in the order of either kind of machine, each padded to a multiple of 4 bytes.
TEST(LinkLayersTest, Nflog) {
  for (const Case& one : std::vector<Case>{
           {"alone", kLinkTypeNflog,
            "02 00 0001"
            "2700 0900" +
                kMichael4},
           {"big-endian", kLinkTypeNflog,
            "02 00 0001"
            "0027 0009" +
                kMichael4},
           {"IPv6", kLinkTypeNflog,
            "0a 00 0000"
            "3b00 0900" +
                kMichael6},
           {"behind others", kLinkTypeNflog,
            "02 00 0001"
            "0800 0100 08000300"
            "0500 0a00 00 ffffff"
            "0800 0500 00000002"
            "2700 0900" +
                kMichael4 + "0800 0200 00000000"},
           {"big-endian, behind others", kLinkTypeNflog,
            "02 00 0001"
            "0008 0001 08000300"
            "0007 000a 414200 ff"
            "0027 0009" +
                kMichael4},
       }) {
    const std::size_t behind = one.what == std::string("behind others") ? 8 : 0;
    Case without = one;
    without.frame = to_hex(from_hex(one.frame));
    without.frame.resize(without.frame.size() - 2 * behind);
    check(without);
    EXPECT_EQ(outcome_of(kLinkTypeNflog, one.frame), "datagram");
  }
  EXPECT_EQ(outcome_of(kLinkTypeNflog, "02 01 0001 2700 0900" + kMichael4), "bad_carrier");
  EXPECT_EQ(outcome_of(kLinkTypeNflog, "02 00 0001 0300 0100 00000000" + kMichael4), "bad_carrier");
  EXPECT_EQ(outcome_of(kLinkTypeNflog, "02 00 0001 0800 0100 08000300"), "truncated");
  EXPECT_EQ(outcome_of(kLinkTypeNflog, "02 00 0001 0c00 0900" + kMichael4), "truncated");
  EXPECT_EQ(outcome_of(kLinkTypeNflog, "07 00 0001 2700 0900 5500" + kMichael4), "not_ip");
}

// PKTAP's header: its length, the next header's kind, a link type, an interface's name, flags.
std::string pktap(const std::string& link_type, const std::string& flags,
                  const std::string& length = "2c010000", const std::string& rest = "") {
  return length + "01000000" + link_type + "656e3000 0000000000000000 0000000000000000 00000000" +
         flags + rest;
}

// Another link type's frames behind what is known of them.
TEST(LinkLayersTest, LinksInLinks) {
  const auto in = PacketType::kIncoming;
  const auto out = PacketType::kOutgoing;
  const std::string rest(std::size_t{2} * (0x12C - 40), '0');
  const std::string ethernet = kMacs + "0800" + kMichael4;
  for (const Case& one : std::vector<Case>{
           {"PKTAP, Ethernet",
            kLinkTypePktap,
            pktap("01000000", "00000000", "2c010000", rest) + ethernet,
            "",
            {},
            "020000000001"},
           {"PKTAP, in", kLinkTypePktap, pktap("0c000000", "01000000", "28000000") + kMichael4, "",
            in},
           {"PKTAP, out", kLinkTypePktap, pktap("65000000", "02000100", "28000000") + kMichael6, "",
            out},
           {"PKTAP of macOS", kLinkTypePktapMacOs,
            pktap("00000000", "04000000", "28000000") + "02000000" + kMichael4},
           {"PPI, Ethernet",
            kLinkTypePpi,
            "00 00 0800 01000000" + ethernet,
            "",
            {},
            "020000000001"},
           {"PPI, fields", kLinkTypePpi,
            "00 01 0e01 e5000000" + std::string(2 * 0x106, '0') + kMichael6},
           {"PPI, 802.11",
            kLinkTypePpi,
            "00 00 0800 69000000"
            "0802 0000 020000000003 020000000002 020000000001 1000" +
                kSnap4,
            "wlan",
            {},
            "020000000001"},
       }) {
    check(one);
  }
  EXPECT_EQ(outcome_of(kLinkTypePktap, pktap("01000000", "00000000", "27000000") + ethernet),
            "bad_carrier");
  EXPECT_EQ(outcome_of(kLinkTypePktap, pktap("93000000", "00000000", "28000000") + ethernet),
            "link_type");
  EXPECT_EQ(outcome_of(kLinkTypePktap, pktap("01000080", "00000000", "28000000") + ethernet),
            "link_type");
  EXPECT_EQ(outcome_of(kLinkTypePpi, "01 00 0800 01000000" + ethernet), "bad_carrier");
  EXPECT_EQ(outcome_of(kLinkTypePpi, "00 00 0700 01000000" + ethernet), "bad_carrier");
  EXPECT_EQ(outcome_of(kLinkTypePpi, "00 00 0800 01000100" + ethernet), "link_type");
  std::string many;
  for (int i = 0; i < 16; ++i) many += "00 00 0800 c0000000";
  EXPECT_EQ(outcome_of(kLinkTypePpi, many + "00 00 0800 01000000" + ethernet), "too_deep");
  EXPECT_EQ(outcome_of(kLinkTypePpi, many.substr(19) + "00 00 0800 01000000" + ethernet),
            "datagram");
}

const std::string kAddresses = "020000000003 020000000002 020000000001";

// Data of all four ways through a distribution system, whose sender is another address each time,
// with and without quality of service and high throughput's control.
TEST(LinkLayersTest, WlanData) {
  const std::string qos = "0000";
  for (const Case& one : std::vector<Case>{
           {"from station to station",
            kLinkTypeWlan,
            "0800 0000" + kAddresses + "0000" + kSnap4,
            "wlan",
            {},
            "020000000002"},
           {"to the distribution system",
            kLinkTypeWlan,
            "0801 3a01" + kAddresses + "f0ff" + kSnap6,
            "wlan",
            {},
            "020000000002"},
           {"from it",
            kLinkTypeWlan,
            "0802 0000" + kAddresses + "1000" + kSnap4,
            "wlan",
            {},
            "020000000001"},
           {"both, four addresses",
            kLinkTypeWlan,
            "0803 0000" + kAddresses + "1000 020000000004" + kSnap4,
            "wlan",
            {},
            "020000000004"},
           {"QoS",
            kLinkTypeWlan,
            "8801 0000" + kAddresses + "1000" + "7fff" + kSnap4,
            "wlan",
            {},
            "020000000002"},
           {"QoS, four addresses",
            kLinkTypeWlan,
            "8803 0000" + kAddresses + "1000 020000000004 0700" + kSnap4,
            "wlan",
            {},
            "020000000004"},
           {"QoS and HT control",
            kLinkTypeWlan,
            "8881 0000" + kAddresses + "1000 0000 12345678" + kSnap4,
            "wlan",
            {},
            "020000000002"},
           {"order without QoS",
            kLinkTypeWlan,
            "0882 0000" + kAddresses + "1000" + kSnap4,
            "wlan",
            {},
            "020000000001"},
           {"retried, asleep, more to come",
            kLinkTypeWlan,
            "083a 0000" + kAddresses + "1000" + kSnap4,
            "wlan",
            {},
            "020000000001"},
           {"with an acknowledgment",
            kLinkTypeWlan,
            "1801 0000" + kAddresses + "1000" + kSnap4,
            "wlan",
            {},
            "020000000002"},
           {"with a poll",
            kLinkTypeWlan,
            "2801 0000" + kAddresses + "1000" + kSnap4,
            "wlan",
            {},
            "020000000002"},
           {"IPv4 in 802.2",
            kLinkTypeWlan,
            "0801 0000" + kAddresses + "1000 060603" + kMichael4,
            "wlan",
            {},
            "020000000002"},
       }) {
    check(one);
  }
}

// What is no data, or cannot be read, says which.
TEST(LinkLayersTest, WlanWithoutDatagram) {
  const auto wlan = [](const std::string& control, const std::string& rest) {
    return outcome_of(kLinkTypeWlan, control + "0000" + kAddresses + rest);
  };
  EXPECT_EQ(wlan("0801", "1000" + kSnap4), "datagram");
  EXPECT_EQ(wlan("8000", "1000" + kSnap4), "not_ip") << "a beacon";
  EXPECT_EQ(wlan("d400", "1000" + kSnap4), "not_ip") << "an acknowledgment";
  EXPECT_EQ(wlan("0c01", "1000" + kSnap4), "not_ip") << "an extension";
  EXPECT_EQ(wlan("0901", "1000" + kSnap4), "not_ip") << "another version";
  EXPECT_EQ(wlan("0a01", "1000" + kSnap4), "not_ip") << "another version";
  EXPECT_EQ(wlan("4801", "1000" + kSnap4), "not_ip") << "null";
  EXPECT_EQ(wlan("c801", "1000 0000" + kSnap4), "not_ip") << "null with QoS";
  EXPECT_EQ(wlan("0841", "1000" + kSnap4), "encrypted");
  EXPECT_EQ(wlan("0805", "1000" + kSnap4), "link_fragment") << "more to come";
  for (const char* number : {"1100", "1200", "1400", "1800"}) {
    EXPECT_EQ(wlan("0801", number + kSnap4), "link_fragment") << number;
  }
  EXPECT_EQ(wlan("8801", "1000 8000" + kSnap4), "aggregated");
  EXPECT_EQ(wlan("0801", "1000 aaaa03 00000c 2000" + kArp), "not_ip") << "Cisco's own";
  EXPECT_EQ(wlan("0801", "1000 aaaa03 0000f8 0800" + kMichael4), "datagram") << "bridged";
  EXPECT_EQ(wlan("0801", "1000 aaaa03 000000 0806" + kArp), "not_ip");
  EXPECT_EQ(wlan("0801", "1000 aaaa03 000000 0026" + kSnap4), "not_ip") << "no ether type";
  EXPECT_EQ(wlan("0801", "1000 424203" + kMichael4), "not_ip") << "a spanning tree";
  EXPECT_EQ(words_of(carriers_of(decode(kLinkTypeWlan, "0841 0000" + kAddresses + "1000"))),
            "wlan");
}

// A radio's header: as many words as say so which fields there are, the time at a multiple of 8,
// and in the flags whether 802.11's header is padded.
TEST(LinkLayersTest, Radiotap) {
  const std::string qos = "8801 0000" + kAddresses + "1000 0000";
  const std::string plain = qos + kSnap4;
  const std::string padded = qos + "ffff" + kSnap4;
  const std::string sender = "020000000002";
  for (const Case& one : std::vector<Case>{
           {"nothing", kLinkTypeRadiotap, "00 00 0800 00000000" + plain, "wlan", {}, sender},
           {"flags", kLinkTypeRadiotap, "00 00 0900 02000000 df" + plain, "wlan", {}, sender},
           {"padded", kLinkTypeRadiotap, "00 00 0900 02000000 20" + padded, "wlan", {}, sender},
           {"a time and flags",
            kLinkTypeRadiotap,
            "00 00 1100 03000000 ffffffffffffffff 20" + padded,
            "wlan",
            {},
            sender},
           {"a time alone",
            kLinkTypeRadiotap,
            "00 00 1000 01000000 2020202020202020" + plain,
            "wlan",
            {},
            sender},
           {"another field",
            kLinkTypeRadiotap,
            "00 00 0900 04000000 20" + plain,
            "wlan",
            {},
            sender},
           {"two words",
            kLinkTypeRadiotap,
            "00 00 0d00 02000080 02000000 20" + padded,
            "wlan",
            {},
            sender},
           {"three words, a time",
            kLinkTypeRadiotap,
            "00 00 1900 03000080 000000a0 00000000 ffffffffffffffff 20" + padded,
            "wlan",
            {},
            sender},
           {"two words, a time behind a gap",
            kLinkTypeRadiotap,
            "00 00 1900 030000a0 00000020 ffffffff 0000000000000000 20" + padded,
            "wlan",
            {},
            sender},
           {"a long header",
            kLinkTypeRadiotap,
            "00 00 0b01 02000000 20" + std::string(2 * 0x102, 'f') + padded,
            "wlan",
            {},
            sender},
           {"four addresses need no padding",
            kLinkTypeRadiotap,
            "00 00 0900 02000000 20"
            "8803 0000" +
                kAddresses + "1000 020000000004 0000" + kSnap4,
            "wlan",
            {},
            "020000000004"},
       }) {
    check(one);
  }
  EXPECT_EQ(outcome_of(kLinkTypeRadiotap, "01 00 0800 00000000" + plain), "bad_carrier");
  EXPECT_EQ(outcome_of(kLinkTypeRadiotap, "00 00 0700 00000000" + plain), "bad_carrier");
  EXPECT_EQ(outcome_of(kLinkTypeRadiotap, "00 00 0800 02000080" + plain), "datagram")
      << "words beyond the header say nothing";
  EXPECT_EQ(outcome_of(kLinkTypeRadiotap, "00 00 0800 02000000" + plain), "datagram")
      << "nor do flags beyond it";
}

// A capture of any interface of Linux has frames without an ether type.
TEST(LinkLayersTest, LinuxWithoutEtherType) {
  const auto sll = [](const std::string& hardware, const std::string& protocol) {
    return "0000" + hardware + "0006 020000000001 0000" + protocol;
  };
  const auto sll2 = [](const std::string& hardware, const std::string& protocol) {
    return protocol + "0000 00000003" + hardware + "00 06 020000000001 0000";
  };
  const auto in = PacketType::kIncoming;
  const std::string radiotap = "00 00 0800 00000000 0801 0000" + kAddresses + "1000" + kSnap4;
  for (const Case& one : std::vector<Case>{
           {"SLL, 802.2", kLinkTypeLinuxSll, sll("0001", "0004") + kSnap4, "llc", in,
            "020000000001"},
           {"SLL2, 802.2", kLinkTypeLinuxSll2, sll2("0001", "0004") + kSnap6, "llc", in,
            "020000000001"},
           {"SLL, radiotap", kLinkTypeLinuxSll, sll("0323", "0004") + radiotap, "wlan", in,
            "020000000002"},
           {"SLL2, radiotap", kLinkTypeLinuxSll2, sll2("0323", "0000") + radiotap, "wlan", in,
            "020000000002"},
       }) {
    check(one);
  }
  EXPECT_EQ(outcome_of(kLinkTypeLinuxSll, sll("0001", "0001") + kSnap4), "not_ip") << "Novell's";
  EXPECT_EQ(outcome_of(kLinkTypeLinuxSll2, sll2("0118", "000c") + kSnap4), "not_ip") << "a CAN bus";
  EXPECT_EQ(outcome_of(kLinkTypeLinuxSll2, sll2("0001", "0005") + kSnap4), "not_ip");
  EXPECT_EQ(outcome_of(kLinkTypeLinuxSll2, sll2("0001", "05ff") + kSnap4), "not_ip");
}

}  // namespace
}  // namespace lossy
