#include <lossy/harness/capture/pcapng_file.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include <lossy/harness/capture/captures_for_test.hpp>
#include <lossy/harness/capture/files_for_test.hpp>
#include <lossy/harness/capture/pcap_file.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

struct Packet {
  std::string frame;
  std::size_t original_bytes = 0;
  Instant time{};
  int link_type = 0;
  std::uint32_t interface = 0;
  PacketType direction = PacketType::kUnknown;
  friend bool operator==(const Packet&, const Packet&) = default;
};
void PrintTo(const Packet& packet, std::ostream* out) {
  *out << packet.frame << " of " << packet.original_bytes << ", link type " << packet.link_type
       << ", interface " << packet.interface << ", " << to_string(packet.direction) << " at "
       << packet.time.time_since_epoch().count();
}

struct Reading {
  bool begun = false;
  std::vector<Packet> packets;
  std::vector<CaptureInterface> interfaces;
  std::string error;
};

template <typename Format = PcapngFile>
Reading read(const std::string& content, std::size_t at_once_max = ~std::size_t{0}) {
  Format file(ByteWindow(std::make_unique<InputStream>(as_bytes(content), at_once_max)));
  Reading reading;
  reading.begun = file.begin();
  CaptureRecord record;
  while (reading.begun && file.next(record)) {
    reading.packets.push_back({to_text(record.frame), record.original_bytes, record.time,
                               record.link_type, record.interface, record.direction});
  }
  reading.interfaces = file.interfaces();
  reading.error = file.error();
  return reading;
}

std::vector<std::string> frames_of(const Reading& reading) {
  std::vector<std::string> frames;
  for (const Packet& packet : reading.packets) frames.push_back(packet.frame);
  return frames;
}

// Every kind of packet, in either byte order, however many bytes there are at a time.
TEST(PcapngFileTest, ReadsEveryKindOfPacket) {
  for (const Number number : {&little, &big}) {
    Pcapng file(number);
    file.section().interface(1, 0, file.option(2, "eth0") + file.option(0, ""));
    file.packet(0, 5'000'000, "abcde", file.option(1, "a comment") + file.flags(1), 2);
    file.simple_packet("simple");
    file.obsolete_packet(0, 0x1'0000'0000, "old", file.flags(2));
    file.packet(0, 6'000'001, "", file.flags(3));
    const std::vector<Packet> expected = {
        {"abcde", 7, Instant(5s), 1, 0, PacketType::kIncoming},
        {"simple", 6, Instant(), 1, 0, PacketType::kUnknown},
        {"old", 3, Instant(0x1'0000'0000us), 1, 0, PacketType::kOutgoing},
        {"", 0, Instant(6s + 1us), 1, 0, PacketType::kUnknown}};
    for (const std::size_t at_once : {1U, 3U, 7U, 1000U}) {
      const Reading reading = read(file.text(), at_once);
      EXPECT_EQ(reading.packets, expected);
      EXPECT_EQ(reading.error, "");
      ASSERT_EQ(reading.interfaces.size(), 1U);
      EXPECT_EQ(reading.interfaces[0].name, "eth0");
      EXPECT_EQ(reading.interfaces[0].link_type, 1);
    }
  }
}

// Interfaces differ as they like, in link type, snapshot length and time, and are declared when
// they are needed; some never have a packet. 101 is RAW, which libpcap calls 12.
TEST(PcapngFileTest, ReadsInterfacesThatDiffer) {
  Pcapng file;
  file.section().interface(0, 100).interface(1, 200).packet(1, 1, "one");
  file.interface(101, 100, file.option(9, "\x09")).packet(2, 2, "two").packet(0, 3, "three");
  const Reading reading = read(file.text());
  EXPECT_EQ(reading.packets, (std::vector<Packet>{{"one", 3, Instant(1us), 1, 1},
                                                  {"two", 3, Instant(2ns), 12, 2},
                                                  {"three", 5, Instant(3us), 0, 0}}));
  EXPECT_EQ(reading.error, "");
}

