#include <lossy/harness/fit/loss_fit.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <lossy/harness/fit/maximum.hpp>

namespace lossy {
namespace {

// With fewer losses there is nothing to tell runs from.
constexpr std::uint64_t kLossesMin = 5;

double criterion(double log_likelihood, int parameters, std::uint64_t datagrams) {
  return parameters * natural_log(static_cast<double>(datagrams)) - 2 * log_likelihood;
}

// count * ln(probability), where 0 * ln(0) is 0.
double log_of(std::uint64_t count, double probability) {
  return count == 0 ? 0 : static_cast<double>(count) * natural_log(probability);
}

double independent_likelihood(const OutcomeCounts& counts) {
  const double p = static_cast<double>(counts.lost) / static_cast<double>(counts.known);
  return log_of(counts.lost, p) + log_of(counts.known - counts.lost, 1 - p);
}

// The distance between any two losses that follow on each other, if that is always the same and
// nowhere as many others stand in a row; else 0.
std::uint64_t equal_distance(const std::vector<OutcomeRuns>& flows) {
  std::uint64_t distance = 0;
  std::uint64_t longest = 0;
  for (const OutcomeRuns& runs : flows) {
    std::uint64_t since = 0;
    bool any = false;
    for (const auto& [outcome, length] : runs) {
      if (outcome != LossOutcome::kLost) {
        since += length;
        longest = std::max(longest, since);
        continue;
      }
      if (length > 1 || (any && distance != 0 && distance != since + 1)) return 0;
      if (any) distance = since + 1;
      any = true;
      since = 0;
    }
  }
  return longest < distance ? distance : 0;
}

// What a search for the maximum varies: each probability as the root of its odds, which may be any
// number.
constexpr double probability_of(double root) {
  return root * root / (1 + root * root);
}
double root_of(double probability) {
  const double inside = std::clamp(probability, 1e-9, 1 - 1e-9);
  return std::sqrt(inside / (1 - inside));
}
// d probability / d root.
double slope_at(double root) {
  const double whole = 1 + root * root;
  return 2 * root / (whole * whole);
}

class ChainFit {
 public:
  ChainFit(const std::vector<OutcomeRuns>& flows, const OutcomeCounts& counts, LossKind kind)
      : flows_(flows), counts_(counts), kind_(kind) {}

  static std::size_t parameters(LossKind kind) {
    switch (kind) {
      case LossKind::kGilbert:
        return 2;
      case LossKind::kGilbertElliott:
        return 3;
      default:
        return 4;
    }
  }

  // Whether there is a maximum inside of what is possible, and not below `worth`.
  bool run(double worth) {
    const std::size_t variables = parameters(kind_);
    const auto some = some_of(flows_);
    const Function on_some = [&](const Point& at) {
      return log_likelihood(chain_at(at), some.empty() ? flows_ : some);
    };
    const Function on_all = [&](const Point& at) { return log_likelihood(chain_at(at), flows_); };
    Point best{};
    double best_value = -std::numeric_limits<double>::infinity();
    for (const HiddenChain& start : starts(some.empty() ? flows_ : some)) {
      const Point at = climb(on_some, point_at(start), variables, 300);
      const double value = on_some(at);
      if (value > best_value) {
        best = at;
        best_value = value;
      }
    }
    if (!some.empty()) best = climb(on_all, best, variables, 30);
    maximum_ = find_maximum(on_all, best, variables, worth);
    return maximum_.is_sharp && maximum_.value > worth;
  }

  double value() const { return maximum_.value; }

  void write(LossFit& fit) const {
    HiddenChain chain = chain_at(maximum_.at);
    Estimate* parts[] = {&fit.to_bad, &fit.to_good, &fit.loss_in_bad, &fit.loss_in_good};
    const double values[] = {chain.to_bad, chain.to_good, chain.loss_in_bad, chain.loss_in_good};
    for (std::size_t i = 0; i < parameters(kind_); ++i) {
      *parts[i] = {values[i],
                   std::abs(slope_at(maximum_.at[i])) * std::sqrt(maximum_.covariance[i][i])};
    }
    if (chain.loss_in_good > chain.loss_in_bad) {  // Which is the bad one, chance has told.
      std::swap(fit.to_bad, fit.to_good);
      std::swap(fit.loss_in_bad, fit.loss_in_good);
    }
    fit.rate = {chain.loss_rate(), rate_error()};
  }

 private:
  HiddenChain chain_at(const Point& at) const {
    HiddenChain chain{probability_of(at[0]), probability_of(at[1])};
    const std::size_t variables = parameters(kind_);
    if (variables > 2) chain.loss_in_bad = probability_of(at[2]);
    if (variables > 3) chain.loss_in_good = probability_of(at[3]);
    return chain;
  }
  static Point point_at(const HiddenChain& chain) {
    return {root_of(chain.to_bad), root_of(chain.to_good), root_of(chain.loss_in_bad),
            root_of(chain.loss_in_good)};
  }

  // By the delta method.
  double rate_error() const {
    const std::size_t variables = parameters(kind_);
    Point slope{};
    for (std::size_t i = 0; i < variables; ++i) {
      const double step = 1e-4 * maximum_.at[i];
      Point above = maximum_.at;
      Point below = maximum_.at;
      above[i] += step;
      below[i] -= step;
      slope[i] = (chain_at(above).loss_rate() - chain_at(below).loss_rate()) / (2 * step);
    }
    double variance = 0;
    for (std::size_t i = 0; i < variables; ++i) {
      for (std::size_t j = 0; j < variables; ++j) {
        variance += slope[i] * slope[j] * maximum_.covariance[i][j];
      }
    }
    return std::sqrt(std::max(variance, 0.0));
  }

