#include <lossy/harness/link/loss_model.hpp>

#include <algorithm>
#include <string>

#include <lossy/core/random.hpp>
#include <lossy/harness/link/scan.hpp>
#include <lossy/harness/link/text.hpp>

namespace lossy {
namespace {

constexpr std::uint64_t kBurstMin = 1'000;
constexpr std::uint64_t kBurstMax = 1'000'000'000'000;

// Thousandths in decimal: "4", "1.5".
std::string thousandths_text(Uint128 number) {
  const auto thousandths = static_cast<std::uint64_t>(std::min(number, Uint128{~std::uint64_t{0}}));
  return decimal_text(thousandths, 1000);
}

}  // namespace

GilbertElliott gilbert(Probability rate, std::uint64_t mean_burst_thousandths) {
  if (mean_burst_thousandths < kBurstMin || mean_burst_thousandths > kBurstMax) {
    throw TextError("a mean burst of " + thousandths_text(mean_burst_thousandths) +
                    " losses does not exist: it must be 1 to 1000000000");
  }
  const std::uint64_t lost = rate.threshold();
  const std::uint64_t kept = Probability::kOne - lost;
  if (kept == 0) throw TextError("a loss of 100% is one burst without an end");

  // A threshold stands for all rates that round to it: half a unit lower may be what was meant.
  const Uint128 lost_twice = Uint128{lost} * 2 - (lost > 0 ? 1 : 0);
  const Uint128 kept_twice = Uint128{kept} * 2 + (lost > 0 ? 1 : 0);
  const Uint128 needed = (lost_twice * 1000 + kept_twice - 1) / kept_twice;
  if (mean_burst_thousandths < needed) {
    throw TextError("a loss of " + format_probability(rate) + " needs a mean burst of " +
                    thousandths_text(needed) + " losses or more, not " +
                    thousandths_text(mean_burst_thousandths));
  }
  const Probability r = Probability::ratio(1000, mean_burst_thousandths);
  const Uint128 p = (Uint128{r.threshold()} * lost + kept / 2) / kept;
  const Uint128 one = Probability::kOne;
  return {
      .to_bad = Probability::ratio(static_cast<std::uint64_t>(std::min(p, one)), Probability::kOne),
      .to_good = r};
}

}  // namespace lossy
