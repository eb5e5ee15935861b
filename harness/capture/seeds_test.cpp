#include <lossy/harness/capture/seeds.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <lossy/harness/capture/files_for_test.hpp>
#include <lossy/harness/capture/frame_for_test.hpp>
#include <lossy/harness/capture/recorder.hpp>
#include <lossy/harness/capture/sha1.hpp>

namespace lossy {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const Address kClient = *Address::parse("192.0.2.1:40000");
const Address kOther = *Address::parse("192.0.2.3:40000");
const Address kServer = *Address::parse("192.0.2.2:9999");

// Makes seeds of frames of LINUX_SLL2 as they come.
class Seeds final : public FrameSink {
 public:
  explicit Seeds(const SeedOptions& options = {})
      : folder(scratch / "seeds", options.files_max), maker(options, folder) {}

  void write(Instant time, std::span<const std::byte> bytes) override {
    maker.add({++records_, time, bytes, bytes.size() + snapped, kLinkTypeLinuxSll2});
  }
  void finish() override {}

  // A datagram as one host's capture shows it.
  void see(const Address& source, const Address& destination, std::string_view payload,
           PacketType type = PacketType::kIncoming) {
    Frame frame;
    frame.source = source;
    frame.destination = destination;
    frame.payload = std::as_bytes(std::span(payload));
    frame.type = type;
    frame.interface = 1;
    std::vector<std::byte> buffer(kFrameBytesMax);
    buffer.resize(encode_frame(frame, buffer));
    write(Instant{}, buffer);
  }

  // What is in the files, of which each has the right name.
  std::vector<std::string> made() {
    counters = maker.finish();
    std::vector<std::string> contents;
    if (!std::filesystem::exists(scratch / "seeds")) return contents;
    for (const auto& file : std::filesystem::directory_iterator(scratch / "seeds")) {
      contents.push_back(read_file(file.path()));
      EXPECT_EQ(file.path().filename(), sha1(std::as_bytes(std::span(contents.back()))));
    }
    std::ranges::sort(contents);
    return contents;
  }

  TemporaryFolder scratch;
  SeedFolder folder;
  SeedMaker maker;
  SeedCounters counters;
  std::size_t snapped = 0;

