// What is written as pcapng, and what our own reader and Wireshark make of it.
#include <lossy/harness/capture/pcapng_writer.hpp>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <system_error>

#include <lossy/harness/capture/files_for_test.hpp>
#include <lossy/harness/capture/frame_for_test.hpp>
#include <lossy/harness/capture/inspector.hpp>
#include <lossy/harness/capture/reader.hpp>
#include <lossy/harness/capture/recording_writer.hpp>
#include <lossy/harness/capture/replay_for_test.hpp>
#include <lossy/harness/capture/rotating_writer.hpp>
#include <lossy/harness/capture/timestamp_unit.hpp>

namespace lossy {
namespace {

using testing::ElementsAre;
using testing::EndsWith;

std::vector<std::string> frames_of(const std::string& path) {
  auto opened = PcapReader::open(path);
  PcapReader& reader = std::get<PcapReader>(opened);
  std::vector<std::string> frames;
  while (const auto record = reader.next()) frames.push_back(to_text(record->frame));
  EXPECT_FALSE(reader.error()) << reader.error()->text;
  return frames;
}

CaptureRecord record_of(std::string_view frame, std::uint32_t interface = 0,
                        Instant time = Instant()) {
  return {.time = time,
          .frame = as_bytes(frame),
          .original_bytes = frame.size(),
          .link_type = kLinkTypeLinuxSll2,
          .interface = interface};
}

// The bytes of a file are these, on every machine.
TEST(PcapngWriterTest, Bytes) {
  const TemporaryFolder folder;
  PcapngWriter writer(folder / "a.pcapng", {.comment = "how"});
  CaptureRecord record = record_of("xyz", 7, Instant(5s + 1ns));
  record.direction = PacketType::kOutgoing;
  writer.write(record, {.interface_name = "a", .number = 3, .comment = "lost"});
  writer.finish();
  EXPECT_EQ(to_hex(as_bytes(read_file(folder / "a.pcapng"))),
            to_hex(from_hex(
                // The section: its comment, and who wrote it.
                "0a0d0d0a 34000000 4d3c2b1a 0100 0000 ffffffffffffffff"
                "0100 0300 686f7700 0400 0500 6c6f737379000000 00000000 34000000"
                // The interface: its name, and nanoseconds.
                "01000000 28000000 1401 0000 00000400 0200 0100 61000000 0900 0100 09000000"
                "00000000 28000000"
                // The packet: which way, its number, its comment.
                "06000000 44000000 00000000 01000000 01f2052a 03000000 03000000 78797a00"
                "0200 0400 02000000 0500 0800 0300000000000000 0100 0400 6c6f7374 00000000"
                "44000000")));
}

// What was written comes back: frames of every length, times, interfaces, link types, directions.
TEST(PcapngWriterTest, IsReadBack) {
  const TemporaryFolder folder;
  for (const bool nanoseconds : {true, false}) {
    const std::string path = folder / "a.pcapng";
    PcapngWriter writer(path, {.nanoseconds = nanoseconds});
    const std::string_view text(
        "0123456789012345678901234567890123456789012345678901234567890123456789");
    for (std::uint32_t i = 0; i < 70; ++i) {
      CaptureRecord record = record_of(text.substr(0, i), i % 3, Instant(i * 1'000'000'001ns));
      record.original_bytes = 2 * i;
      record.link_type = i % 3 == 0 ? kLinkTypeRaw : kLinkTypeEthernet;
      record.direction = static_cast<PacketType>(i % 3);
      const std::string comment(i, 'c');
      const std::uint64_t before = writer.bytes();
      const PacketNotes notes{.interface_name = i % 3 == 1 ? "eth0" : "",
                              .number = i % 2 == 0 ? std::optional<std::uint64_t>(i) : std::nullopt,
                              .comment = comment};
      const std::uint64_t expected = writer.bytes_of(record, notes);
      writer.write(record, notes);
      EXPECT_EQ(writer.bytes() - before, expected) << i;
    }
    EXPECT_EQ(writer.records(), 70U);
    writer.finish();
    auto opened = PcapReader::open(path);
    PcapReader& reader = std::get<PcapReader>(opened);
    for (std::uint32_t i = 0; i < 70; ++i) {
      const auto record = reader.next();
      ASSERT_TRUE(record) << i;
      EXPECT_EQ(to_text(record->frame), text.substr(0, i));
      EXPECT_EQ(record->original_bytes, 2 * i);
      EXPECT_EQ(record->interface, i % 3);
      EXPECT_EQ(record->link_type, i % 3 == 0 ? kLinkTypeRaw : kLinkTypeEthernet);
      EXPECT_EQ(record->direction, static_cast<PacketType>(i % 3));
      EXPECT_EQ(record->time, Instant(i * 1'000'000'001ns - (nanoseconds ? 0ns : i * 1ns)));
    }
    EXPECT_FALSE(reader.next());
    EXPECT_FALSE(reader.error());
    ASSERT_EQ(reader.interfaces().size(), 3U);
    EXPECT_EQ(reader.interfaces()[1].name, "eth0");
  }
}

// Comments are cut between characters, and however long they are the file can be read.
TEST(PcapngWriterTest, CutsComments) {
  const TemporaryFolder folder;
  std::string comment;
  while (comment.size() < 100'000) comment += "\u20ac";
  PcapngWriter writer(folder / "a.pcapng", {.comment = comment});
  writer.write(record_of("x"), {.interface_name = comment, .comment = comment});
  writer.finish();
  EXPECT_THAT(frames_of(folder / "a.pcapng"), ElementsAre("x"));
  const std::string file = read_file(folder / "a.pcapng");
  EXPECT_EQ(file.find(comment.substr(0, 4096)), std::string::npos);
  EXPECT_NE(file.find(comment.substr(0, 4095)), std::string::npos);
}

// Times that no reader of ours knows are refused.
TEST(PcapngWriterTest, RefusesTimesThatDoNotFit) {
  PcapngWriter writer("/dev/null");
  EXPECT_THROW(writer.write(record_of("x", 0, Instant(-1ns)), {}), std::system_error);
  EXPECT_THROW(writer.write(record_of("x", 0, kCaptureTimeMax + 1ns), {}), std::system_error);
  writer.write(record_of("x", 0, kCaptureTimeMax), {});
  writer.finish();
  EXPECT_THROW(writer.write(record_of("x"), {}), std::logic_error);
}

// A disk that fills up leaves whole blocks, and so does a process that is killed.
TEST(PcapngWriterTest, KeepsWhatFitted) {
  const TemporaryFolder folder;
  for (const ::rlim_t room : {60U, 100U, 150U, 151U, 300U, 1000U}) {
    const std::string path = folder / "a.pcapng";
    std::filesystem::remove(path);
    const FileSizeLimit limit(room);
    PcapngWriter writer(path);
    for (int i = 0; i < 100; ++i) writer.write(record_of("frame"), {.interface_name = "name"});
    EXPECT_THROW(writer.flush(), std::system_error);
    const std::uint64_t kept = writer.records();
    writer.finish();
    EXPECT_LE(std::filesystem::file_size(path), room);
    EXPECT_EQ(frames_of(path).size(), kept) << room;
  }
}

TEST(PcapngWriterTest, WhatWasFlushedIsThereWhenItIsKilled) {
  const TemporaryFolder folder;
  PcapngWriter writer(folder / "a.pcapng", {}, NewFile::Until::kTemporaryName);
  writer.write(record_of("one"), {});
  writer.flush();
  writer.write(record_of("two"), {});
  ASSERT_THAT(folder.names(), ElementsAre(EndsWith(".part")));
  EXPECT_THAT(frames_of(folder / folder.names().front()), ElementsAre("one"));
}

// Secrets come in front of the packets, whichever way the file begins, and nothing else changes. A
// pipe has them last.
TEST(PcapngWriterTest, SecretsComeInFront) {
  const TemporaryFolder folder;
  const std::string block =
      to_hex(from_hex("0a000000 1c000000 4b534c54 05000000 6b65793a0a000000 1c000000"));
  const auto write = [](PcapngWriter& writer, bool secrets) {
    for (int i = 0; i < 3; ++i) writer.write(record_of("frame"), {.interface_name = "name"});
    if (secrets) writer.add_secrets(as_bytes("key:\n"));
    writer.finish();
  };
  PcapngWriter plain(folder / "plain.pcapng");
  write(plain, false);
  const std::string without = to_hex(as_bytes(read_file(folder / "plain.pcapng")));
  const std::size_t section = 2 * 44;
  for (const NewFile::Until until : {NewFile::Until::kNameless, NewFile::Until::kTemporaryName}) {
    PcapngWriter writer(folder / "a.pcapng", {}, until);
    write(writer, true);
    EXPECT_EQ(to_hex(as_bytes(read_file(folder / "a.pcapng"))),
              without.substr(0, section) + block + without.substr(section));
    EXPECT_THAT(folder.names(), ElementsAre("a.pcapng", "plain.pcapng"));
    EXPECT_EQ(frames_of(folder / "a.pcapng").size(), 3U);
  }
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  PcapngWriter piped(ends[1], "a pipe");
  write(piped, true);
  std::string text(10'000, '\0');
  text.resize(static_cast<std::size_t>(::read(ends[0], text.data(), text.size())));
  ::close(ends[0]);
  EXPECT_EQ(to_hex(as_bytes(text)), without + block);
}

// Where there is no room for a second file, the first is kept as it was.
TEST(PcapngWriterTest, SecretsThatDoNotFitAreLeftOut) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.pcapng";
  PcapngWriter writer(path);
  writer.write(record_of("one"), {});
  writer.flush();
  const std::string key_log(1000, 'k');
  writer.add_secrets(as_bytes(key_log));
  {
    const FileSizeLimit limit(500);
    EXPECT_THROW(writer.finish(), std::system_error);
  }
  ASSERT_TRUE(writer.is_open());
  writer.finish();
  EXPECT_THAT(frames_of(path), ElementsAre("one"));
  EXPECT_THAT(folder.names(), ElementsAre("a.pcapng"));
}

// Each of many files is whole, with its own section and interfaces, and none is too long.
TEST(PcapngWriterTest, Rotates) {
  const TemporaryFolder folder;
  RotatingWriter writer(folder / "a.pcapng", {}, 300);
  for (const char* frame : {"1", "2", "3", "4", "5", "6", "7", "8", "9"}) {
    writer.write(record_of(frame), {.interface_name = "eth0"});
  }
  writer.finish();
  std::string all;
  for (const std::string& path : writer.files()) {
    EXPECT_LE(std::filesystem::file_size(path), 300U);
    for (const std::string& frame : frames_of(path)) all += frame;
  }
  EXPECT_GT(writer.files().size(), 1U);
  EXPECT_EQ(all, "123456789");
}

// A recording reads back as the same run, whatever it was written as.
TEST(PcapngWriterTest, ARecordingIsTheSameRun) {
  const TemporaryFolder folder;
  Conversation conversation(false, {"up2", "down3"});
  const std::vector<Record> records = conversation.record();
  for (const RecordAs as : {RecordAs::kSll2, RecordAs::kSll, RecordAs::kEthernet}) {
    SCOPED_TRACE(to_string(as));
    const std::string path = folder / "a.pcapng";
    RecordingWriter writer(path, {.as = as, .comment = "lossy simulate"});
    for (const Record& record : records) {
      writer.take({.time = record.time, .bytes = record.frame, .frame = frame_of(record)});
    }
    writer.finish();
    auto opened = PcapReader::open(path);
    PcapReader& reader = std::get<PcapReader>(opened);
    Inspector inspector;
    while (const auto record = reader.next()) {
      const auto decoded = inspector.decode(*record);
      inspector.add(*record, decoded);
    }
    const Inspection found = inspector.finish();
    EXPECT_EQ(found.two_sided, records.size());
    EXPECT_EQ(found.uplink.counters.lost, 1U);
    EXPECT_EQ(found.downlink.counters.lost, 1U);
    ASSERT_EQ(reader.interfaces().size(), 2U);
    EXPECT_EQ(reader.interfaces()[0].name, "client");
    EXPECT_EQ(reader.interfaces()[1].name, "server");
    Greeter client = conversation.greeter();
    const ReplayResult replayed = replay_capture(path, {.client = &client});
    EXPECT_EQ(replayed.status, ReplayStatus::kHolds) << replay_text(replayed);
  }
}

// As many clients as a proxy may have are no more interfaces than a reader knows.
TEST(PcapngWriterTest, ManyFlowsShareInterfaces) {
  const TemporaryFolder folder;
  RecordingWriter writer(folder / "a.pcapng");
  Recorder recorder(kProxyMark);
  recorder.add(writer);
  for (std::uint64_t flow = 1; flow <= 40'000; ++flow) {
    recorder.record({.time = {},
                     .host = flow % 2 == 0 ? RecordedHost::kClient : RecordedHost::kServer,
                     .source = *Address::parse("192.0.2.1:1"),
                     .destination = *Address::parse("192.0.2.2:2"),
                     .payload = as_bytes("x"),
                     .flow = flow});
  }
  recorder.finish();
  auto opened = PcapReader::open(folder / "a.pcapng");
  PcapReader& reader = std::get<PcapReader>(opened);
  std::uint64_t flow = 0;
  while (const auto record = reader.next()) {
    ++flow;
    ASSERT_EQ(recorded_flow(std::get<Frame>(decode_record(*record))), flow);
  }
  EXPECT_EQ(flow, 40'000U);
  EXPECT_EQ(reader.interfaces().size(), 16'384U + 2);
  EXPECT_EQ(reader.interfaces().front().name, "flow1.server");
  EXPECT_EQ(reader.interfaces().back().name, "other.client");
}

}  // namespace
}  // namespace lossy
