#include <lossy/harness/capture/rotating_writer.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <system_error>

#include <lossy/harness/capture/files_for_test.hpp>
#include <lossy/harness/capture/reader.hpp>

namespace lossy {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::StartsWith;

// What the frames of a capture say, one behind the other.
std::string text_in(const std::string& path) {
  auto opened = PcapReader::open(path);
  PcapReader& reader = std::get<PcapReader>(opened);
  std::string text;
  while (const auto record = reader.next()) text += to_text(record->frame);
  EXPECT_FALSE(reader.error());
  return text;
}

void write(RotatingWriter& writer, std::string_view frame) {
  writer.write(CaptureRecord{1, Instant(), as_bytes(frame), frame.size()});
}

TEST(NumberedPathTest, StandsBeforeTheSuffix) {
  EXPECT_EQ(numbered_path("seen.pcap", 1), "seen-00001.pcap");
  EXPECT_EQ(numbered_path("a.b/seen", 99'999), "a.b/seen-99999");
  EXPECT_EQ(numbered_path("/a/seen.x.pcap", 100'000), "/a/seen.x-100000.pcap");
}

// Without a limit there is one file, by its own name.
TEST(RotatingWriterTest, OneFileUnlessAsked) {
  const TemporaryFolder folder;
  RotatingWriter writer(folder / "a.pcap", {});
  for (int i = 0; i < 10; ++i) write(writer, "x");
  writer.finish();
  EXPECT_THAT(folder.names(), ElementsAre("a.pcap"));
  EXPECT_THAT(writer.files(), ElementsAre((folder / "a.pcap").string()));
  EXPECT_EQ(writer.records(), 10U);
}

// No file grows beyond the limit, each is whole, and nothing is lost between one and the next. A
// file has its name once it is complete.
TEST(RotatingWriterTest, NoFileGrowsBeyondTheLimit) {
  const TemporaryFolder folder;
  RotatingWriter writer(folder / "a.pcap", {}, 24 + 2 * 17);
  for (const char* frame : {"1", "2", "3", "4"}) write(writer, frame);
  EXPECT_THAT(folder.names(), ElementsAre("a-00001.pcap", EndsWith(".part")));
  EXPECT_THAT(folder.names().back(), StartsWith("a-00002.pcap."));
  write(writer, "5");
  writer.finish();
  ASSERT_THAT(folder.names(), ElementsAre("a-00001.pcap", "a-00002.pcap", "a-00003.pcap"));
  EXPECT_EQ(text_in(folder / "a-00001.pcap"), "12");
  EXPECT_EQ(text_in(folder / "a-00002.pcap"), "34");
  EXPECT_EQ(text_in(folder / "a-00003.pcap"), "5");
  EXPECT_EQ(writer.files().size(), 3U);
  EXPECT_EQ(writer.records(), 5U);
}

// A record that is longer than the limit has a file of its own.
TEST(RotatingWriterTest, ALongRecordHasItsOwnFile) {
  const TemporaryFolder folder;
  RotatingWriter writer(folder / "a.pcap", {}, 50);
  for (const std::string& frame : {std::string("1"), std::string(100, '2'), std::string("3")}) {
    write(writer, frame);
  }
  writer.finish();
  EXPECT_EQ(text_in(folder / "a-00001.pcap"), "1");
  EXPECT_EQ(text_in(folder / "a-00002.pcap"), std::string(100, '2'));
  EXPECT_EQ(text_in(folder / "a-00003.pcap"), "3");
}

// An earlier recording is replaced whole: also where it had more files.
TEST(RotatingWriterTest, ReplacesAnEarlierRecording) {
  const TemporaryFolder folder;
  for (const std::uint64_t number : {1U, 2U, 3U, 4U, 7U}) {
    write_file(numbered_path(folder / "a.pcap", number), "before");
  }
  RotatingWriter writer(folder / "a.pcap", {}, 24 + 2 * 17);
  for (const char* frame : {"1", "2", "3"}) write(writer, frame);
  EXPECT_EQ(read_file(folder / "a-00002.pcap"), "before");
  writer.finish();
  EXPECT_EQ(text_in(folder / "a-00001.pcap"), "12");
  EXPECT_EQ(text_in(folder / "a-00002.pcap"), "3");
  EXPECT_FALSE(std::filesystem::exists(folder / "a-00003.pcap"));
  EXPECT_FALSE(std::filesystem::exists(folder / "a-00004.pcap"));
  EXPECT_EQ(read_file(folder / "a-00007.pcap"), "before");
}

// Of a file that can no longer have its name nothing is left, and nothing in it is counted.
TEST(RotatingWriterTest, SaysWhenAFileIsLost) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "gone");
  RotatingWriter writer(folder / "gone" / "a.pcap", {}, 24 + 2 * 17);
  for (const char* frame : {"1", "2", "3"}) write(writer, frame);
  EXPECT_EQ(writer.files().size(), 1U);
  std::filesystem::remove_all(folder / "gone");
  EXPECT_FALSE(writer.has_lost_file());
  EXPECT_THROW(writer.finish(), std::system_error);
  EXPECT_TRUE(writer.has_lost_file());
  EXPECT_EQ(writer.records(), 2U);
}

// When the disk fills up, the files before stay, and the last holds what fitted.
TEST(RotatingWriterTest, KeepsWhatFitted) {
  const TemporaryFolder folder;
  RotatingWriter writer(folder / "a.pcap", {}, 24 + 4 * 17);
  for (const char* frame : {"1", "2", "3", "4", "5", "6", "7"}) write(writer, frame);
  {
    const FileSizeLimit limit(24 + 2 * 17 + 5);
    EXPECT_THROW(writer.flush(), std::system_error);
  }
  writer.finish();
  EXPECT_EQ(text_in(folder / "a-00001.pcap"), "1234");
  EXPECT_EQ(text_in(folder / "a-00002.pcap"), "56");
  EXPECT_EQ(writer.records(), 6U);
}

}  // namespace
}  // namespace lossy