 private:
  std::uint64_t records_ = 0;
};

// What datagrams carry, once each, however often it was seen.
TEST(SeedsTest, DatagramsAreFiles) {
  Seeds seeds;
  for (int i = 0; i < 2; ++i) {
    seeds.see(kClient, kServer, "ask");
    seeds.see(kServer, kClient, "answer");
  }
  seeds.see(kClient, kServer, "");
  EXPECT_THAT(seeds.made(), ElementsAre("answer", "ask"));
  EXPECT_EQ(seeds.counters.written, 2U);
  EXPECT_EQ(seeds.counters.same, 2U);
  EXPECT_EQ(seeds.counters.empty, 1U);
}

// One direction may be asked for: up is away from whoever sent first.
TEST(SeedsTest, OneDirection) {
  for (const auto& [direction, content] :
       {std::pair{SeedDirection::kUplink, "ask"}, std::pair{SeedDirection::kDownlink, "answer"}}) {
    Seeds seeds({.direction = direction});
    seeds.see(kClient, kServer, "ask");
    seeds.see(kServer, kClient, "answer");
    EXPECT_THAT(seeds.made(), ElementsAre(content));
  }
}

// A flow is a conversation in its order, with the direction and the size of each datagram.
TEST(SeedsTest, ConversationsAreFiles) {
  Seeds seeds({.kind = SeedKind::kConversations});
  seeds.see(kClient, kServer, "ask");
  seeds.see(kOther, kServer, "");
  seeds.see(kServer, kClient, std::string(258, 'a'));
  seeds.see(kClient, kServer, "more");
  EXPECT_THAT(seeds.made(),
              ElementsAre("\0\0\0"s, "\0\0\3ask\1\1\2"s + std::string(258, 'a') + "\0\0\4more"s));
}

// Who said it is told by the server's port where that is known.
TEST(SeedsTest, ConversationsMayKnowTheServersPort) {
  Seeds seeds({.kind = SeedKind::kConversations, .inspect = {.server_port = kServer.port()}});
  seeds.see(kServer, kClient, "late");
  seeds.see(kClient, kServer, "ask");
  EXPECT_THAT(seeds.made(), ElementsAre("\1\0\4late\0\0\3ask"s));
}

// What loopback shows as it leaves and as it arrives was said once.
TEST(SeedsTest, ConversationsRepeatNothing) {
  Seeds seeds({.kind = SeedKind::kConversations});
  for (const PacketType type : {PacketType::kOutgoing, PacketType::kIncoming}) {
    seeds.see(kClient, kServer, "ask", type);
  }
  EXPECT_THAT(seeds.made(), ElementsAre("\0\0\3ask"s));
}

// Of a recording of both hosts a conversation is what arrived: without what was lost, damaged as it
// was, and twice when it came twice.
TEST(SeedsTest, ConversationsOfBothHostsAreWhatArrived) {
  Seeds seeds({.kind = SeedKind::kConversations});
  Recorder recorder;
  recorder.add(seeds);
  const auto uplink = [&](RecordedHost host, std::uint64_t number, std::string_view payload) {
    recorder.record(
        {.time = Instant{},
         .host = host,
         .type = host == RecordedHost::kClient ? PacketType::kOutgoing : PacketType::kIncoming,
         .number = number,
         .source = kClient,
         .destination = kServer,
         .payload = std::as_bytes(std::span(payload))});
  };
  uplink(RecordedHost::kClient, 1, "lost");
  uplink(RecordedHost::kClient, 2, "sent");
  uplink(RecordedHost::kServer, 2, "bent");
  uplink(RecordedHost::kServer, 2, "bent");
  EXPECT_THAT(seeds.made(), ElementsAre("\0\0\4bent\0\0\4bent"s));
}

// Too large a datagram is none; a conversation ends before it.
TEST(SeedsTest, SizesAreBounded) {
  for (const SeedKind kind : {SeedKind::kDatagrams, SeedKind::kConversations}) {
    Seeds seeds({.kind = kind, .bytes_max = 8});
    for (const char* payload : {"ask", "nine byte", "me"}) seeds.see(kClient, kServer, payload);
    if (kind == SeedKind::kDatagrams) {
      EXPECT_THAT(seeds.made(), ElementsAre("ask", "me"));
      EXPECT_EQ(seeds.counters.too_large, 1U);
    } else {
      EXPECT_THAT(seeds.made(), ElementsAre("\0\0\3ask"s));
      EXPECT_EQ(seeds.counters.cut, 1U);
    }
  }
}

// No more files are written than may be; those that were there count as seeds all the same.
TEST(SeedsTest, FilesAreBounded) {
  Seeds seeds({.files_max = 2});
  for (const char* payload : {"a", "b", "c", "a", "d"}) seeds.see(kClient, kServer, payload);
  EXPECT_THAT(seeds.made(), ElementsAre("a", "b"));
  EXPECT_EQ(seeds.counters.written, 2U);
  EXPECT_EQ(seeds.counters.same, 1U);
  EXPECT_EQ(seeds.counters.beyond_files, 2U);
}

// Files that are there are not touched, whatever is in them; links are not followed.
TEST(SeedsTest, WhatIsThereStays) {
  const TemporaryFolder scratch;
  const std::string name = sha1(std::as_bytes(std::span("abc", 3)));
  std::filesystem::create_directories(scratch / "seeds");
  std::filesystem::create_symlink(scratch / "nowhere", scratch / ("seeds/" + name));
  SeedFolder folder(scratch / "seeds", 10);
  SeedCounters counters;
  folder.put(std::as_bytes(std::span("abc", 3)), counters);
  EXPECT_EQ(counters.same, 1U);
  EXPECT_THAT(scratch.names(), ElementsAre("seeds"));
}

// A frame says its link type and how much is missing, as capture_fuzzer reads it.
TEST(SeedsTest, FramesAreFiles) {
  Seeds seeds({.kind = SeedKind::kFrames});
  const std::string frame = "no IP at all, of 26 bytes.";
  seeds.snapped = 3;
  seeds.write(Instant{}, std::as_bytes(std::span(frame)));
  seeds.snapped = 70;
  seeds.write(Instant{}, std::as_bytes(std::span(frame)));
  EXPECT_THAT(seeds.made(),
              UnorderedElementsAre("\x09\x03\x1a\0"s + frame, "\x09\x0f\x1a\0"s + frame));
}

// A frame that holds no datagram is counted by the reason.
TEST(SeedsTest, SkippedFramesAreCounted) {
  Seeds seeds;
  seeds.write(Instant{}, std::as_bytes(std::span("x", 1)));
  EXPECT_THAT(seeds.made(), IsEmpty());
  EXPECT_EQ(seeds.counters.skipped[static_cast<std::size_t>(SkipReason::kTruncated)], 1U);
}

// Pieces of a packet that became whole are not left out.
TEST(SeedsTest, PiecesThatWereJoinedAreNotLeftOut) {
  Seeds seeds;
  std::uint64_t number = 0;
  const auto see = [&](const std::string& carried, std::uint16_t fragment) {
    const TestBytes piece = from_hex(ipv4_of(17, carried, fragment));
    seeds.maker.add({++number, Instant{}, piece, piece.size(), kLinkTypeRaw});
  };
  see("c502 270f 0010 0000", 0x2000);
  see("4d69636861656c21", 0x0001);
  see("c502 270f 0010 0000", 0x2000);
  EXPECT_THAT(seeds.made(), ElementsAre("Michael!"));
  EXPECT_EQ(seeds.counters.skipped[static_cast<std::size_t>(SkipReason::kFragment)], 1U);
}

// What datagrams carry is a seed of its own when it is asked for.
TEST(SeedsTest, WhatIsInside) {
  const TestBytes frame = from_hex(ipv4_of(17, "c000 0868 0033 0000 30ff002300000001" + kMichael4));
  for (const bool inner : {false, true}) {
    Seeds seeds;
    seeds.maker.add({.number = 1,
                     .time = Instant{},
                     .frame = frame,
                     .original_bytes = frame.size(),
                     .link_type = kLinkTypeRaw,
                     .inner = inner});
    const auto made = seeds.made();
    ASSERT_EQ(made.size(), 1U);
    EXPECT_EQ(made[0] == "Michael", inner);
  }
}

// There is a folder once there is something to put there; one that cannot be is refused.
TEST(SeedsTest, FolderThatCannotBe) {
  const TemporaryFolder scratch;
  write_file(scratch / "file", "");
  SeedCounters counters;
  for (const char* name : {"file", "file/below", "deep/er"}) SeedFolder(scratch / name, 1);
  EXPECT_THAT(scratch.names(), ElementsAre("file"));
  for (const char* name : {"file", "file/below"}) {
    EXPECT_THROW(SeedFolder(scratch / name, 1).put({}, counters), std::system_error);
  }
  SeedFolder(scratch / "deep/er", 1).put({}, counters);
  EXPECT_EQ(counters.written, 1U);
}

}  // namespace
}  // namespace lossy
