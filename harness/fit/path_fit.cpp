#include <lossy/harness/fit/path_fit.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

namespace lossy {
namespace {

// Whether chance has lost it too is unknown of what something else has lost.
void fit_losses(const LoggedPath& path, PathFit& fit) {
  const OtherLosses& others = fit.other_losses;
  const auto outcome_of = [&](const LoggedDatagram& datagram, std::uint64_t waiting) {
    if (datagram.arrived()) return LossOutcome::kReceived;
    const bool otherwise = datagram.ip_bytes() > others.mtu_bytes.value_or(~std::size_t{0}) ||
                           waiting >= others.queue_datagrams.value_or(~std::uint64_t{0});
    return datagram.unknown || otherwise ? LossOutcome::kUnknown : LossOutcome::kLost;
  };
  std::vector<OutcomeRuns> flows;
  for (const LoggedFlow& flow : path.flows) {
    OutcomeRuns& runs = flows.emplace_back();
    if (others.queue_datagrams) {
      for_each_waiting(flow, fit.rate->rounded(),
                       [&](const LoggedDatagram& datagram, std::uint64_t waiting) {
                         add_outcome(runs, outcome_of(datagram, waiting));
                       });
    } else {
      for (const LoggedDatagram& datagram : flow.datagrams) {
        add_outcome(runs, outcome_of(datagram, 0));
      }
    }
  }
  fit.loss = fit_loss(flows);
}

// Of what found room in the queue for a copy behind it, if there is one; a copy that a queue has
// dropped is not known.
void fit_copies(const LoggedPath& path, PathFit& fit) {
  const auto& queue = fit.other_losses.queue_datagrams;
  std::uint64_t twice = 0;
  for (const LoggedFlow& flow : path.flows) {
    const auto count = [&](const LoggedDatagram& datagram, std::uint64_t waiting) {
      if (!datagram.arrived() || (queue && waiting + 1 >= *queue)) return;
      ++fit.duplicated_of;
      twice += datagram.arrivals > 1 ? 1 : 0;
    };
    if (queue) {
      for_each_waiting(flow, fit.rate->rounded(), count);
    } else {
      for (const LoggedDatagram& datagram : flow.datagrams) count(datagram, 0);
    }
  }
  if (fit.duplicated_of > 0) fit.duplicated = share_of(twice, fit.duplicated_of);
}

void count_datagrams(const LoggedPath& path, PathFit& fit) {
  for (const LoggedFlow& flow : path.flows) {
    fit.sent += flow.datagrams.size();
    fit.unmatched += flow.unmatched;
    for (const LoggedDatagram& datagram : flow.datagrams) {
      fit.unknown += datagram.unknown ? 1 : 0;
      if (!datagram.arrived()) continue;
      ++fit.arrived;
      fit.twice += datagram.arrivals > 1 ? 1 : 0;
      fit.thrice += datagram.arrivals > 2 ? 1 : 0;
    }
  }
}

void fit_damage(const LoggedPath& path, DamageFit& fit) {
  LoggedDamage sum;
  for (const LoggedFlow& flow : path.flows) {
    sum.copies += flow.damage.copies;
    sum.cut += flow.damage.cut;
    sum.flipped += flow.damage.flipped;
    for (std::size_t i = 0; i < sum.flips.size(); ++i) sum.flips[i] += flow.damage.flips[i];
  }
  fit.copies = sum.copies;
  if (sum.copies > 0) fit.truncated = share_of(sum.cut, sum.copies);
  if (sum.copies > sum.cut) fit.corrupted = share_of(sum.flipped, sum.copies - sum.cut);
  if (sum.flipped == 0) return;
  const auto most = std::max_element(sum.flips.begin() + 1, sum.flips.end());
  if (*most > 0) fit.bits = static_cast<std::uint64_t>(most - sum.flips.begin());
  fit.bits_vary = *most + sum.flips[0] < sum.flipped;
}

// Those of which one copy arrived, without the time on the line; where all come twice, those of
// every copy.
std::vector<DelaySamples> samples_of(const LoggedPath& path, const PathFit& fit) {
  const bool all_copies = fit.comes_twice();
  std::vector<DelaySamples> flows;
  for (const LoggedFlow& flow : path.flows) {
    DelaySamples& samples = flows.emplace_back();
    std::vector<Duration> on_line;
    if (fit.rate) on_line = times_on_line(flow, fit.rate->rounded());
    for (std::size_t i = 0; i < flow.datagrams.size(); ++i) {
      const LoggedDatagram& datagram = flow.datagrams[i];
      if (!datagram.arrived() || (datagram.arrivals > 1 && !all_copies)) continue;
      samples.push_back({i, datagram.delay - (fit.rate ? on_line[i] : Duration::zero())});
    }
    if (!all_copies) continue;
    for (const LoggedCopy& copy : flow.copies) samples.push_back({copy.datagram, copy.delay});
  }
  return flows;
}

void fit_delays(std::vector<DelaySamples> flows, PathFit& fit) {
  const std::vector<Duration> delays = sorted_delays(flows);
  if (delays.empty()) return;
  const DelayGroups groups = find_groups(delays);
  if (groups.early > 0) fit.early = fit_early(flows, groups);
  if (groups.held > 0) fit.hold = fit_hold(delays, groups);
  for (DelaySamples& flow : flows) {
    std::erase_if(flow, [&](const DelaySample& sample) { return !groups.is_usual(sample.delay); });
  }
  fit.delay = fit_delay(
      flows, std::span(delays).subspan(groups.early, delays.size() - groups.early - groups.held));
}

// Where none passes another, what would have is not seen to be as early as it would have been.
void fit_order(const LoggedPath& path, const std::vector<DelaySamples>& flows, PathFit& fit) {
  std::vector<std::vector<OrderSample>> ordered;
  std::size_t samples = 0;
  for (std::size_t i = 0; i < flows.size(); ++i) {
    auto& order = ordered.emplace_back();
    for (const auto& [number, delay] : flows[i]) {
      const LoggedDatagram& datagram = path.flows[i].datagrams[number];
      order.push_back({datagram.sent + datagram.delay, delay});
    }
    samples += order.size();
    look_at_order(order, fit.order);
  }
  constexpr std::size_t kFew = 100;  // One in so many is pushed by chance, and does not matter.
  if (!fit.order.is_kept() || fit.order.pushed * kFew < samples) return;
  fit.delay = fit_delay({}, unpushed_delays(ordered));
  const double known = static_cast<double>(samples - fit.order.pushed);
  const double wider = std::sqrt(static_cast<double>(samples) / known);
  fit.delay->mean.error *= wider;
  fit.delay->deviation.error *= wider;
}

void set_delay(const DelayFit& fit, std::shared_ptr<const DelayTable> table,
               LinkSettings& settings) {
  settings.jitter = Duration::zero();
  settings.distribution.emplace();
  if (!fit.varies) {
    settings.delay = rounded_duration(fit.mean);
    return;
  }
  if (table) {
    settings.delay = std::max(fit.table_delay, Duration(1));  // A table needs a delay.
    settings.jitter = fit.table_jitter;
    settings.distribution = std::move(table);
  } else {
    settings.delay = rounded_duration(fit.nearest.delay);
    settings.jitter = rounded_duration(fit.nearest.jitter);
    settings.distribution = DelayTable::built_in(fit.nearest.name);
  }
  if (fit.correlation) settings.jitter_correlation = rounded_probability(*fit.correlation);
}

}  // namespace

PathFit fit_path(const LoggedPath& path) {
  PathFit fit;
  fit.left_out = path.left_out;
  count_datagrams(path, fit);
  fit_damage(path, fit.damage);
  fit.rate = fit_rate(path, find_groups(sorted_delays(samples_of(path, fit))));
  fit.other_losses = find_large(path);
  if (fit.rate) find_overflow(path, fit.rate->rounded(), fit.other_losses);
  fit_losses(path, fit);
  fit_copies(path, fit);
  const std::vector<DelaySamples> samples = samples_of(path, fit);
  fit_delays(samples, fit);
  if (!fit.comes_twice()) fit_order(path, samples, fit);
  return fit;
}

LinkSettings fitted_settings(const PathFit& fit, std::shared_ptr<const DelayTable> table) {
  LinkSettings settings;
  if (fit.delay) set_delay(*fit.delay, std::move(table), settings);
  if (fit.loss.rate.value > 0) settings.loss = fit.loss.model();
  if (fit.duplicated && fit.duplicated->value > 0) {
    settings.duplicate = rounded_probability(*fit.duplicated);
  }
  if (fit.rate) settings.rate = RateLimit{.bits_per_second = fit.rate->rounded()};
  settings.queue_datagrams = fit.other_losses.queue_datagrams;
  settings.mtu_bytes = fit.other_losses.mtu_bytes;
  if (fit.order.is_kept()) settings.keeps_order = true;
  if (fit.early) {
    settings.early = Early{rounded_probability(fit.early->probability), fit.early->gap};
  }
  if (fit.hold) {
    settings.reorder = rounded_probability(fit.hold->share);
    settings.reorder_delay = rounded_duration(fit.hold->nanoseconds);
  }
  if (fit.damage.corrupted.value > 0) {
    settings.corrupt = rounded_probability(fit.damage.corrupted);
    settings.corrupt_bits = fit.damage.bits;
  }
  if (fit.damage.truncated.value > 0) {
    settings.truncate = rounded_probability(fit.damage.truncated);
  }
  return settings;
}

}  // namespace lossy