// Each section has an order and interfaces of its own. What is declared at the same place under the
// same name is the same interface again, as in captures one behind the other.
TEST(PcapngFileTest, ReadsSections) {
  const auto section = [](Number number, const std::string& second, const std::string& frame) {
    Pcapng file(number);
    file.section().interface(1, 0, file.option(2, "eth0"));
    file.interface(1, 0, file.option(2, second));
    return file.packet(0, 0, frame + "0").packet(1, 0, frame + "1").text();
  };
  const Reading reading = read(section(&little, "eth1", "a") + section(&big, "eth1", "b") +
                               section(&little, "eth2", "c"));
  std::vector<std::pair<std::string, std::uint32_t>> seen;
  for (const Packet& packet : reading.packets) seen.emplace_back(packet.frame, packet.interface);
  EXPECT_THAT(seen, ElementsAre(std::pair("a0", 0), std::pair("a1", 1), std::pair("b0", 0),
                                std::pair("b1", 1), std::pair("c0", 0), std::pair("c1", 2)));
  EXPECT_EQ(reading.interfaces.size(), 3U);
  EXPECT_EQ(reading.error, "");
  // The next section begins without any.
  EXPECT_THAT(read(Pcapng().section().interface(1).section().packet(0, 0, "x").text()).error,
              StartsWith("a packet is of interface 0, "));
  EXPECT_THAT(read(Pcapng().section().simple_packet("x").text()).error,
              StartsWith("a packet stands in front of the first interface"));
}

