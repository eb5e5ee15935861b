#include <lossy/harness/capture/pcap_writer.hpp>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <system_error>
#include <thread>

#include <lossy/harness/capture/files_for_test.hpp>
#include <lossy/harness/capture/reader.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> frames_of(PcapReader& reader) {
  std::vector<std::string> frames;
  while (const auto record = reader.next()) frames.push_back(to_text(record->frame));
  EXPECT_FALSE(reader.error());
  return frames;
}

std::vector<std::string> frames_of(const std::string& path) {
  auto opened = PcapReader::open(path);
  return frames_of(std::get<PcapReader>(opened));
}

// The bytes of a file are the same on every machine.
TEST(PcapWriterTest, IsLittleEndian) {
  const TemporaryFolder folder;
  PcapWriter writer(folder / "a.pcap");
  writer.write(Instant(258s + 3ns), as_bytes("x"));
  writer.finish();
  using namespace std::string_literals;
  EXPECT_EQ(read_file(folder / "a.pcap"),
            "\x4D\x3C\xB2\xA1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00"
            "\x14\x01\x00\x00"
            "\x02\x01\x00\x00\x03\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00x"s);
}

// What a frame was on the wire, its time, and its link type come back as they were given.
TEST(PcapWriterTest, IsReadBack) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.pcap";
  for (const bool nanoseconds : {true, false}) {
    PcapWriter writer(path, {.link_type = kLinkTypeRaw, .nanoseconds = nanoseconds});
    writer.write(CaptureRecord{1, Instant(1'700'000'000s + 123'456'789ns), as_bytes("abc"), 1000});
    writer.finish();
    auto opened = PcapReader::open(path);
    PcapReader& reader = std::get<PcapReader>(opened);
    EXPECT_EQ(reader.interfaces().front().link_type, kLinkTypeRaw);
    EXPECT_NE(read_file(path).find(std::string("\x65\0\0\0", 4)), std::string::npos) << "101";
    const auto record = reader.next();
    ASSERT_TRUE(record);
    EXPECT_EQ(record->time,
              Instant(1'700'000'000s + (nanoseconds ? 123'456'789ns : 123'456'000ns)));
    EXPECT_EQ(to_text(record->frame), "abc");
    EXPECT_EQ(record->original_bytes, 1000U);
  }
}

// Whoever reads along has what was flushed, and an end when it is finished.
TEST(PcapWriterTest, WritesToAPipe) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  PcapWriter writer(ends[1], "a pipe");
  writer.write(Instant(), as_bytes("one"));
  writer.flush();
  auto opened = PcapReader::read(std::make_unique<InputStream>(ends[0]), "the pipe");
  PcapReader& reader = std::get<PcapReader>(opened);
  const auto record = reader.next();
  ASSERT_TRUE(record);
  EXPECT_EQ(to_text(record->frame), "one");
  writer.write(Instant(), as_bytes("two"));
  writer.finish();
  EXPECT_THAT(frames_of(reader), testing::ElementsAre("two"));
}

// A pipe that does not block, and is full, is no full disk: whoever reads has all of it.
TEST(PcapWriterTest, WaitsForAPipeThatDoesNotBlock) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  ASSERT_EQ(::fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
  std::vector<std::string> read;
  std::jthread reader([&] {
    auto opened = PcapReader::read(std::make_unique<InputStream>(ends[0]), "the pipe");
    read = frames_of(std::get<PcapReader>(opened));
  });
  PcapWriter writer(ends[1], "a pipe");
  for (int i = 0; i < 20; ++i) writer.write(Instant(), as_bytes(std::string(200'000, 'x')));
  EXPECT_NO_THROW(writer.finish());
  reader.join();
  EXPECT_THAT(read, testing::SizeIs(20));
}

// Nobody reads: a signal that was held back for others to take ends the wait, whether the pipe
// blocks or not.
TEST(PcapWriterTest, ASignalEndsTheWait) {
  sigset_t term;
  sigset_t before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &term, &before), 0);
  for (const int flags : {0, O_NONBLOCK}) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    ASSERT_EQ(::fcntl(ends[1], F_SETFL, flags), 0);
    {
      PcapWriter writer(ends[1], "a pipe");
      writer.write(Instant(), as_bytes(std::string(200'000, 'x')));
      ::raise(SIGTERM);
      EXPECT_THROW(writer.flush(), std::system_error);
      EXPECT_EQ(writer.records(), 0U);
    }
    int taken = 0;
    EXPECT_EQ(::sigwait(&term, &taken), 0);
    ::close(ends[0]);
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

// A disk that fills up is said; what was written whole before it did can be kept, and is counted.
TEST(PcapWriterTest, KeepsWhatFitted) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.pcap";
  // Each record takes 116 bytes behind the 24 of the file's header.
  for (const auto& [room, kept] :
       {std::pair{24, 0}, {25, 0}, {24 + 116 * 3, 3}, {24 + 116 * 4 - 1, 3}}) {
    const FileSizeLimit limit(static_cast<::rlim_t>(room));
    PcapWriter writer(path);
    for (int i = 0; i < 10; ++i) {
      writer.write(Instant(), as_bytes(std::string(100, static_cast<char>('0' + i))));
    }
    EXPECT_EQ(writer.records(), 10U);
    EXPECT_THROW(writer.flush(), std::system_error);
    ASSERT_TRUE(writer.is_open());
    EXPECT_EQ(writer.records(), static_cast<std::uint64_t>(kept));
    writer.finish();
    EXPECT_EQ(std::filesystem::file_size(path), static_cast<std::uintmax_t>(24 + 116 * kept));
    EXPECT_THAT(frames_of(path), testing::SizeIs(kept));
  }
}

// Behind what others wrote nothing is cut off, least of all theirs.
TEST(PcapWriterTest, LeavesAloneWhatOthersWrote) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.log";
  write_file(path, std::string(1000, 'x'));
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  {
    const FileSizeLimit limit(1100);
    PcapWriter writer(descriptor, "a.log");
    writer.write(Instant(), as_bytes(std::string(100, 'y')));
    EXPECT_THROW(writer.flush(), std::system_error);
    EXPECT_EQ(writer.records(), 0U);
  }
  EXPECT_EQ(read_file(path).substr(0, 1000), std::string(1000, 'x'));
}

// A disk on which not even the header fits is found before the run, and nothing is left there.
TEST(PcapWriterTest, RefusesAFullDiskAtOnce) {
  const TemporaryFolder folder;
  const FileSizeLimit limit(23);
  EXPECT_THROW(PcapWriter(folder / "a.pcap"), std::system_error);
  EXPECT_TRUE(folder.names().empty());
}

// The longest frame fits, and what is longer is the caller's mistake.
TEST(PcapWriterTest, TakesLongFrames) {
  const TemporaryFolder folder;
  PcapWriter writer(folder / "a.pcap");
  for (int i = 0; i < 3; ++i) writer.write(Instant(), as_bytes(std::string(262'144, 'x')));
  EXPECT_THROW(writer.write(Instant(), as_bytes(std::string(262'145, 'x'))), std::logic_error);
  writer.finish();
  EXPECT_THAT(frames_of(folder / "a.pcap"), testing::SizeIs(3));
}

}  // namespace
}  // namespace lossy
