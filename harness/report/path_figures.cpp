#include <lossy/harness/report/path_figures.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <lossy/harness/report/readable.hpp>

namespace lossy {
namespace {

LossChain still_chain() {
  LossChain chain;
  for (std::size_t i = 0; i < LossChain::kStates; ++i) chain.next[i][i] = 1;
  return chain;
}

// With probability c the draw before once more: state 1 loses.
LossChain chain_of(const RandomLoss& model) {
  const double p = as_double(model.chance.probability);
  const double c = as_double(model.chance.correlation);
  LossChain chain = still_chain();
  chain.lost = {0, 1, 0, 0};
  chain.next[0] = {c + (1 - c) * (1 - p), (1 - c) * p, 0, 0};
  chain.next[1] = {(1 - c) * (1 - p), c + (1 - c) * p, 0, 0};
  return chain;
}

LossChain chain_of(const GilbertElliott& model) {
  LossChain chain = still_chain();
  chain.lost = {as_double(model.loss_in_good), as_double(model.loss_in_bad), 0, 0};
  const double p = as_double(model.to_bad);
  const double r = as_double(model.to_good);
  chain.next[0] = {1 - p, p, 0, 0};
  chain.next[1] = {r, 1 - r, 0, 0};
  return chain;
}

LossChain chain_of(const FourStateLoss& model) {
  LossChain chain;
  chain.lost = {0, 0, 1, 1};
  const double p14 = as_double(model.p14);
  const double p13 = std::min(as_double(model.p13), 1 - p14);
  const double p32 = as_double(model.p32);
  const double p31 = std::min(as_double(model.p31), 1 - p32);
  const double p23 = as_double(model.p23);
  chain.next[0] = {1 - p13 - p14, 0, p13, p14};
  chain.next[1] = {0, 1 - p23, p23, 0};
  chain.next[2] = {p31, p32, 1 - p31 - p32, 0};
  chain.next[3] = {1, 0, 0, 0};
  return chain;
}

LossChain chain_of(const EveryNthLoss&) {
  return still_chain();
}

LossFigures figures_of(const RandomLoss& model) {
  const double p = as_double(model.chance.probability);
  const double c = as_double(model.chance.correlation);
  return {.rate = p, .received_twice = (1 - p) * (1 - p * (1 - c))};
}

LossFigures figures_of(const EveryNthLoss& model) {
  const double n = static_cast<double>(model.n);
  return {.rate = 1 / n, .received_twice = std::max(0.0, 1 - 2 / n)};
}

template <typename Model>
LossFigures figures_of(const Model& model) {
  const LossChain chain = chain_of(model);
  const LossChain::Row share = chain.stationary();
  LossFigures figures{.rate = 0, .received_twice = 0};
  for (std::size_t i = 0; i < LossChain::kStates; ++i) {
    figures.rate += share[i] * chain.lost[i];
    for (std::size_t j = 0; j < LossChain::kStates; ++j) {
      figures.received_twice +=
          share[i] * (1 - chain.lost[i]) * chain.next[i][j] * (1 - chain.lost[j]);
    }
  }
  return figures;
}

// One in how many, when `gap` - 1 that do not jump lie between two that do.
double early_share(const Early& early) {
  const double p = as_double(early.chance.probability);
  if (p <= 0) return 0;
  // From one that jumped, `gap` datagrams on, the draw may still be the same one.
  const double c = as_double(early.chance.correlation);
  const double at_once = p + std::pow(c, static_cast<double>(early.gap)) * (1 - p);
  if (c >= 1) return p / static_cast<double>(early.gap);  // All or none, for ever.
  return 1 / (static_cast<double>(early.gap) + (1 - at_once) / (p * (1 - c)));
}

// The mean of max(0, delay + jitter), in milliseconds, and how often the maximum is needed.
struct Cut {
  double mean = 0;
  double share = 0;
};

Cut cut_at_zero(double delay, double jitter, const DelayTable* table) {
  if (jitter <= 0) return {.mean = delay};
  if (!table) {
    if (jitter <= delay) return {.mean = delay};
    return {.mean = (delay + jitter) * (delay + jitter) / (4 * jitter),
            .share = (jitter - delay) / (2 * jitter)};
  }
  Cut cut;
  for (const std::int16_t quantile : table->quantiles()) {
    const double value = delay + jitter * quantile / DelayTable::kScale;
    cut.mean += std::max(0.0, value);
    cut.share += value < 0 ? 1 : 0;
  }
  const double entries = static_cast<double>(table->quantiles().size());
  return {.mean = cut.mean / entries, .share = cut.share / entries};
}

void add_delay(const LinkSettings& settings, PathFigures& figures) {
  const double delay = in_ms(settings.delay.value_or(Duration::zero()));
  const double held = settings.reorder ? as_double(settings.reorder->probability) : 0;
  const double hold = in_ms(settings.reorder_delay.value_or(Impairments{}.reorder_delay));
  const double jitter = in_ms(settings.jitter.value_or(Duration::zero()));
  const auto table = settings.distribution.value_or(nullptr);
  const Cut plain = cut_at_zero(delay, jitter, table.get());
  const Cut late = cut_at_zero(delay + hold, jitter, table.get());
  figures.early = settings.early ? early_share(*settings.early) : 0;
  figures.delay_mean_ms = (1 - figures.early) * ((1 - held) * plain.mean + held * late.mean) +
                          figures.early * held * hold;
  figures.cut_off = (1 - figures.early) * ((1 - held) * plain.share + held * late.share);
}

// How many slots a second there are at most; nothing for no limit.
std::optional<double> slots_a_second(const Slots& slots) {
  const double interval_ms =
      slots.table
          ? cut_at_zero(in_ms(slots.table_delay), in_ms(slots.table_jitter), slots.table.get()).mean
          : (in_ms(slots.interval_min) + in_ms(slots.interval_max)) / 2;
  if (!slots.enabled || interval_ms <= 0) return std::nullopt;
  return 1000 / interval_ms;
}

void add_slots(const Slots& slots, PathFigures& figures) {
  const auto often = slots_a_second(slots);
  if (!often) return;
  if (slots.bytes_max > 0) {
    const double rate = *often * static_cast<double>(slots.bytes_max) * 8;
    figures.rate = std::min(rate, figures.rate.value_or(rate));
  }
  if (slots.datagrams_max > 0) {
    figures.datagrams_a_second = *often * static_cast<double>(slots.datagrams_max);
  }
}

}  // namespace

double as_double(Probability probability) {
  return static_cast<double>(probability.threshold()) / static_cast<double>(Probability::kOne);
}

bool happens(const std::optional<Chance>& chance) {
  return chance && !chance->probability.is_zero();
}

bool has_capacity(const LinkSettings& settings) {
  return (settings.rate && settings.rate->bits_per_second > 0) || settings.trace.value_or(nullptr);
}

LossChain loss_chain(const LossModel& model) {
  return std::visit([](const auto& one) { return chain_of(one); }, model);
}

// A chain that also waits half of the time ends where this one is on average, even one that goes
// round in circles. Squaring takes it 2^80 steps on, and never subtracts, so that small
// probabilities keep their digits.
LossChain::Row LossChain::stationary() const {
  std::array<Row, kStates> steps = next;
  for (std::size_t i = 0; i < kStates; ++i) {
    for (double& probability : steps[i]) probability /= 2;
    steps[i][i] += 0.5;
  }
  for (int squarings = 0; squarings < 80; ++squarings) {
    std::array<Row, kStates> twice{};
    for (std::size_t i = 0; i < kStates; ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < kStates; ++j) {
        for (std::size_t k = 0; k < kStates; ++k) twice[i][j] += steps[i][k] * steps[k][j];
        sum += twice[i][j];
      }
      for (double& probability : twice[i]) probability /= sum;
    }
    steps = twice;
  }
  return steps[0];
}

