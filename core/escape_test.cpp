#include <lossy/core/escape.hpp>

#include <gtest/gtest.h>

#include <string_view>

namespace lossy {
namespace {

std::string escaped(std::string_view text) {
  return escape_bytes(std::as_bytes(std::span(text)));
}

// What a person can read stays readable, in any language.
TEST(Escape, LeavesTextAlone) {
  EXPECT_EQ(escaped("Hello, Zoë! 你好 🎉"), "Hello, Zoë! 你好 🎉");
  EXPECT_EQ(escaped(""), "");
}

// No byte from the network can drive a terminal or change the direction of writing.
TEST(Escape, DisarmsControlCharacters) {
  EXPECT_EQ(escaped("\x1b[2J"), "\\x1b[2J");
  EXPECT_EQ(escaped("a\nb\tc\rd\\"), "a\\nb\\tc\\rd\\\\");
  EXPECT_EQ(escaped("\x7f"), "\\x7f");
  EXPECT_EQ(escaped("\xC2\x9B"
                    "31m"),
            "\\xc2\\x9b31m");  // U+009B, CSI in one character.
  EXPECT_EQ(escaped("\xE2\x80\xAE"
                    "gpj"),
            "\\xe2\\x80\\xaegpj");  // U+202E, right-to-left override.
}

// Every byte that is not UTF-8 can be told, and what stands around it is still read as text.
TEST(Escape, ShowsBrokenBytes) {
  EXPECT_EQ(escaped("a\xff"
                    "b"),
            "a\\xffb");
  EXPECT_EQ(escaped("\xc3"), "\\xc3");
  EXPECT_EQ(escaped("\xe2\x82"
                    "é"),
            "\\xe2\\x82é");
  EXPECT_EQ(escaped(std::string_view("\0x", 2)), "\\x00x");
}

// A sentence that quotes what was escaped already is not escaped again.
TEST(Escape, LeavesBackslashesOfOurOwnAlone) {
  EXPECT_EQ(escape_controls("cannot read 'a\\x1b\x1b[31m\n'"), "cannot read 'a\\x1b\\x1b[31m\\n'");
}

}  // namespace
}  // namespace lossy
