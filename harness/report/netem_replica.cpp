#include <lossy/harness/report/netem_replica.hpp>

#include <cmath>
#include <vector>

#include <lossy/core/random.hpp>
#include <lossy/harness/report/path_figures.hpp>

namespace lossy {
namespace {

constexpr int kTries = 1'000'000;

// netem's numbers have 32 bits.
class Draws {
 public:
  explicit Draws(std::uint64_t place) : stream_(RandomStream(1).stream(place)) {}
  std::uint32_t next() { return static_cast<std::uint32_t>(stream_.at(++n_) >> 32); }
  double next_share() { return static_cast<double>(stream_.at(++n_) >> 11) * 0x1p-53; }

 private:
  RandomStream stream_;
  std::uint64_t n_ = 0;
};

// A probability as tc hands it to the kernel: the nearest of 2^32 - 1 parts.
std::uint32_t in_32_bits(Probability probability) {
  constexpr Uint128 kMax = 0xFFFF'FFFF;
  return static_cast<std::uint32_t>((kMax * probability.threshold() + Probability::kOne / 2) /
                                    Probability::kOne);
}

// netem's correlated numbers: a moving average of new ones, which lies near the middle more often
// than they do.
class CorrelatedDraws {
 public:
  CorrelatedDraws(Probability correlation, std::uint64_t place)
      : draws_(place), rho_(in_32_bits(correlation)), last_(draws_.next()) {}

  std::uint32_t next() {
    const std::uint64_t value = draws_.next();
    if (rho_ == 0) return static_cast<std::uint32_t>(value);
    const std::uint64_t rho = std::uint64_t{rho_} + 1;
    last_ =
        static_cast<std::uint32_t>((value * ((std::uint64_t{1} << 32) - rho) + last_ * rho) >> 32);
    return static_cast<std::uint32_t>(last_);
  }

 private:
  Draws draws_;
  std::uint32_t rho_;
  std::uint64_t last_;
};

class NetemChance {
 public:
  NetemChance(const Chance& chance, std::uint64_t place)
      : probability_(in_32_bits(chance.probability)), draws_(chance.correlation, place) {}

  bool happens() { return probability_ != 0 && probability_ >= draws_.next(); }

 private:
  std::uint32_t probability_;
  CorrelatedDraws draws_;
};

// Losses as netem decides them. Its chains have the statistics of ours.
class NetemLoss {
 public:
  explicit NetemLoss(const LossModel& model)
      : chain_(loss_chain(model)), draws_(1), chance_({}, 1) {
    if (const auto* random = std::get_if<RandomLoss>(&model)) {
      is_random_ = true;
      chance_ = NetemChance(random->chance, 1);
    }
  }

  bool lost() {
    if (is_random_) return chance_.happens();
    double rest = draws_.next_share();
    std::size_t to = 0;
    while (to + 1 < LossChain::kStates && rest >= chain_.next[state_][to]) {
      rest -= chain_.next[state_][to++];
    }
    state_ = to;
    return draws_.next_share() < chain_.lost[state_];
  }

 private:
  LossChain chain_;
  std::size_t state_ = 0;
  Draws draws_;
  NetemChance chance_;
  bool is_random_ = false;
};

}  // namespace

NetemRates netem_rates(const LinkSettings& settings) {
  NetemLoss loss(settings.loss.value_or(LossModel{}));
  NetemChance duplicate(settings.duplicate.value_or(Chance{}), 2);
  NetemChance corrupt(settings.checksum.value_or(Chance{}), 3);
  int arrived = 0;
  int twice = 0;
  for (int i = 0; i < kTries; ++i) {
    const bool duplicated = duplicate.happens();
    const bool lost = loss.lost();
    int copies = 0;
    // A loss takes one of two copies away, and the one that is left is not decided about again.
    // What is left of two without a loss comes in once more, as if it had just been sent.
    if (duplicated && !lost && !loss.lost() && !corrupt.happens()) ++copies;
    if ((duplicated || !lost) && !corrupt.happens()) ++copies;
    arrived += copies > 0 ? 1 : 0;
    twice += copies > 1 ? 1 : 0;
  }
  return {.loss = 1 - static_cast<double>(arrived) / kTries,
          .duplicated = arrived == 0 ? 0 : static_cast<double>(twice) / arrived};
}

double netem_rate(const Chance& chance) {
  NetemChance decisions(chance, 4);
  int happened = 0;
  for (int i = 0; i < kTries; ++i) happened += decisions.happens() ? 1 : 0;
  return static_cast<double>(happened) / kTries;
}

double netem_delay_correlation(const LinkSettings& settings) {
  const auto table = settings.distribution.value_or(nullptr);
  const auto jitter = static_cast<std::uint64_t>(settings.jitter.value_or(Duration(1)).count());
  CorrelatedDraws draws(settings.jitter_correlation.value_or(Probability{}), 5);
  // The draw is taken modulo the range of the jitter, or the size of the table.
  const auto delay = [&]() -> double {
    const std::uint32_t draw = draws.next();
    if (!table) return static_cast<double>(draw % (2 * jitter));
    return table->quantiles()[draw % table->quantiles().size()];
  };
  double before = delay();
  double sum = 0;
  double squares = 0;
  double products = 0;
  for (int i = 0; i < kTries; ++i) {
    const double now = delay();
    sum += now;
    squares += now * now;
    products += now * before;
    before = now;
  }
  const double mean = sum / kTries;
  const double variance = squares / kTries - mean * mean;
  return variance <= 0 ? 1 : (products / kTries - mean * mean) / variance;
}

}  // namespace lossy
