#include <lossy/harness/report/line_style.hpp>

#include <gtest/gtest.h>

namespace lossy {
namespace {

// The width is that on the screen, whatever the bytes are.
TEST(LineStyle, MeasuresColumns) {
  EXPECT_EQ(display_width(""), 0U);
  EXPECT_EQ(display_width("Zoë"), 3U);
  EXPECT_EQ(display_width("你好"), 4U);
  EXPECT_EQ(display_width("e\xCC\x81"), 1U);  // An accent that joins the letter.
  EXPECT_EQ(display_width("a\xff"), 2U);
}

// A line that fits is left alone, and one that does not ends in an ellipsis and in no half of a
// character.
TEST(LineStyle, CutsToTheWindow) {
  EXPECT_EQ(cut_to_width("Michael", 7), "Michael");
  EXPECT_EQ(cut_to_width("Michael", 6), "Micha…");
  EXPECT_EQ(cut_to_width("你好吗", 5), "你好…");
  EXPECT_EQ(cut_to_width("你好吗", 4), "你…");  // Half of a wide one does not count.
  EXPECT_EQ(cut_to_width("Michael", 1), "…");
  EXPECT_EQ(cut_to_width("Michael", 0), "");
}

// Nothing is cut or coloured where nobody asked for it, and colours are not part of the width.
TEST(LineStyle, ColoursOnlyWhereAsked) {
  EXPECT_EQ((LineStyle{}.apply("lost: drop", LineMood::kBad)), "lost: drop");
  EXPECT_EQ((LineStyle{.columns = 5, .colour = true}.apply("lost: drop", LineMood::kBad)),
            "\033[31mlost…\033[0m");
  EXPECT_EQ((LineStyle{.columns = 0, .colour = true}.apply("x", LineMood::kPlain)), "x");
}

}  // namespace
}  // namespace lossy
