#include <lossy/harness/capture/hexdump.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lossy/harness/capture/files_for_test.hpp>

namespace lossy {
namespace {

using testing::HasSubstr;
using testing::Not;

// The first difference is found, also where one side ends.
TEST(HexdumpTest, FindsTheFirstDifference) {
  EXPECT_EQ(first_difference(as_bytes("abc"), as_bytes("abc")), std::nullopt);
  EXPECT_EQ(first_difference({}, {}), std::nullopt);
  EXPECT_EQ(first_difference(as_bytes("abc"), as_bytes("xbc")), 0U);
  EXPECT_EQ(first_difference(as_bytes("abc"), as_bytes("abx")), 2U);
  EXPECT_EQ(first_difference(as_bytes("abc"), as_bytes("ab")), 2U);
  EXPECT_EQ(first_difference({}, as_bytes("ab")), 0U);
}

// Both sides stand beside each other, and the byte that differs is marked and named.
TEST(HexdumpTest, MarksWhatDiffers) {
  EXPECT_EQ(side_by_side(as_bytes("Hello, Michael!"), as_bytes("Hello, Mjchael!")),
            "offset  expected, 15 bytes                  actual, 15 bytes\n"
            "     0  48 65 6c 6c 6f 2c 20 4d |Hello, M|  48 65 6c 6c 6f 2c 20 4d |Hello, M|\n"
            "     8  69 63 68 61 65 6c 21    |ichael!|   6a 63 68 61 65 6c 21    |jchael!|\n"
            "        ^^                                  ^^\n"
            "first difference at offset 8: expected 69 'i', actual 6a 'j'\n");
}

// A side that is shorter shows nothing where the other goes on.
TEST(HexdumpTest, ShowsWhereOneSideEnds) {
  EXPECT_EQ(side_by_side(as_bytes("abcdefgh"), as_bytes("abcdefgh\x1b[")),
            "offset  expected, 8 bytes                   actual, 10 bytes\n"
            "     0  61 62 63 64 65 66 67 68 |abcdefgh|  61 62 63 64 65 66 67 68 |abcdefgh|\n"
            "     8                                      1b 5b                   |.[|\n"
            "        ^^ ^^                               ^^ ^^\n"
            "first difference at offset 8: expected none, actual 1b\n");
}

// Of a long datagram only the lines around the first difference are shown.
TEST(HexdumpTest, IsShort) {
  const std::string expected(1024, 'a');
  std::string actual = expected;
  actual[500] = 'b';
  const std::string text = side_by_side(as_bytes(expected), as_bytes(actual));
  EXPECT_LE(std::ranges::count(text, '\n'), 12);
  EXPECT_THAT(text, HasSubstr("bytes\n   ...\n   480  "));
  EXPECT_THAT(text, HasSubstr("|\n   ...\nfirst difference"));
  EXPECT_THAT(text, Not(HasSubstr("\n   472  ")));
  EXPECT_THAT(text, HasSubstr("offset 500: expected 61 'a', actual 62 'b'\n"));
}

}  // namespace
}  // namespace lossy
