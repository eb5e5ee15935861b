#include <lossy/harness/capture/replay.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include <lossy/core/random.hpp>
#include <lossy/harness/capture/replay_for_test.hpp>

namespace lossy {
namespace {

using testing::HasSubstr;
using testing::Not;

// Whatever a file holds, it is replayed or refused, and nothing is thrown.
TEST(ReplayTest, HostileFilesAreNoTrouble) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.pcap";
  save(Conversation(false, {"up1", "down2"}).record(), path);
  const std::string ours = read_file(path);
  const auto with_mark = [&ours](std::string_view mark) {
    std::string bytes = ours;
    for (std::size_t at = 0; (at = bytes.find("lossy", at)) != std::string::npos;) {
      bytes.replace(at, mark.size(), mark);
    }
    return bytes;
  };
  // Without the mark, it is anybody's.
  const std::array files = {ours, with_mark("xossy"), with_mark("proxy")};
  std::array<int, 3> seen{};
  for (std::uint64_t round = 0; round < 3000; ++round) {
    const RandomStream random = RandomStream(3).stream(round);
    std::string bytes = files.at(round % files.size());
    for (std::uint64_t n = 1; n <= 1 + random.at(0) % 4; ++n) {
      bytes[uniform_below(random.at(2 * n), bytes.size())] =
          static_cast<char>(random.at(2 * n + 1) & 0xFF);
    }
    if (random.at(100) % 8 == 0) bytes.resize(uniform_below(random.at(101), bytes.size()));
    write_file(path, bytes);
    Greeter client = Conversation().greeter();
    const ReplayResult result = replay_capture(path, {.client = &client});
    ++seen.at(static_cast<std::size_t>(result.status));
    EXPECT_FALSE(replay_text(result).empty());
  }
  EXPECT_THAT(seen, testing::Each(testing::Gt(50)));
}

// What cannot be read is not tried, for the reason in one line; a cut file is no shorter capture.
TEST(ReplayTest, UnreadableIsNotTried) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.pcap";
  const auto reason = [](const std::string& file) {
    const ReplayResult result = replay_capture(file);
    EXPECT_EQ(result.status, ReplayStatus::kNotTried);
    EXPECT_THAT(result.reason, Not(HasSubstr("\n")));
    return result.reason;
  };
  EXPECT_EQ(reason(path), path + ": No such file or directory");
  EXPECT_THAT(reason(folder / "."), HasSubstr("is a directory"));
  EXPECT_THAT(reason("/dev/zero"), HasSubstr("is not a regular file"));
  write_file(path, "");
  EXPECT_THAT(reason(path), HasSubstr("is empty"));
  write_file(path, "no capture at all, is it?");
  EXPECT_THAT(reason(path), HasSubstr("is not a capture"));
  save(Conversation().record(), path);
  const std::string whole = read_file(path);
  write_file(path, whole.substr(0, whole.size() - 1));
  EXPECT_THAT(reason(path), HasSubstr("is damaged behind record 11"));
}

}  // namespace
}  // namespace lossy