double LossFigures::mean_burst() const {
  if (rate <= 0) return 0;
  const double runs = (1 - rate) - received_twice;  // How often a loss follows a received one.
  if (runs <= 1e-15 * rate) return std::numeric_limits<double>::infinity();
  return rate / runs;
}

LossFigures loss_figures(const LossModel& model) {
  return std::visit([](const auto& one) { return figures_of(one); }, model);
}

PathFigures path_figures(const LinkSettings& settings) {
  PathFigures figures;
  const LossFigures lost = loss_figures(settings.loss.value_or(LossModel{}));
  const LossFigures damaged = loss_figures(RandomLoss{settings.checksum.value_or(Chance{})});
  figures.loss.rate = lost.rate + damaged.rate - lost.rate * damaged.rate;
  figures.loss.received_twice = lost.received_twice * damaged.received_twice;
  if (settings.in_flight == 0) figures.loss = {.rate = 1, .received_twice = 0};
  figures.duplicated = settings.duplicate ? as_double(settings.duplicate->probability) : 0;
  add_delay(settings, figures);

  const auto trace = settings.trace.value_or(nullptr);
  if (trace) {
    figures.rate = static_cast<double>(trace->opportunities()) * DeliveryTrace::kOpportunityBytes *
                   8 * 1000 / in_ms(trace->period());
  } else if (settings.rate && settings.rate->bits_per_second > 0) {
    figures.rate = static_cast<double>(settings.rate->bits_per_second);
  }
  if (settings.slots) {
    add_slots(*settings.slots, figures);
  }
  return figures;
}

}  // namespace lossy
