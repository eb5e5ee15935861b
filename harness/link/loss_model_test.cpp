#include <lossy/harness/link/loss_model.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include <lossy/harness/link/chain_for_test.hpp>
#include <lossy/harness/link/text.hpp>

namespace lossy {
namespace {

using testing::HasSubstr;

std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const TextError& error) {
    return error.what();
  }
  return "no refusal";
}

// The model loses at the rate asked for, to the last bits, in bursts of the mean asked for.
TEST(Gilbert, HasTheRateAndTheBurstsAskedFor) {
  for (const double rate : {0.000001, 0.1, 1.0, 10.0, 33.333333, 50.0}) {
    for (const std::uint64_t burst : {1000U, 1001U, 1500U, 4000U, 16'000U, 1'000'000U}) {
      SCOPED_TRACE(testing::Message() << rate << "%, " << burst << " thousandths");
      const GilbertElliott model = gilbert(percent(rate), burst);
      EXPECT_EQ(model.loss_in_bad, percent(100));
      EXPECT_TRUE(model.loss_in_good.is_zero());
      EXPECT_EQ(model.to_good, Probability::ratio(1000, burst));
      // rate (p + r) = p, both sides in units of 2^-126.
      const Uint128 p = model.to_bad.threshold();
      const Uint128 r = model.to_good.threshold();
      const Uint128 left = percent(rate).threshold() * (p + r);
      const Uint128 right = p << 63;
      const Uint128 error = left > right ? left - right : right - left;
      EXPECT_LE(error / (p + r), burst / 1000 + 1);
    }
  }
}

// 10% in bursts of 4 is a way into the bad state of 1 / 36 and a way out of 1 / 4.
TEST(Gilbert, IsTheModelThatItSays) {
  const GilbertElliott model = gilbert(percent(10), 4000);
  EXPECT_NEAR(fraction(model.to_bad), 1.0 / 36, 1e-15);
  EXPECT_EQ(fraction(model.to_good), 0.25);
}

// No loss needs no bursts, and bursts of 1 / (1 - rate) are what independent loss has.
TEST(Gilbert, HasItsLimits) {
  EXPECT_TRUE(gilbert({}, 4000).to_bad.is_zero());
  const GilbertElliott independent = gilbert(percent(20), 1250);
  EXPECT_NEAR(fraction(independent.to_bad), 0.2, 1e-15);
  EXPECT_NEAR(fraction(independent.to_good), 0.8, 1e-15);
  // One good datagram between bursts of B is the most there can be.
  EXPECT_NEAR(fraction(gilbert(percent(90), 9000).to_bad), 1, 1e-15);
  EXPECT_NEAR(fraction(gilbert(percent(50), 1000).to_bad), 1, 1e-15);
  EXPECT_NEAR(fraction(gilbert(percent(75), 3000).to_bad), 1, 1e-15);
  EXPECT_EQ(gilbert(percent(1), 1'000'000'000'000).to_good, Probability::ratio(1, 1'000'000'000));
}

// What cannot be is refused with what would do.
TEST(Gilbert, RefusesWhatCannotBe) {
  EXPECT_THAT(refusal([] { gilbert(percent(90), 4000); }),
              HasSubstr("a loss of 90% needs a mean burst of 9 losses or more, not 4"));
  EXPECT_THAT(refusal([] { gilbert(percent(90), 8999); }),
              HasSubstr("9 losses or more, not 8.999"));
  EXPECT_THAT(refusal([] { gilbert(percent(60), 1200); }),
              HasSubstr("1.5 losses or more, not 1.2"));
  EXPECT_THAT(refusal([] { gilbert(percent(100), 4000); }), HasSubstr("100%"));
  EXPECT_THAT(refusal([] { gilbert(percent(10), 999); }), HasSubstr("0.999"));
  EXPECT_THAT(refusal([] { gilbert(percent(10), 0); }), HasSubstr("must be 1 to 1000000000"));
  EXPECT_THAT(refusal([] { gilbert(percent(10), 1'000'000'000'001); }),
              HasSubstr("must be 1 to 1000000000"));
  const Probability nearly_one = Probability::ratio(Probability::kOne - 1, Probability::kOne);
  EXPECT_THAT(refusal([&] { gilbert(nearly_one, 4000); }), HasSubstr("needs a mean burst"));
}

}  // namespace
}  // namespace lossy
