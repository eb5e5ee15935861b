#include "harness/capture/reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/capture/files_for_test.hpp"

namespace lossy {
namespace {

using namespace std::chrono_literals;
using Kind = CaptureError::Kind;
using testing::HasSubstr;
using testing::StartsWith;

std::string little(std::uint32_t value, int bytes = 4) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xFF);
  return text;
}

std::string big(std::uint32_t value, int bytes = 4) {
  const std::string text = little(value, bytes);
  return {text.rbegin(), text.rend()};
}

using Number = std::string (*)(std::uint32_t, int);

std::string header(Number number, std::uint32_t magic, std::uint32_t link_type) {
  return number(magic, 4) + number(2, 2) + number(4, 2) + number(0, 4) + number(0, 4) +
         number(262'144, 4) + number(link_type, 4);
}

std::string record(Number number, std::uint32_t seconds, std::uint32_t fraction,
                   const std::string& frame, std::uint32_t bytes_more = 0) {
  const auto size = static_cast<std::uint32_t>(frame.size());
  return number(seconds, 4) + number(fraction, 4) + number(size, 4) + number(size + bytes_more, 4) +
         frame;
}

constexpr std::uint32_t kMicroseconds = 0xA1B2C3D4;
constexpr std::uint32_t kNanoseconds = 0xA1B23C4D;

CaptureError error_of(const std::string& path) {
  auto opened = PcapReader::open(path);
  if (auto* error = std::get_if<CaptureError>(&opened)) return *error;
  PcapReader& reader = std::get<PcapReader>(opened);
  while (reader.next()) {
  }
  return reader.error().value_or(CaptureError{Kind::kUnreadable, "no error"});
}

// Either byte order, micro- and nanoseconds: the same records.
TEST(PcapReaderTest, ReadsEveryKindOfPcap) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.pcap";
  for (const Number number : {&little, &big}) {
    for (const bool nano : {false, true}) {
      write_file(path, header(number, nano ? kNanoseconds : kMicroseconds, 276) +
                           record(number, 7, nano ? 5'000 : 5, "abc", 2) +
                           record(number, 0xFFFFFFFF, 0, ""));
      auto opened = PcapReader::open(path);
      ASSERT_TRUE(std::holds_alternative<PcapReader>(opened));
      PcapReader& reader = std::get<PcapReader>(opened);
      EXPECT_EQ(reader.link_type(), 276);
      auto read = reader.next();
      ASSERT_TRUE(read);
      EXPECT_EQ(read->number, 1U);
      EXPECT_EQ(read->time, Instant(7s + 5us));
      EXPECT_EQ(to_text(read->frame), "abc");
      EXPECT_EQ(read->original_bytes, 5U);
      read = reader.next();
      ASSERT_TRUE(read);
      EXPECT_EQ(read->number, 2U);
      EXPECT_EQ(read->time, Instant(4'294'967'295s));
      EXPECT_TRUE(read->frame.empty());
      EXPECT_FALSE(reader.next());
      EXPECT_FALSE(reader.error());
    }
  }
}

// What is no capture is refused with the reason, in one line that begins with the path.
TEST(PcapReaderTest, RefusesWhatIsNoCapture) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.pcap";
  CaptureError error = error_of(path);
  EXPECT_EQ(error.kind, Kind::kUnreadable);
  EXPECT_EQ(error.text, path + ": No such file or directory");

  error = error_of(folder / ".");
  EXPECT_EQ(error.kind, Kind::kDirectory);
  EXPECT_THAT(error.text, HasSubstr("is a directory"));

  write_file(path, "");
  error = error_of(path);
  EXPECT_EQ(error.kind, Kind::kEmpty);
  EXPECT_THAT(error.text, StartsWith(path + ": is empty"));

  for (const std::string& bytes :
       {std::string("x"), std::string("# a text file that goes on and on\n"),
        header(little, kNanoseconds, 276).substr(0, 23), std::string(100, '\0')}) {
    write_file(path, bytes);
    error = error_of(path);
    EXPECT_EQ(error.kind, Kind::kNotACapture) << error.text;
    EXPECT_THAT(error.text, StartsWith(path + ": is not a capture: "));
  }

  write_file(path, header(little, kNanoseconds, 113));
  error = error_of(path);
  EXPECT_EQ(error.kind, Kind::kLinkType);
  EXPECT_THAT(error.text, HasSubstr("113 (LINUX_SLL)"));
  EXPECT_EQ(error.text.find('\n'), std::string::npos);
}

// A file that is cut off gives what came before, and then says so: it does not just end.
TEST(PcapReaderTest, CutOffFileIsNoEnd) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.pcap";
  const std::string first = header(little, kNanoseconds, 276) + record(little, 1, 0, "abc");
  const std::string second = record(little, 2, 0, "defgh");
  for (std::size_t size = 1; size < second.size(); ++size) {
    write_file(path, first + second.substr(0, size));
    auto opened = PcapReader::open(path);
    ASSERT_TRUE(std::holds_alternative<PcapReader>(opened));
    PcapReader& reader = std::get<PcapReader>(opened);
    ASSERT_TRUE(reader.next());
    EXPECT_FALSE(reader.next());
    ASSERT_TRUE(reader.error()) << size;
    EXPECT_EQ(reader.error()->kind, Kind::kDamaged);
    EXPECT_THAT(reader.error()->text, StartsWith(path + ": is damaged behind record 1: "));
    EXPECT_FALSE(reader.next());
  }
}

// A record that claims gigabytes is an error and not an allocation.
TEST(PcapReaderTest, AbsurdLengthIsAnError) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.pcap";
  write_file(path, header(little, kNanoseconds, 276) + little(1) + little(0) + little(0xFFFFFFF0) +
                       little(0xFFFFFFF0) + "abc");
  EXPECT_EQ(error_of(path).kind, Kind::kDamaged);
}

// Fractions of a second beyond a second are taken as they are; nothing overflows.
TEST(PcapReaderTest, TakesAnyTime) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.pcap";
  for (const std::uint32_t magic : {kMicroseconds, kNanoseconds}) {
    write_file(path, header(little, magic, 276) + record(little, 0xFFFFFFFF, 0xFFFFFFFF, "abc") +
                         record(little, 0, 0x80000000, "abc"));
    EXPECT_EQ(error_of(path).text, "no error");
  }
}

}  // namespace
}  // namespace lossy
