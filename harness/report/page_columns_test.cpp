#include <lossy/harness/report/page_columns.hpp>

#include <gtest/gtest.h>

#include <limits>
#include <string_view>

namespace lossy {
namespace {

std::string base64_of(std::string_view text) {
  return base64(std::as_bytes(std::span(text)));
}

// The examples of RFC 4648 section 10.
TEST(PageColumns, Base64IsThatOfTheRfc) {
  EXPECT_EQ(base64_of(""), "");
  EXPECT_EQ(base64_of("f"), "Zg==");
  EXPECT_EQ(base64_of("fo"), "Zm8=");
  EXPECT_EQ(base64_of("foo"), "Zm9v");
  EXPECT_EQ(base64_of("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64_of("\xff\xfe\xfd"), "//79");
}

// What page/README.md promises: differences, zigzag, seven bits a byte, the lowest first.
TEST(PageColumns, NumbersAreVarintsOfDifferences) {
  PageColumn column;
  for (const std::int64_t number : {1, 1, 0, 100, -100}) column.add(number);
  // Differences 1, 0, -1, 100 and -200: 2, 0, 1, 200 and 399.
  EXPECT_EQ(column.text(), base64_of(std::string_view("\x02\x00\x01\xc8\x01\x8f\x03", 7)));
}

// The widest difference takes ten bytes, and overflows nothing.
TEST(PageColumns, TheWidestNumbersFit) {
  PageColumn column;
  column.add(std::numeric_limits<std::int64_t>::max());
  column.add(std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(column.text(), base64_of("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02"));
}

}  // namespace
}  // namespace lossy
