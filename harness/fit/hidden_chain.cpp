#include <lossy/harness/fit/hidden_chain.hpp>

#include <algorithm>
#include <array>
#include <limits>

#include <lossy/harness/fit/numbers.hpp>

namespace lossy {
namespace {

// What a step and its outcome make of the probabilities of the good and the bad state, times a
// scale.
struct Step {
  double good_good = 0;
  double good_bad = 0;
  double bad_good = 0;
  double bad_bad = 0;
  double log_scale = 0;
};

Step after(const Step& first, const Step& second) {
  Step both{first.good_good * second.good_good + first.good_bad * second.bad_good,
            first.good_good * second.good_bad + first.good_bad * second.bad_bad,
            first.bad_good * second.good_good + first.bad_bad * second.bad_good,
            first.bad_good * second.good_bad + first.bad_bad * second.bad_bad,
            first.log_scale + second.log_scale};
  const double most = std::max({both.good_good, both.good_bad, both.bad_good, both.bad_bad});
  if (most > 1e-100 || most <= 0) return both;
  both.good_good /= most;
  both.good_bad /= most;
  both.bad_good /= most;
  both.bad_bad /= most;
  both.log_scale += natural_log(most);
  return both;
}

// The steps of a run of datagrams with the same outcome. Most runs are short, and take one.
class RunSteps {
 public:
  RunSteps(const HiddenChain& chain, double in_good, double in_bad, std::uint64_t longest) {
    const Step one{(1 - chain.to_bad) * in_good, chain.to_bad * in_bad, chain.to_good * in_good,
                   (1 - chain.to_good) * in_bad, 0};
    short_.push_back(one);
    while (short_.size() < std::min<std::uint64_t>(longest, kShort)) {
      short_.push_back(after(short_.back(), one));
    }
    if (longest <= kShort) return;
    powers_.push_back(after(short_.back(), one));
    for (std::uint64_t length = kShort + 1; length <= longest / 2; length *= 2) {
      powers_.push_back(after(powers_.back(), powers_.back()));
    }
  }

  // Calls take(step) for the steps of a run, one after the other.
  template <typename Take>
  void for_each(std::uint64_t length, Take&& take) const {
    if (const std::uint64_t rest = length % (kShort + 1); rest > 0) take(short_[rest - 1]);
    std::size_t i = 0;
    for (std::uint64_t left = length / (kShort + 1); left > 0; left /= 2, ++i) {
      if (left % 2 != 0) take(powers_[i]);
    }
  }

 private:
  static constexpr std::uint64_t kShort = 63;

  std::vector<Step> short_;   // Of 1, 2, ... kShort datagrams.
  std::vector<Step> powers_;  // Of kShort + 1 datagrams, and of twice as many each.
};

}  // namespace

double log_likelihood(const HiddenChain& chain, const std::vector<OutcomeRuns>& flows) {
  std::array<std::uint64_t, kOutcomeCount> longest{};
  for (const OutcomeRuns& runs : flows) {
    for (const auto& [outcome, length] : runs) {
      std::uint64_t& most = longest[static_cast<std::size_t>(outcome)];
      most = std::max(most, length);
    }
  }
  const std::array<RunSteps, kOutcomeCount> steps{
      RunSteps(chain, 1 - chain.loss_in_good, 1 - chain.loss_in_bad, longest[0]),
      RunSteps(chain, chain.loss_in_good, chain.loss_in_bad, longest[1]),
      RunSteps(chain, 1, 1, longest[2])};
  double log_sum = 0;
  for (const OutcomeRuns& runs : flows) {
    // A step leaves the stationary distribution as it is, so that the first datagram may take one.
    double bad = chain.bad_share();
    double good = 1 - bad;
    double scale = 1;
    for (const auto& [outcome, length] : runs) {
      steps[static_cast<std::size_t>(outcome)].for_each(length, [&](const Step& step) {
        const double new_good = good * step.good_good + bad * step.bad_good;
        bad = good * step.good_bad + bad * step.bad_bad;
        good = new_good;
        log_sum += step.log_scale;
      });
      const double sum = good + bad;
      if (!(sum > 0)) return -std::numeric_limits<double>::infinity();
      good /= sum;
      bad /= sum;
      scale *= sum;
      if (scale < 1e-200) {
        log_sum += natural_log(scale);
        scale = 1;
      }
    }
    log_sum += natural_log(scale);
  }
  return log_sum;
}

}  // namespace lossy
