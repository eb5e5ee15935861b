#include <lossy/harness/report/loss_runs.hpp>

#include <array>
#include <numeric>
#include <variant>

#include <lossy/harness/report/path_figures.hpp>

namespace lossy {
namespace {

// Two chains side by side: a datagram is lost when either loses it.
class BothChains {
 public:
  static constexpr std::size_t kStates = LossChain::kStates * LossChain::kStates;
  using Row = std::array<double, kStates>;

  BothChains(const LossChain& one, const LossChain& other) : one_(one), other_(other) {}

  Row stationary() const {
    const LossChain::Row one = one_.stationary();
    const LossChain::Row other = other_.stationary();
    Row row{};
    for (std::size_t i = 0; i < kStates; ++i) row[i] = one[of_one(i)] * other[of_other(i)];
    return row;
  }
  double lost(std::size_t state) const {
    return 1 - (1 - one_.lost[of_one(state)]) * (1 - other_.lost[of_other(state)]);
  }
  Row step(const Row& from) const {
    Row to{};
    for (std::size_t i = 0; i < kStates; ++i) {
      for (std::size_t j = 0; from[i] > 0 && j < kStates; ++j) {
        to[j] += from[i] * one_.next[of_one(i)][of_one(j)] * other_.next[of_other(i)][of_other(j)];
      }
    }
    return to;
  }
  // The part of it in which the datagram is lost.
  Row losing(Row row) const {
    for (std::size_t i = 0; i < kStates; ++i) row[i] *= lost(i);
    return row;
  }

 private:
  static std::size_t of_one(std::size_t state) { return state / LossChain::kStates; }
  static std::size_t of_other(std::size_t state) { return state % LossChain::kStates; }

  LossChain one_;
  LossChain other_;
};

double sum_of(const BothChains::Row& row) {
  return std::accumulate(row.begin(), row.end(), 0.0);
}

}  // namespace

std::vector<double> loss_run_shares(const LinkSettings& settings, std::size_t lengths) {
  const LossModel model = settings.loss.value_or(LossModel{});
  const RandomLoss checksum{settings.checksum.value_or(Chance{})};
  const double rate = path_figures(settings).loss.rate;
  if (rate <= 0 || rate >= 1) return {};
  std::vector<double> shares(lengths);
  if (std::holds_alternative<EveryNthLoss>(model)) {
    if (happens(settings.checksum)) return {};
    shares[0] = 1;
    return shares;
  }
  const BothChains chain(loss_chain(model), loss_chain(checksum));
  BothChains::Row received = chain.stationary();
  for (std::size_t i = 0; i < received.size(); ++i) received[i] *= 1 - chain.lost(i);
  BothChains::Row run =
      chain.losing(chain.step(received));  // The first loss behind a received one.
  const double runs = sum_of(run);
  if (runs <= 0) return {};
  double at_least = 1;
  for (double& share : shares) {
    run = chain.losing(chain.step(run));
    const double longer = sum_of(run) / runs;
    share = at_least - longer;
    at_least = longer;
  }
  return shares;
}

}  // namespace lossy
