#include <lossy/harness/fit/numbers.hpp>

#include <gtest/gtest.h>

namespace lossy {
namespace {

// As the C library has it, to within a few units in the last place.
TEST(Numbers, LogarithmIsTheLogarithm) {
  for (double x = 1e-300; x < 1e300; x *= 1.7) {
    EXPECT_NEAR(natural_log(x), std::log(x), 4e-16 * std::max(1.0, std::abs(std::log(x)))) << x;
  }
  for (double x = 0.5; x < 2; x += 0.001) {
    EXPECT_NEAR(natural_log(x), std::log(x), 4e-16 * std::max(1.0, std::abs(std::log(x)))) << x;
  }
  EXPECT_EQ(natural_log(1), 0);
}

TEST(Numbers, AreRoundedToTheirErrors) {
  EXPECT_DOUBLE_EQ(rounded_to_error(0.0123456, 0.0021), 0.012);
  EXPECT_DOUBLE_EQ(rounded_to_error(0.0123456, 0.0019), 0.0123);
  EXPECT_DOUBLE_EQ(rounded_to_error(123456, 0.1), 123456);
  EXPECT_DOUBLE_EQ(rounded_to_error(123456, 250), 123500);
  EXPECT_DOUBLE_EQ(rounded_to_error(123456, 2), 123456);
  EXPECT_EQ(rounded_to_error(0.1 + 0.2, 0), 0.1 + 0.2);
}

TEST(Numbers, AreToldToLinks) {
  EXPECT_EQ(rounded_probability({0.0123456, 0.0021}), Probability::ratio(12, 1000));
  EXPECT_EQ(rounded_probability({1, 0}), Probability::ratio(1, 1));
  EXPECT_EQ(rounded_probability({1.2, 0.1}), Probability::ratio(1, 1));
  EXPECT_EQ(rounded_duration({20'012'345.4, 9000}), std::chrono::microseconds(20'012));
  EXPECT_EQ(rounded_duration({12.4, 0}), Duration(12));
  EXPECT_EQ(rounded_duration({-5, 1}), Duration::zero());
}

}  // namespace
}  // namespace lossy
