#include <lossy/core/greeting/message.hpp>

#include <gmock/gmock.h>

#include <array>
#include <string>
#include <vector>

namespace lossy {
namespace {

using testing::VariantWith;

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

auto is_name(std::string_view name) {
  return VariantWith<std::string_view>(name);
}

auto is(Malformed reason) {
  return VariantWith<Malformed>(reason);
}

std::string greeting_of(std::string_view name) {
  return "Hello, " + std::string(name) + "!";
}

// UTF-8 for any number, as RFC 3629 section 3 lays out the bits, whether or not it may be encoded.
std::string encoded(std::uint32_t code_point, int length) {
  if (length == 1) return {static_cast<char>(code_point)};
  std::string text(static_cast<std::size_t>(length), '\0');
  for (auto at = text.rbegin(); at != text.rend() - 1; ++at, code_point >>= 6) {
    *at = static_cast<char>(0x80U | (code_point & 0x3FU));
  }
  text[0] = static_cast<char>((0xF00U >> length & 0xFFU) | code_point);
  return text;
}

// A request is a name and nothing else, of 1 to 1016 bytes.
TEST(Message, RequestIsNameOfOneTo1016Bytes) {
  EXPECT_THAT(parse_request({}), is(Malformed::kEmpty));
  EXPECT_THAT(parse_request(bytes("M")), is_name("M"));
  EXPECT_THAT(parse_request(bytes("Michael")), is_name("Michael"));
  EXPECT_THAT(parse_request(bytes(std::string(1016, 'x'))), is_name(std::string(1016, 'x')));
  EXPECT_THAT(parse_request(bytes(std::string(1017, 'x'))), is(Malformed::kTooLong));
  EXPECT_THAT(parse_request(bytes(std::string(65'507, 'x'))), is(Malformed::kTooLong));
}

// A name is text, not a line and not a C string: every ASCII character may be in it.
TEST(Message, RequestMayHoldAnyAscii) {
  std::string all;
  for (char c = 0; c < 0x7F; ++c) all += c;
  all += '\x7F';
  EXPECT_EQ(all.size(), 128U);
  EXPECT_THAT(parse_request(bytes(all)), is_name(all));
  EXPECT_THAT(parse_request(bytes(std::string_view("\0", 1))), is_name({"\0", 1}));
}

// The limit counts bytes and not characters, and a character is never cut in two to meet it.
TEST(Message, LimitCountsBytesOfMultiByteNames) {
  std::string name;
  for (int i = 0; i < 508; ++i) name += "é";
  EXPECT_THAT(parse_request(bytes(name)), is_name(name));
  EXPECT_THAT(parse_request(bytes(name + "é")), is(Malformed::kTooLong));
  EXPECT_THAT(parse_request(bytes(name.substr(0, 1015))), is(Malformed::kNotUtf8));
}

// Every character of Unicode may be in a name, the non-characters included, as RFC 3629 has them.
TEST(Message, RequestMayHoldEveryCodePoint) {
  for (std::uint32_t code_point = 0; code_point <= 0x10FFFF; ++code_point) {
    if (code_point >= 0xD800 && code_point <= 0xDFFF) continue;
    const int length = code_point < 0x80      ? 1
                       : code_point < 0x800   ? 2
                       : code_point < 0x10000 ? 3
                                              : 4;
    const std::string name = encoded(code_point, length);
    ASSERT_EQ(std::get<std::string_view>(parse_request(bytes(name))), name) << code_point;
  }
}

// An encoding longer than needed, a surrogate, a number beyond U+10FFFF and bytes that UTF-8 never
// uses are refused: accepting them would let two different names look the same.
TEST(Message, RequestRefusesWhatRfc3629Forbids) {
  std::vector<std::string> forbidden;
  for (std::uint32_t code_point = 0; code_point < 0x10000; ++code_point) {
    if (code_point < 0x80) forbidden.push_back(encoded(code_point, 2));
    if (code_point < 0x800) forbidden.push_back(encoded(code_point, 3));
    forbidden.push_back(encoded(code_point, 4));
    if (code_point >= 0xD800 && code_point <= 0xDFFF) forbidden.push_back(encoded(code_point, 3));
  }
  for (std::uint32_t code_point = 0x110000; code_point < 0x200000; code_point += 0xFFF) {
    forbidden.push_back(encoded(code_point, 4));
  }
  for (int lone = 0x80; lone <= 0xFF; ++lone) {
    forbidden.emplace_back(1, static_cast<char>(lone));
  }
  forbidden.emplace_back("\xF8\x88\x80\x80\x80");  // The five and six bytes of older UTF-8.
  forbidden.emplace_back("\xFC\x84\x80\x80\x80\x80");
  for (const std::string& name : forbidden) {
    ASSERT_THAT(parse_request(bytes(name)), is(Malformed::kNotUtf8))
        << testing::PrintToString(name);
    ASSERT_THAT(parse_request(bytes("before" + name)), is(Malformed::kNotUtf8));
    ASSERT_THAT(parse_request(bytes(name + "after")), is(Malformed::kNotUtf8));
  }
}

// A sequence that the end of the datagram or the next character cuts off is refused.
TEST(Message, RequestRefusesTruncatedSequences) {
  for (const std::string& whole : {std::string("é"), std::string("€"), std::string("🙂")}) {
    EXPECT_THAT(parse_request(bytes(whole)), is_name(whole));
    for (std::size_t kept = 1; kept < whole.size(); ++kept) {
      const std::string cut = whole.substr(0, kept);
      EXPECT_THAT(parse_request(bytes(cut)), is(Malformed::kNotUtf8));
      EXPECT_THAT(parse_request(bytes(cut + "x")), is(Malformed::kNotUtf8));
      EXPECT_THAT(parse_request(bytes(cut + whole)), is(Malformed::kNotUtf8));
    }
    EXPECT_THAT(parse_request(bytes(whole + "\x80")), is(Malformed::kNotUtf8));
  }
}

// Wherever in a name it stands, what is no UTF-8 is seen.
TEST(Message, RequestIsReadToItsLastByte) {
  for (std::size_t size = 1; size <= 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string name(size, 'x');
      name[at] = '\x80';
      ASSERT_THAT(parse_request(bytes(name)), is(Malformed::kNotUtf8)) << size << " at " << at;
      if (at == 0) continue;
      name[at - 1] = '\xC2';
      ASSERT_THAT(parse_request(bytes(name)), is_name(name)) << size << " at " << at;
    }
  }
}

// What lies behind the bytes given is never read: a name is not taken from a neighbour's memory.
TEST(Message, ParsingStaysWithinTheBytesGiven) {
  const std::string buffer = "🙂";
  EXPECT_THAT(parse_request(bytes(buffer).first(3)), is(Malformed::kNotUtf8));
  const std::string greeting = "Hello, Bob!";
  EXPECT_THAT(parse_greeting(bytes(greeting).first(10)), is(Malformed::kNotAGreeting));
}

// An answer is "Hello, NAME!" to the byte, and the name in it obeys the same rules.
TEST(Message, GreetingIsTheTutorials) {
  EXPECT_THAT(parse_greeting(bytes("Hello, Michael!")), is_name("Michael"));
  EXPECT_THAT(parse_greeting(bytes("Hello, !!")), is_name("!"));
  EXPECT_THAT(parse_greeting(bytes("Hello, Hello, Bob!!")), is_name("Hello, Bob!"));
  EXPECT_THAT(parse_greeting(bytes("Hello,  Bob!")), is_name(" Bob"));
  EXPECT_THAT(parse_greeting(bytes("Hello, !")), is(Malformed::kEmpty));
  EXPECT_THAT(parse_greeting(bytes("Hello, \xFF!")), is(Malformed::kNotUtf8));
  for (const char* not_one :
       {"", "!", "Hello", "Hello,", "Hello, ", "Hello,!", "Hello,Bob!", "hello, Bob!",
        " Hello, Bob!", "Hello, Bob", "Hello, Bob! ", "Hello, Bob!\n", "Bob"}) {
    EXPECT_THAT(parse_greeting(bytes(not_one)), is(Malformed::kNotAGreeting)) << not_one;
  }
}

// The longest greeting fills a datagram of 1024 bytes, and one byte more is refused.
TEST(Message, GreetingIsAtMost1024Bytes) {
  const std::string longest = greeting_of(std::string(1016, 'x'));
  EXPECT_EQ(longest.size(), kMessageBytesMax);
  EXPECT_THAT(parse_greeting(bytes(longest)), is_name(std::string(1016, 'x')));
  EXPECT_THAT(parse_greeting(bytes(greeting_of(std::string(1017, 'x')))), is(Malformed::kTooLong));
}

// What is written parses to the name it was written for, and nothing behind it is touched.
TEST(Message, WhatIsWrittenParsesBack) {
  for (const std::string& name : {std::string("M"), std::string("Zoë"), std::string(1016, 'x')}) {
    std::array<std::byte, kMessageBytesMax + 1> buffer{};
    const std::size_t request_bytes = write_request(name, buffer);
    EXPECT_EQ(request_bytes, name.size());
    EXPECT_THAT(parse_request(std::span(buffer).first(request_bytes)), is_name(name));
    EXPECT_EQ(buffer[request_bytes], std::byte{0});

    const std::size_t greeting_bytes = write_greeting(name, buffer);
    EXPECT_EQ(greeting_bytes, name.size() + 8);
    EXPECT_THAT(parse_greeting(std::span(buffer).first(greeting_bytes)), is_name(name));
    EXPECT_EQ(buffer[greeting_bytes], std::byte{0});
  }
}

// A caller that breaks the contract is told, before anything is written out of bounds.
TEST(Message, WritingRefusesBrokenCallers) {
  std::array<std::byte, kMessageBytesMax> buffer{};
  const std::string too_long(1017, 'x');
  EXPECT_THROW(write_request("", buffer), std::logic_error);
  EXPECT_THROW(write_request(too_long, buffer), std::logic_error);
  EXPECT_THROW(write_request("Bob", std::span(buffer).first(2)), std::logic_error);
  EXPECT_NO_THROW(write_request("Bob", std::span(buffer).first(3)));
  EXPECT_THROW(write_greeting("", buffer), std::logic_error);
  EXPECT_THROW(write_greeting(too_long, buffer), std::logic_error);
  EXPECT_THROW(write_greeting("Bob", std::span(buffer).first(10)), std::logic_error);
  EXPECT_NO_THROW(write_greeting("Bob", std::span(buffer).first(11)));
}

// The words for the reasons are part of the JSON, so they do not change.
TEST(Message, ReasonsHaveStableWords) {
  EXPECT_EQ(to_string(Malformed::kEmpty), "empty");
  EXPECT_EQ(to_string(Malformed::kTooLong), "too_long");
  EXPECT_EQ(to_string(Malformed::kNotUtf8), "not_utf8");
  EXPECT_EQ(to_string(Malformed::kNotAGreeting), "not_a_greeting");
  EXPECT_EQ(static_cast<std::size_t>(Malformed::kNotAGreeting) + 1, kMalformedCount);
}

}  // namespace
}  // namespace lossy
