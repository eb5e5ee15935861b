#include <lossy/harness/capture/key_log.hpp>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <lossy/harness/capture/files_for_test.hpp>

namespace lossy {
namespace {

const std::string kSecret =
    "CLIENT_HANDSHAKE_TRAFFIC_SECRET " + std::string(64, 'a') + ' ' + std::string(96, '0');

std::string parsed(const std::string& text) {
  const auto log = parse_key_log(text);
  if (const auto* error = std::get_if<KeyLogError>(&log)) return error->text;
  return std::get<std::string>(log);
}

// What programs write is taken as it is.
TEST(KeyLogTest, IsTaken) {
  for (const std::string& text :
       {kSecret, kSecret + '\n', "# written by\n\n" + kSecret + "\r\n\r\nRSA 0a 0B\n"}) {
    EXPECT_EQ(parsed(text), text);
  }
}

// A program may be in the midst of a line: those before it count.
TEST(KeyLogTest, LeavesOutHalfALine) {
  EXPECT_EQ(parsed(kSecret + "\nCLIENT_RAN"), kSecret + '\n');
  EXPECT_EQ(parsed(kSecret + "\nCLIENT_RANDOM 00 1"), kSecret + '\n');
}

// Anything else is none, and the line that says so is named.
TEST(KeyLogTest, RefusesWhatIsNone) {
  EXPECT_EQ(parsed(""), "has no secrets in it");
  EXPECT_EQ(parsed("# nothing yet\n"), "has no secrets in it");
  for (const char* line : {"hello", "client_random 00 00", "A 00", "A 00 0", "A 00 xx", "A  00 00",
                           "A 00 00 00", "-----BEGIN CERTIFICATE-----"}) {
    EXPECT_EQ(parsed("#\n" + std::string(line) + '\n'),
              "is no key log: line 2 is no label with the client's random and a secret")
        << line;
    EXPECT_EQ(parsed(kSecret + '\n' + line + "\nA 00 00\n").substr(0, 22),
              "is no key log: line 2 ");
  }
  EXPECT_EQ(parsed(std::string(kKeyLogBytesMax + 1, '\n')), "has more than 15000000 bytes");
}

// What cannot be read says why, and what is no file is not waited for.
TEST(KeyLogTest, RefusesWhatIsNoFile) {
  const TemporaryFolder folder;
  const auto error = [](const std::string& path) {
    return std::get<KeyLogError>(read_key_log(path));
  };
  EXPECT_EQ(error(folder / "none").kind, KeyLogError::Kind::kMissing);
  EXPECT_EQ(error(folder / ".").text, "Is a directory");
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(error(folder / "pipe").text, "is no file");
  write_file(folder / "empty", "");
  EXPECT_EQ(error(folder / "empty").kind, KeyLogError::Kind::kEmpty);
  write_file(folder / "log", kSecret);
  EXPECT_EQ(std::get<std::string>(read_key_log(folder / "log")), kSecret);
}

}  // namespace
}  // namespace lossy
