#include <lossy/harness/capture/snoop_file.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include <lossy/harness/capture/captures_for_test.hpp>
#include <lossy/harness/capture/files_for_test.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::StartsWith;

std::string snoop(std::uint32_t version = 2, std::uint32_t datalink = 4) {
  return std::string("snoop\0\0\0", 8) + big(version) + big(datalink);
}

std::string record(std::uint32_t seconds, std::uint32_t microseconds, const std::string& frame,
                   std::uint32_t bytes_more = 0, std::uint32_t padding = 0) {
  const auto size = static_cast<std::uint32_t>(frame.size());
  return big(size + bytes_more) + big(size) + big(24 + size + padding) + big(9) + big(seconds) +
         big(microseconds) + frame + std::string(padding, '\xEE');
}

struct Reading {
  bool begun = false;
  std::vector<std::string> frames;
  std::vector<Instant> times;
  std::vector<std::size_t> original_bytes;
  std::string error;
};

Reading read(const std::string& content, std::size_t at_once_max = ~std::size_t{0}) {
  SnoopFile file(ByteWindow(std::make_unique<InputStream>(as_bytes(content), at_once_max)));
  Reading reading;
  reading.begun = file.begin();
  CaptureRecord record;
  while (reading.begun && file.next(record)) {
    EXPECT_EQ(record.link_type, kLinkTypeEthernet);
    EXPECT_EQ(record.interface, 0U);
    reading.frames.push_back(to_text(record.frame));
    reading.times.push_back(record.time);
    reading.original_bytes.push_back(record.original_bytes);
  }
  reading.error = file.error();
  EXPECT_EQ(file.interfaces().size(), reading.begun ? 1U : 0U);
  return reading;
}

// Records as they come, with or without padding, whole or snapped.
TEST(SnoopFileTest, ReadsRecords) {
  for (const std::uint32_t datalink : {0U, 4U}) {
    for (const std::size_t at_once : {1U, 5U, 1000U}) {
      const Reading reading =
          read(snoop(2, datalink) + record(7, 5, "one", 0, 1) +
                   record(0xFFFFFFFF, 0xFFFFFFFF, "second", 10) + record(8, 0, ""),
               at_once);
      EXPECT_THAT(reading.frames, ElementsAre("one", "second", ""));
      EXPECT_THAT(reading.original_bytes, ElementsAre(3, 16, 0));
      EXPECT_THAT(
          reading.times,
          ElementsAre(Instant(7s + 5us), Instant(4'294'967'295s + 4'294'967'295us), Instant(8s)));
      EXPECT_EQ(reading.error, "");
    }
  }
}

// What cannot be read has a reason.
TEST(SnoopFileTest, RefusesWhatItDoesNotKnow) {
  for (const auto& [content, reason] :
       {std::pair{snoop(1), "it is snoop's, of version 1"},
        std::pair{snoop(2, 8), "it is snoop's, of datalink 8, not of Ethernet"},
        std::pair{snoop().substr(0, 15), "it is cut off"}}) {
    const Reading reading = read(content);
    EXPECT_FALSE(reading.begun);
    EXPECT_EQ(reading.error, reason);
  }
}

// A file that is cut off gives what came before, wherever the cut is; so does one whose lengths
// make no sense, which take no memory.
TEST(SnoopFileTest, SaysWhatIsDamaged) {
  const std::string first = snoop() + record(1, 0, "one");
  const std::string second = record(2, 0, "second", 0, 2);
  for (std::size_t size = 1; size < second.size(); ++size) {
    const Reading reading = read(first + second.substr(0, size));
    EXPECT_THAT(reading.frames, ElementsAre("one"));
    EXPECT_EQ(reading.error, "it is cut off");
  }
  const auto lengths = [](std::uint32_t captured, std::uint32_t whole) {
    return big(3) + big(captured) + big(whole) + std::string(40, '\0');
  };
  for (const std::string& damage :
       {lengths(3, 26), lengths(0, 23), lengths(0, 0), lengths(0xFFFFFFFF, 27),
        lengths(3, (1 << 24) + 1), lengths(0xFFFFFFF0, 0xFFFFFFFF)}) {
    const Reading reading = read(first + damage);
    EXPECT_THAT(reading.frames, ElementsAre("one"));
    EXPECT_THAT(reading.error, StartsWith("a record of "));
  }
  EXPECT_EQ(read(first + lengths(3, 1 << 24)).error, "it is cut off");
}

}  // namespace
}  // namespace lossy