  // Where several hills are to be told apart, fewer runs will do; nothing where there are few.
  static std::vector<OutcomeRuns> some_of(const std::vector<OutcomeRuns>& flows) {
    constexpr std::size_t kRunsEnough = 20'000;
    std::size_t runs = 0;
    for (const OutcomeRuns& flow : flows) runs += flow.size();
    if (runs <= 2 * kRunsEnough) return {};
    std::vector<OutcomeRuns> some;
    std::size_t taken = 0;
    for (const OutcomeRuns& flow : flows) {
      const std::size_t more = std::min(flow.size(), kRunsEnough - taken);
      some.emplace_back(flow.begin(), flow.begin() + static_cast<std::ptrdiff_t>(more));
      taken += more;
      if (taken == kRunsEnough) break;
    }
    return some;
  }

  // Moments as Gilbert took them, and a few guesses beside them.
  std::vector<HiddenChain> starts(const std::vector<OutcomeRuns>& flows) const {
    const double known = static_cast<double>(counts_.known);
    const double rate = static_cast<double>(counts_.lost) / known;
    const double behind_received =
        static_cast<double>(counts_.steps[0][1]) /
        static_cast<double>(std::max<std::uint64_t>(counts_.steps[0][0] + counts_.steps[0][1], 1));
    const double behind_lost =
        static_cast<double>(counts_.steps[1][0]) /
        static_cast<double>(std::max<std::uint64_t>(counts_.steps[1][0] + counts_.steps[1][1], 1));
    std::vector<HiddenChain> starts{{behind_received, behind_lost}};
    if (kind_ == LossKind::kGilbert) return starts;
    starts.clear();
    for (const double in_bad : {0.9, 0.5, 0.25}) {
      if (in_bad <= rate) continue;
      for (const double remembers : {0.99, 0.9, 0.6}) {
        const double bad = rate / in_bad;
        const double in_good = kind_ == LossKind::kGilbertElliott ? 0 : rate / 8;
        starts.push_back({(1 - remembers) * bad, (1 - remembers) * (1 - bad), in_bad, in_good});
      }
    }
    if (starts.empty()) return {{0.1, 0.1, (1 + rate) / 2, rate / 2}};
    // From the most likely two: a climb costs as much as many looks.
    std::vector<std::pair<double, HiddenChain>> looks;
    for (const HiddenChain& chain : starts)
      looks.emplace_back(-log_likelihood(chain, flows), chain);
    std::stable_sort(looks.begin(), looks.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    starts.clear();
    for (std::size_t i = 0; i < 2 && i < looks.size(); ++i) starts.push_back(looks[i].second);
    return starts;
  }

  const std::vector<OutcomeRuns>& flows_;
  const OutcomeCounts& counts_;
  LossKind kind_;
  Maximum maximum_;
};

// Whether there is enough to tell runs from.
bool may_be_chain(const OutcomeCounts& counts) {
  return counts.lost >= kLossesMin && counts.known - counts.lost >= kLossesMin &&
         counts.steps[0][1] > 0 && counts.steps[1][0] > 0;
}

}  // namespace

std::string_view to_string(LossKind kind) {
  static constexpr std::string_view kWords[kLossKindCount] = {
      "nothing", "independent", "gilbert", "gilbert_elliott", "gilbert_elliott_full", "every_nth"};
  return kWords[static_cast<std::size_t>(kind)];
}

LossFit fit_loss(const std::vector<OutcomeRuns>& flows) {
  LossFit fit;
  fit.counts = count_outcomes(flows);
  const OutcomeCounts& counts = fit.counts;
  if (counts.known == 0) return fit;
  fit.kind = LossKind::kIndependent;
  fit.rate = share_of(counts.lost, counts.known);
  if (counts.lost == 0) fit.rate_at_most = std::min(1.0, 3 / static_cast<double>(counts.known));
  const double independent = independent_likelihood(counts);
  double least = criterion(independent, 1, counts.known);
  fit.candidates.push_back({LossKind::kIndependent, independent, least});
  if (!may_be_chain(counts)) return fit;
  if (const std::uint64_t every = equal_distance(flows); every > 1) {
    fit.kind = LossKind::kEveryNth;
    fit.every = every;
    fit.rate = {1 / static_cast<double>(every), 0};
    fit.candidates.push_back({LossKind::kEveryNth, 0, criterion(0, 1, counts.known)});
    return fit;
  }
  for (const LossKind kind :
       {LossKind::kGilbert, LossKind::kGilbertElliott, LossKind::kGilbertElliottFull}) {
    ChainFit chain(flows, counts, kind);
    const auto parameters = static_cast<int>(ChainFit::parameters(kind));
    // What makes its criterion as good as that of the best until now.
    const double worth = (criterion(0, parameters, counts.known) - least) / 2;
    if (!chain.run(worth)) continue;
    least = criterion(chain.value(), parameters, counts.known);
    fit.candidates.push_back({kind, chain.value(), least});
    fit.kind = kind;
    chain.write(fit);
  }
  return fit;
}

LossModel LossFit::model() const {
  if (kind == LossKind::kEveryNth) return EveryNthLoss{every};
  if (kind == LossKind::kNothing || kind == LossKind::kIndependent) {
    return RandomLoss{rounded_probability(rate)};
  }
  return GilbertElliott{rounded_probability(to_bad), rounded_probability(to_good),
                        rounded_probability(loss_in_bad), rounded_probability(loss_in_good)};
}

}  // namespace lossy