// Names, statistics, secrets, somebody's own blocks and those that nobody knows are passed over.
TEST(PcapngFileTest, PassesOverOtherBlocks) {
  Pcapng file;
  file.section();
  for (const std::uint32_t type : {0U, 4U, 5U, 9U, 10U, 0xBADU, 0x40000BADU, 0x80000001U}) {
    file.block(type, std::string(type % 7, 'x'));
  }
  file.interface(1).block(4, "").packet(0, 0, "one").block(5, std::string(300'000, 'x'));
  file.packet(0, 0, "two").block(10, "secret");
  for (const std::size_t at_once : {1000U, 10'000'000U}) {
    const Reading reading = read(file.text(), at_once);
    EXPECT_THAT(frames_of(reading), ElementsAre("one", "two"));
    EXPECT_EQ(reading.error, "");
  }
}

// What an interface says that it keeps of a packet is not believed; but of a simple packet it tells
// what is only there to fill the block up.
TEST(PcapngFileTest, KeepsWhatIsLongerThanTheSnapshotLength) {
  Pcapng file;
  file.section().interface(1, 6).packet(0, 0, "longer than that").obsolete_packet(0, 0, "so is it");
  file.simple_packet("and longer still").simple_packet("sixsix", 10).simple_packet("six", 10);
  const Reading reading = read(file.text());
  EXPECT_THAT(frames_of(reading), ElementsAre("longer than that", "so is it", "and longer still",
                                              "sixsix", std::string("six\0", 4)));
  EXPECT_EQ(reading.packets[3].original_bytes, 16U);
}

// Options may end without an end, and what is wrong with a packet's is nothing to the packet.
TEST(PcapngFileTest, TakesOptionsAsTheyAre) {
  Pcapng file;
  file.section().interface(1, 0, file.option(9, "\x03"));
  file.packet(0, 5, "one", little(2, 2) + little(400, 2));
  file.packet(0, 5, "two", file.option(2, "x") + file.option(0, "") + file.flags(1));
  const Reading reading = read(file.text());
  EXPECT_EQ(reading.packets,
            (std::vector<Packet>{{"one", 3, Instant(5ms), 1, 0}, {"two", 3, Instant(5ms), 1, 0}}));
  EXPECT_EQ(reading.error, "");
}

// There are writers that do not count what fills a block up, and yet write it.
TEST(PcapngFileTest, TakesLengthsThatAreNoMultipleOfFour) {
  std::string content = Pcapng().section().interface(1).text();
  const std::string body =
      little(0) + little(0) + little(0) + little(5) + little(5) + std::string("abcde\0\0\0", 8);
  const auto size = static_cast<std::uint32_t>(body.size() + 12 - 3);
  content += little(6) + little(size) + body + little(size);
  content += Pcapng().packet(0, 0, "next").text();
  const Reading reading = read(content);
  EXPECT_THAT(frames_of(reading), ElementsAre("abcde", "next"));
  EXPECT_EQ(reading.error, "");
}

// A file that is cut off gives what came before, and an error, wherever the cut is.
TEST(PcapngFileTest, CutOffFileIsNoEnd) {
  const std::string first = Pcapng().section().interface(1).packet(0, 0, "one").text();
  const std::string second = Pcapng().packet(0, 0, "two").text();
  for (std::size_t size = 0; size <= second.size(); ++size) {
    const Reading reading = read(first + second.substr(0, size));
    EXPECT_EQ(reading.packets.size(), size == second.size() ? 2U : 1U);
    EXPECT_EQ(reading.error,
              size % second.size() == 0 ? "" : "it is cut off in the middle of a block");
  }
}

// Each kind of damage has its reason, and what comes before it is there. Lengths beyond all bounds
// take no memory.
TEST(PcapngFileTest, SaysWhatIsDamaged) {
  const std::string start = Pcapng().section().interface(1).packet(0, 0, "one").text();
  const auto block = [](std::uint32_t type, std::uint32_t size, const std::string& body,
                        std::uint32_t size_behind) {
    return little(type) + little(size) + body + little(size_behind);
  };
  const std::string ordered = little(0x1A2B3C4D);
  for (const auto& [damage, reason] : std::vector<std::pair<std::string, const char*>>{
           {block(5, 11, "abcd", 11), "a block says that it has 11 bytes, "},
           {block(5, 0, "abcd", 0), "a block says that it has 0 bytes, "},
           {block(5, 0xFFFFFFF0, "abcd", 16), "a block says that it has 4294967280 bytes, "},
           {block(5, (1 << 24) + 4, "abcd", 16), "a block says that it has 16777220 bytes, "},
           {block(5, 1 << 24, "abcd", 16), "it is cut off"},
           {block(5, 16, "abcd", 20), "a block's length behind it is another"},
           {block(0x0A0D0D0A, 28, std::string(16, 'x'), 28), "a section is in no byte order"},
           {block(0x0A0D0D0A, 24, ordered + std::string(8, '\0'), 24),
            "a block of type 168627466 "},
           {Pcapng().section(2).text(), "it is pcapng of version 2, not 1"},
           {block(1, 16, "abcd", 16), "a block of type 1 is too short"},
           {Pcapng().interface(1, 0, little(9, 2) + little(8, 2)).text(),
            "a block of type 1 is too"},
           {Pcapng().interface(1, 0, Pcapng().option(9, "xx")).text(), "an interface's options"},
           {Pcapng().interface(1, 0, Pcapng().option(14, "x")).text(), "an interface's options"},
           {Pcapng().packet(1, 0, "x").text(), "a packet is of interface 1, which is declared"},
           {block(6, 28, std::string(16, '\0'), 28), "a block of type 6 is too short"},
           {block(2, 28, std::string(16, '\0'), 28), "a block of type 2 is too short"},
           {block(3, 12, "", 12), "a block of type 3 is too short"},
           {block(6, 36, std::string(12, '\0') + little(5) + little(5) + "abcd", 36),
            "a block of type 6 is too short"}}) {
    const Reading reading = read(start + damage + Pcapng().packet(0, 0, "two").text());
    EXPECT_THAT(frames_of(reading), ElementsAre("one")) << reason;
    EXPECT_THAT(reading.error, StartsWith(reason));
  }
  EXPECT_FALSE(read(Pcapng().section(0).text()).begun);
  EXPECT_FALSE(read(Pcapng().section().text().substr(0, 20)).begun);
  EXPECT_TRUE(read(Pcapng().section().text()).begun);
}

// There are as many interfaces as a file may have, and not one more.
TEST(PcapngFileTest, BoundsTheInterfaces) {
  Pcapng file;
  file.section();
  for (std::size_t i = 0; i < PcapngFile::kInterfacesMax; ++i) file.interface(i % 2 == 0 ? 1 : 113);
  file.packet(PcapngFile::kInterfacesMax - 1, 0, "last");
  const std::string most = file.text();
  const Reading reading = read(most);
  EXPECT_EQ(reading.packets,
            (std::vector<Packet>{{"last", 4, Instant(), 113, PcapngFile::kInterfacesMax - 1}}));
  EXPECT_EQ(reading.error, "");
  // In further sections they are there again.
  EXPECT_EQ(read(most + most).packets.size(), 2U);
  EXPECT_EQ(read(most + most).error, "");
  EXPECT_EQ(read(file.interface(1).text()).error, "it has more than 65536 interfaces");
}

// libpcap reads the same where it can.
TEST(PcapngFileTest, AgreesWithLibpcap) {
  for (const Number number : {&little, &big}) {
    for (const char resolution : {'\x00', '\x03', '\x06', '\x09', '\x0C', '\x8A', '\x9E'}) {
      Pcapng file(number);
      const std::string offset = number(0, 4) + number(0, 4);
      file.section().interface(101, 100, file.option(9, {resolution}) + file.option(14, offset));
      file.packet(0, 4'000'000'007, "one").simple_packet("two").obsolete_packet(0, 77, "three");
      const Reading ours = read(file.text());
      const Reading theirs = read<PcapFile>(file.text());
      EXPECT_EQ(ours.packets, theirs.packets) << int{resolution};
      EXPECT_EQ(ours.packets.size(), 3U);
    }
  }
}

}  // namespace
}  // namespace lossy
