#include <lossy/harness/fit/delay_groups.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace lossy {
namespace {

// What two clocks and their readers differ by, at the least.
constexpr Duration kNoise = std::chrono::microseconds(1);

// The widest gap behind one of the places from `first` on, before `end`: the place in front of it.
std::size_t widest_gap(std::span<const Duration> delays, std::size_t first, std::size_t end) {
  std::size_t widest = first;
  for (std::size_t i = first; i < end; ++i) {
    if (delays[i + 1] - delays[i] > delays[widest + 1] - delays[widest]) widest = i;
  }
  return widest;
}

struct Moments {
  double mean = 0;
  double variance = 0;
};

Moments moments_of(std::span<const Duration> delays) {
  Moments moments;
  const double n = static_cast<double>(delays.size());
  const Duration base = delays.front();
  for (const Duration delay : delays) moments.mean += static_cast<double>((delay - base).count());
  moments.mean = moments.mean / n;
  for (const Duration delay : delays) {
    const double away = static_cast<double>((delay - base).count()) - moments.mean;
    moments.variance += away * away / n;
  }
  moments.mean += static_cast<double>(base.count());
  return moments;
}

// Whether the delays that were held back are the usual ones but for a time that is added:
// Kolmogorov and Smirnov's test of two samples, which says no once in a thousand times where they
// are. Delays that clocks cannot tell apart are the same.
bool is_shifted(std::span<const Duration> usual, std::span<const Duration> held) {
  const Duration added(std::llround(moments_of(held).mean - moments_of(usual).mean));
  const double n = static_cast<double>(usual.size());
  const double m = static_cast<double>(held.size());
  std::size_t below = 0;
  std::size_t up_to = 0;
  double most = 0;
  for (std::size_t i = 0; i < held.size(); ++i) {
    const Duration at = held[i] - added;
    while (below < usual.size() && usual[below] < at - kNoise) ++below;
    while (up_to < usual.size() && usual[up_to] <= at + kNoise) ++up_to;
    most = std::max({most, static_cast<double>(below) / n - static_cast<double>(i + 1) / m,
                     static_cast<double>(i) / m - static_cast<double>(up_to) / n});
  }
  return most < 1.95 * std::sqrt((n + m) / (n * m));
}

void find_early(std::span<const Duration> delays, DelayGroups& groups) {
  const std::size_t middle = delays.size() / 2;
  const std::size_t last = widest_gap(delays, 0, middle);
  const Duration gap = delays[last + 1] - delays[last];
  if (last + 1 < DelayGroups::kGroupMin || delays[last] > delays[last + 1] / 4) return;
  if (gap <= kNoise || 2 * gap <= delays[middle] - delays[last + 1]) return;
  groups.early = last + 1;
  groups.early_below = delays[last + 1];
}

void find_held(std::span<const Duration> delays, DelayGroups& groups) {
  const std::size_t first = groups.early;
  const std::size_t middle = first + (delays.size() - first) / 2;
  const std::size_t last = widest_gap(delays, middle, delays.size() - 1);
  if (delays.size() - 1 - last < DelayGroups::kGroupMin) return;
  const Duration gap = delays[last + 1] - delays[last];
  const Duration usual = delays[last] - delays[first];
  const Duration held = delays.back() - delays[last + 1];
  if (gap <= kNoise || 2 * gap <= usual || held > usual + usual / 2 + 2 * kNoise) return;
  if (!is_shifted(delays.subspan(first, last + 1 - first), delays.subspan(last + 1))) return;
  groups.held = delays.size() - 1 - last;
  groups.held_from = delays[last + 1];
}

}  // namespace

std::vector<Duration> sorted_delays(const std::vector<DelaySamples>& flows) {
  std::vector<Duration> delays;
  std::size_t samples = 0;
  for (const DelaySamples& flow : flows) samples += flow.size();
  delays.reserve(samples);
  for (const DelaySamples& flow : flows) {
    for (const DelaySample& sample : flow) delays.push_back(sample.delay);
  }
  std::sort(delays.begin(), delays.end());
  return delays;
}

DelayGroups find_groups(std::span<const Duration> delays) {
  DelayGroups groups;
  if (delays.size() < 2 * DelayGroups::kGroupMin) return groups;
  find_early(delays, groups);
  find_held(delays, groups);
  return groups;
}

EarlyFit fit_early(const std::vector<DelaySamples>& flows, const DelayGroups& groups) {
  std::uint64_t samples = 0;
  std::uint64_t jumps = 0;
  std::uint64_t nearest = std::numeric_limits<std::uint64_t>::max();
  for (const DelaySamples& flow : flows) {
    std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
    samples += flow.size();
    for (const auto& [number, delay] : flow) {
      if (!groups.is_early(delay)) continue;
      ++jumps;
      if (last < number) nearest = std::min(nearest, number - last);
      last = number;
    }
  }
  EarlyFit fit;
  fit.share = share_of(jumps, samples);
  // Without a gap it is likely that two are nearer, unless there are few of them.
  const double by_chance = static_cast<double>(nearest - 1) * static_cast<double>(jumps) *
                           natural_log(1 / (1 - fit.share.value));
  constexpr double kUnlikely = 7;  // One in a thousand.
  if (jumps >= 2 && by_chance > kUnlikely) fit.gap = nearest;
  // Jumps are renewals, each `gap - 1` and then a geometric number of datagrams apart.
  const double left = 1 / fit.share.value - static_cast<double>(fit.gap) + 1;
  fit.probability.value = std::min(1.0, 1 / left);
  const double p = fit.probability.value;
  const double share = fit.share.value;
  const double seen = static_cast<double>(samples);
  if (fit.gap > 1) fit.share.error = std::sqrt((1 - p) / (p * p) * share * share * share / seen);
  const double slope = p * p / (share * share);
  fit.probability.error = slope * fit.share.error;
  return fit;
}

HoldFit fit_hold(std::span<const Duration> delays, const DelayGroups& groups) {
  const std::size_t usual = delays.size() - groups.early - groups.held;
  const Moments before = moments_of(delays.subspan(groups.early, usual));
  const Moments held = moments_of(delays.last(groups.held));
  return {share_of(groups.held, delays.size()),
          {held.mean - before.mean, std::sqrt(before.variance / static_cast<double>(usual) +
                                              held.variance / static_cast<double>(groups.held))}};
}

}  // namespace lossy
