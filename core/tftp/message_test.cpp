#include <lossy/core/tftp/message.hpp>

#include <gtest/gtest.h>

#include <array>
#include <stdexcept>
#include <string>
#include <vector>

#include <lossy/core/random.hpp>

namespace lossy::tftp {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

std::span<const std::byte> bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

std::string written(const Message& message) {
  std::vector<std::byte> buffer(kHeaderBytes + kBlockBytesMax);
  const std::size_t size = write(message, buffer);
  return {reinterpret_cast<const char*>(buffer.data()), size};
}

std::string describe(const std::string& text) {
  return tftp::describe(bytes(text));
}

// Each kind, as RFC 1350 and RFC 2347 draw it.
TEST(TftpMessage, IsAsTheRfcsDrawIt) {
  EXPECT_EQ(written(Request{.writes = false, .file = "readme"}), "\0\1readme\0octet\0"s);
  EXPECT_EQ(
      written(Request{.writes = true,
                      .file = "a",
                      .options = {.block_bytes = 1428, .timeout_seconds = 3, .file_bytes = 0}}),
      "\0\2a\0octet\0blksize\0001428\0timeout\0003\0tsize\0000\0"s);
  const std::string payload = "abc";
  EXPECT_EQ(written(Data{258, bytes(payload)}), "\0\3\1\2abc"s);
  EXPECT_EQ(written(Data{.block = 7}), "\0\3\0\7"s);
  EXPECT_EQ(written(Ack{65'535}), "\0\4\xff\xff"s);
  EXPECT_EQ(written(Error{ErrorCode::kNoSuchFile, "no such file"}), "\0\5\0\1no such file\0"s);
  EXPECT_EQ(written(OptionAck{{.file_bytes = 700}}), "\0\6tsize\000700\0"s);
}

// What it is in one line, rubbish among it.
TEST(TftpMessage, ReadsInOneLine) {
  EXPECT_EQ(describe("\0\1readme\0octet\0"s), "RRQ \"readme\"");
  EXPECT_EQ(describe("\0\2a\nb\0OcTeT\0BLKSIZE\00064\0other\0x\0"s), "WRQ \"a\\nb\" blksize 64");
  EXPECT_EQ(describe("\0\3\1\2abc"s), "DATA 258, 3 bytes");
  EXPECT_EQ(describe("\0\3\0\1x"s), "DATA 1, 1 byte");
  EXPECT_EQ(describe("\0\4\0\0"s), "ACK 0");
  EXPECT_EQ(describe("\0\5\0\5unknown\0"s), "ERROR 5 \"unknown\"");
  EXPECT_EQ(describe("\0\6tsize\0007\0timeout\0000\0"s), "OACK tsize 7 and others");
  EXPECT_EQ(describe(""), "no TFTP: too_short");
}

// Every reason why bytes are none of it.
TEST(TftpMessage, RefusesForAReason) {
  const std::string longest(kFileNameBytesMax, 'x');
  for (const auto& [text, why] : std::vector<std::pair<std::string, Malformed>>{
           {"\0"s, Malformed::kTooShort},
           {"\0\3\0"s, Malformed::kTooShort},
           {"\0\5\0"s, Malformed::kTooShort},
           {"\0\1"s + longest + "x\0octet\0"s, Malformed::kTooLong},
           {"\0\5\0\0"s + longest + "x\0"s, Malformed::kTooLong},
           {"\0\3\0\1"s + std::string(kBlockBytesMax + 1, 'x'), Malformed::kTooLong},
           {"\0\0"s, Malformed::kOpcode},
           {"\0\7"s, Malformed::kOpcode},
           {"\1\1a\0octet\0"s, Malformed::kOpcode},
           {"\0\1a"s, Malformed::kUnended},
           {"\0\1a\0octet"s, Malformed::kUnended},
           {"\0\1a\0octet\0blksize\00064"s, Malformed::kUnended},
           {"\0\5\0\0x"s, Malformed::kUnended},
           {"\0\1\0octet\0"s, Malformed::kFileName},
           {"\0\1a\0netascii\0"s, Malformed::kMode},
           {"\0\1a\0octet\0blksize\0"s, Malformed::kOption},
           {"\0\1a\0octet\0tsize\0000\0tsize\0000\0"s, Malformed::kOption},
           {"\0\4\0\1x"s, Malformed::kTrailing}}) {
    const Parsed parsed = parse(bytes(text));
    ASSERT_TRUE(std::holds_alternative<Malformed>(parsed)) << describe(text);
    EXPECT_EQ(std::get<Malformed>(parsed), why) << describe(text);
  }
  EXPECT_FALSE(std::holds_alternative<Malformed>(parse(bytes("\0\1"s + longest + "\0octet\0"s))));
}

// Options with a value that they cannot have are as though they were not there.
TEST(TftpMessage, LeavesOutWhatAnOptionCannotBe) {
  for (const char* value :
       {"", "7", "65465", "-8", "+8", " 8", "8x", "0x10", "99999999999999999999"}) {
    const std::string text = "\0\6blksize\0"s + value + "\0"s;
    const auto ack = std::get<OptionAck>(parse(bytes(text)));
    EXPECT_TRUE(ack.options.empty() && ack.has_unknown) << value;
  }
  for (const char* value : {"8", "008", "65464"}) {
    const std::string text = "\0\6blksize\0"s + value + "\0"s;
    const auto ack = std::get<OptionAck>(parse(bytes(text)));
    EXPECT_TRUE(ack.options.block_bytes && !ack.has_unknown) << value;
  }
}

// Whatever is parsed is written as bytes that are parsed as the same.
TEST(TftpMessage, WrittenAndReadAgain) {
  const RandomStream draws(1);
  std::uint64_t valid = 0;
  for (std::uint64_t n = 1; n <= 200'000; ++n) {
    const RandomStream draw = draws.stream(n);
    std::string text = "\0"s;
    text += static_cast<char>(draw.at(1) % 8);
    constexpr std::array<const char*, 7> kWords{"octet", "blksize", "tsize", "9", "a", "", "\x80"};
    const std::uint64_t words = draw.at(2) % 7;
    for (std::uint64_t i = 0; i < words; ++i) {
      text += kWords[draw.stream(1).at(i) % kWords.size()];
      if (draw.stream(2).at(i) % 16 != 0) text += '\0';
    }
    const Parsed parsed = parse(bytes(text));
    if (std::holds_alternative<Malformed>(parsed)) continue;
    ++valid;
    const std::string again = std::visit(
        [](const auto& message) -> std::string {
          if constexpr (std::is_same_v<decltype(message), const Malformed&>) {
            return "";
          } else {
            return written(message);
          }
        },
        parsed);
    const std::string line = describe(text);
    ASSERT_EQ(describe(again), line.substr(0, line.find(" and others")));
  }
  EXPECT_GT(valid, 10'000U);
}

// A broken caller is told.
TEST(TftpMessage, RefusesToWriteWhatNobodyReads) {
  std::array<std::byte, 600> buffer{};
  const std::string longer(kFileNameBytesMax + 1, 'x');
  const std::vector<std::byte> block(kBlockBytesMax + 1);
  for (const Message& message : std::vector<Message>{
           Request{}, Request{.file = longer}, Request{.file = "a\0b"sv},
           Request{.file = "a", .options = {.block_bytes = 7}},
           Request{.file = "a", .options = {.timeout_seconds = 0}}, Error{.text = longer},
           Data{1, block}, Data{1, std::span(block).first(597)}}) {
    EXPECT_THROW(write(message, buffer), std::logic_error);
  }
}

}  // namespace
}  // namespace lossy::tftp
