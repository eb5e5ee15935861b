#include "harness/report/readable.hpp"

#include <gtest/gtest.h>

namespace lossy {
namespace {

using namespace std::chrono_literals;

// A duration has four digits in the unit that a person would choose.
TEST(Readable, Durations) {
  EXPECT_EQ(readable(0ns), "0 ms");
  EXPECT_EQ(readable(59'600ns), "59.6 us");
  EXPECT_EQ(readable(40ms), "40 ms");
  EXPECT_EQ(readable(1'004ms), "1.004 s");
  EXPECT_EQ(readable(8760h), "31536000 s");
}

// All is 100 % and nothing else is; nothing is left out.
TEST(Readable, Percentages) {
  EXPECT_EQ(percent(0, 7), "");
  EXPECT_EQ(percent(1, 0), "");
  EXPECT_EQ(percent(1, 8), "12.5%");
  EXPECT_EQ(percent(1, 3'000'000), "3.33e-05%");
  EXPECT_EQ(percent(99'999, 100'000), ">99.9%");
  EXPECT_EQ(percent(100'000, 100'000), "100%");
}

}  // namespace
}  // namespace lossy
