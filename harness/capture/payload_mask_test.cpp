#include <lossy/harness/capture/payload_mask.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lossy/core/endpoint.hpp>
#include <lossy/core/random.hpp>
#include <lossy/harness/capture/files_for_test.hpp>

namespace lossy {
namespace {

using testing::HasSubstr;
using testing::Optional;

std::string kept(const PayloadMask& mask, std::string_view payload) {
  std::vector<std::byte> scratch;
  return to_text(mask.kept(as_bytes(payload), scratch));
}

PayloadMask bytes_mask(std::string_view ranges) {
  PayloadMask mask;
  EXPECT_EQ(mask.ignore_bytes(ranges), std::nullopt) << ranges;
  return mask;
}

PayloadMask match_mask(std::string_view expression) {
  PayloadMask mask;
  EXPECT_EQ(mask.ignore_matches(expression), std::nullopt) << expression;
  return mask;
}

// Without anything to ignore a payload is what it is, and is not copied.
TEST(PayloadMask, NothingIsIgnoredAtFirst) {
  const std::string payload = "Hello";
  std::vector<std::byte> scratch;
  EXPECT_TRUE(PayloadMask().empty());
  EXPECT_EQ(PayloadMask().kept(as_bytes(payload), scratch).data(), as_bytes(payload).data());
}

// Bytes that are ignored might as well not be there; ranges may overlap, touch, come in any order
// and lie behind the end.
TEST(PayloadMask, RangesOfBytes) {
  EXPECT_EQ(kept(bytes_mask("0-1"), "abcdef"), "cdef");
  EXPECT_EQ(kept(bytes_mask("0-1,4"), "abcdef"), "cdf");
  EXPECT_EQ(kept(bytes_mask("4,0-1,1-2"), "abcdef"), "df");
  EXPECT_EQ(kept(bytes_mask("2-"), "abcdef"), "ab");
  EXPECT_EQ(kept(bytes_mask("0-"), "abcdef"), "");
  EXPECT_EQ(kept(bytes_mask("2-,1"), "abcdef"), "a");
  EXPECT_EQ(kept(bytes_mask("5-65526"), "abcdef"), "abcde");
  EXPECT_EQ(kept(bytes_mask("100-200"), "abcdef"), "abcdef");
  EXPECT_EQ(kept(bytes_mask("0"), ""), "");
  PayloadMask mask = bytes_mask("0");
  EXPECT_EQ(mask.ignore_bytes("5"), std::nullopt);
  EXPECT_EQ(kept(mask, "abcdef"), "bcde");
}

// What cannot be read is refused with the reason, and changes nothing.
TEST(PayloadMask, HostileRanges) {
  for (const std::string_view text : {"",
                                      ",",
                                      "1,",
                                      ",1",
                                      "-",
                                      "-1",
                                      "1-2-3",
                                      "1--2",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "a",
                                      "0x1",
                                      "1-a",
                                      "65527",
                                      "0-65527",
                                      "18446744073709551616",
                                      "99999999999999999999999",
                                      "1.5",
                                      "0-1;4",
                                      "1-,",
                                      "--"}) {
    PayloadMask mask = bytes_mask("0");
    EXPECT_THAT(mask.ignore_bytes(text), Optional(HasSubstr("is no range of bytes"))) << text;
    EXPECT_EQ(kept(mask, "ab"), "b") << text;
  }
  PayloadMask mask;
  EXPECT_THAT(mask.ignore_bytes("2-1"), Optional(HasSubstr("'2-1' ends before it begins")));
  EXPECT_THAT(mask.ignore_bytes("1\n\x1b[31m"), Optional(HasSubstr("'1\\n\\x1b[31m'")));
  EXPECT_THAT(mask.ignore_bytes(std::string(65'537, '1')), Optional(HasSubstr("too long")));
  EXPECT_TRUE(mask.empty());
}

// Whatever the text, it is read or refused; and what was read ignores no byte that is not in it.
TEST(PayloadMask, RandomRanges) {
  const RandomStream random(7);
  std::uint64_t draws = 0;
  const auto below = [&](std::uint64_t bound) { return uniform_below(random.at(draws++), bound); };
  constexpr std::string_view kLetters = "0123456789,--,,  x";
  int read = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (std::uint64_t size = below(12); size > 0; --size) {
      text += kLetters[below(kLetters.size())];
    }
    PayloadMask mask;
    if (mask.ignore_bytes(text)) continue;
    ++read;
    EXPECT_LT(kept(mask, std::string(65'527, 'x')).size(), 65'527U) << text;
  }
  EXPECT_GT(read, 100);
}

TEST(PayloadMask, Expressions) {
  EXPECT_EQ(kept(match_mask("[0-9]+"), "id 17, id 4"), "id , id ");
  EXPECT_EQ(kept(match_mask("^.."), "abcd"), "cd");
  EXPECT_EQ(kept(match_mask("x*"), "abc"), "abc");  // It matches nothing, in each place.
  EXPECT_EQ(kept(match_mask("\\x00[\\s\\S]"), std::string("a\0b\0\nc", 6)), "ac");
  EXPECT_EQ(kept(match_mask("[\x80-\xff]+"), "a\x80\xff\x90z"), "az");
  EXPECT_EQ(kept(match_mask("[\\x00-\\xfe]+"), "a\x80\xff\x90z"), "\xff");
  EXPECT_EQ(kept(match_mask("a"), ""), "");
}

// Bytes and expressions add up, each by where things stand in the payload as it came.
TEST(PayloadMask, BytesAndExpressions) {
  PayloadMask mask = bytes_mask("0-1");
  EXPECT_EQ(mask.ignore_matches("b.d"), std::nullopt);
  EXPECT_EQ(mask.ignore_matches("f$"), std::nullopt);
  EXPECT_EQ(kept(mask, "abcdef"), "e");
}

TEST(PayloadMask, ExpressionsThatAreNone) {
  PayloadMask mask;
  for (const std::string_view text : {"(", "[", "a{2,1}", "*", "\\", "(?=a)", "[z-a]", "a\xff("}) {
    EXPECT_THAT(mask.ignore_matches(text), Optional(HasSubstr("is no regular expression: ")))
        << text;
  }
  EXPECT_THAT(mask.ignore_matches("(a)\\1"), Optional(HasSubstr("invalid escape sequence")));
  EXPECT_THAT(mask.ignore_matches(""), Optional(HasSubstr("missing")));
  EXPECT_THAT(mask.ignore_matches(std::string(1025, 'a')), Optional(HasSubstr("at most 1024")));
  EXPECT_TRUE(mask.empty());
  for (int i = 0; i < 16; ++i) EXPECT_EQ(mask.ignore_matches("a"), std::nullopt);
  EXPECT_THAT(mask.ignore_matches("a"), Optional(HasSubstr("16 expressions")));
}

// Neither an expression that has ever more ways to fail nor the longest payload takes long, or more
// memory than there is.
TEST(PayloadMask, NoExpressionTakesForever) {
  const std::string longest(PayloadMask::kSearchedBytesMax, 'a');
  for (const char* expression : {"(a+)+b", "(a|aa)+$b", "(a?){500}b", "a*b|c"}) {
    EXPECT_EQ(kept(match_mask(expression), longest), longest) << expression;
  }
  EXPECT_EQ(kept(match_mask("a[^c]*"), longest), "");
  std::string nested;
  for (int i = 0; i < 250; ++i) nested += "(|a";
  EXPECT_EQ(kept(match_mask(nested + std::string(250, ')')), "b"), "b");
  // One byte more is not looked at.
  const std::string longer = longest + 'a';
  EXPECT_FALSE(match_mask("a").can_search(as_bytes(longer)));
  EXPECT_EQ(kept(match_mask("a"), longer), longer);
}

// Counts multiply what an expression takes of memory, and so are bounded.
TEST(PayloadMask, NoExpressionRepeatsForever) {
  PayloadMask mask;
  for (const char* expression : {"(a?){20000}", "(a?){20000,}", "(((a{500}){500}){500})",
                                 "a{99999999999999999999}b{2000}"}) {
    EXPECT_THAT(mask.ignore_matches(expression), Optional(HasSubstr("is no regular expression: ")))
        << expression;
  }
  EXPECT_TRUE(mask.empty());
  EXPECT_EQ(kept(match_mask("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
                 "id 01234567-89ab-cdef-0123-456789abcdef!"),
            "id !");
}

// The bytes of the ranges are copied as far as both payloads have them.
TEST(PayloadMask, CopiesRanges) {
  std::string to = "answer";
  const auto copy = [&](std::string_view ranges, std::string_view from) {
    to = "answer";
    bytes_mask(ranges).copy_ranges(as_bytes(from), std::as_writable_bytes(std::span(to)));
    return to;
  };
  EXPECT_EQ(copy("0-1", "REQUEST"), "REswer");
  EXPECT_EQ(copy("0,4-", "REQUEST"), "RnswES");
  EXPECT_EQ(copy("0-1,100-", "R"), "Rnswer");
  EXPECT_EQ(copy("0-", ""), "answer");
}

}  // namespace
}  // namespace lossy
