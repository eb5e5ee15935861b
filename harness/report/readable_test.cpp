#include <lossy/harness/report/readable.hpp>

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
  EXPECT_EQ(readable(999'900ms), "999.9 s");
  EXPECT_EQ(readable(1000s), "16.67 min");
  EXPECT_EQ(readable(24h), "24 h");
  EXPECT_EQ(readable(1'300'000s), "15.05 days");
  EXPECT_EQ(readable(8760h), "365 days");
  EXPECT_EQ(readable(Duration::max()), "106752 days");
  EXPECT_EQ(readable(1ns), "0.001 us");
  EXPECT_EQ(readable(50.0), "50 s");
}

// No number is written with an exponent, however large or small.
TEST(Readable, Digits) {
  EXPECT_EQ(plain_digits(0, 4), "0");
  EXPECT_EQ(plain_digits(12.3456, 4), "12.35");
  EXPECT_EQ(plain_digits(50'000, 4), "50000");
  EXPECT_EQ(plain_digits(1'234'567, 3), "1234567");
  EXPECT_EQ(plain_digits(0.000012345, 3), "0.0000123");
  EXPECT_EQ(plain_digits(1e-7, 3), "0.0000001");
  EXPECT_EQ(plain_digits(-2.5e-6, 3), "-0.0000025");
}

// All is 100 % and nothing else is; nothing is left out.
TEST(Readable, Percentages) {
  EXPECT_EQ(percent(0, 7), "");
  EXPECT_EQ(percent(1, 0), "");
  EXPECT_EQ(percent(1, 8), "12.5%");
  EXPECT_EQ(percent(1, 3'000'000), "0.0000333%");
  EXPECT_EQ(percent(99'999, 100'000), ">99.9%");
  EXPECT_EQ(percent(100'000, 100'000), "100%");
}

}  // namespace
}  // namespace lossy
