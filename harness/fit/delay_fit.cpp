#include <lossy/harness/fit/delay_fit.hpp>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace lossy {
namespace {

constexpr Duration kClockNoise = std::chrono::microseconds(1);

double ns(Duration duration) {
  return static_cast<double>(duration.count());
}

void fit_moments(std::span<const Duration> delays, DelayFit& fit) {
  const double n = static_cast<double>(delays.size());
  const double base = ns(delays.front());
  double sum = 0;
  for (const Duration delay : delays) sum += ns(delay) - base;
  const double mean = sum / n;
  double squares = 0;
  double fourths = 0;
  for (const Duration delay : delays) {
    const double away = ns(delay) - base - mean;
    squares += away * away;
    fourths += away * away * away * away;
  }
  const double variance = squares / n;
  fit.mean = {base + mean, std::sqrt(variance / n)};
  fit.deviation.value = std::sqrt(variance);
  if (variance > 0) {
    const double spread = std::max(fourths / n - variance * variance, 0.0);
    fit.deviation.error = std::sqrt(spread / n) / (2 * fit.deviation.value);
  }
}

// How often two delays are the same, or nearly so: what makes them differ may be noise.
struct Sameness {
  std::uint64_t pairs = 0;
  std::uint64_t same = 0;

  Estimate share() const { return share_of(same, pairs); }
};

struct Neighbours {
  Sameness next;      // Of datagrams that were sent one after the other,
  Sameness far;       // and of such as have nothing to do with each other.
  Estimate products;  // Of distances from the mean, next to each other, over the variance.
};

Neighbours look_at_neighbours(const std::vector<DelaySamples>& flows, const DelayFit& fit) {
  // So far that even a correlation of 99% is forgotten.
  constexpr std::size_t kFar = 1000;
  Neighbours result;
  const Duration near(static_cast<Duration::rep>(fit.deviation.value / 20));
  const auto is_same = [&](Duration a, Duration b) { return std::chrono::abs(a - b) <= near; };
  double sum = 0;
  double squares = 0;
  const double variance = fit.deviation.value * fit.deviation.value;
  for (const DelaySamples& flow : flows) {
    const std::size_t far = std::min(kFar, flow.size() / 2);
    for (std::size_t i = 1; i < flow.size(); ++i) {
      if (far > 1 && i >= far) {
        ++result.far.pairs;
        result.far.same += is_same(flow[i].delay, flow[i - far].delay) ? 1 : 0;
      }
      if (flow[i].number != flow[i - 1].number + 1) continue;
      ++result.next.pairs;
      result.next.same += is_same(flow[i].delay, flow[i - 1].delay) ? 1 : 0;
      const double product = (ns(flow[i].delay) - fit.mean.value) *
                             (ns(flow[i - 1].delay) - fit.mean.value) / variance;
      sum += product;
      squares += product * product;
    }
  }
  if (result.next.pairs == 0) return result;
  const double n = static_cast<double>(result.next.pairs);
  const double mean = sum / n;
  result.products = {mean, std::sqrt(std::max(squares / n - mean * mean, 0.0) / n)};
  return result;
}

void fit_correlation(const std::vector<DelaySamples>& flows, DelayFit& fit) {
  constexpr std::uint64_t kPairsMin = 30;
  const auto [next, far, alike] = look_at_neighbours(flows, fit);
  if (next.pairs < kPairsMin || far.pairs < kPairsMin) return;
  // A delay is the one before once more, or one that may be the same by chance.
  const double fresh = 1 - far.share().value;
  if (fresh <= 0) return;
  const double kept = (1 - next.share().value) / fresh;
  const double far_error = kept * far.share().error;
  const double error = std::sqrt(next.share().error * next.share().error + far_error * far_error);
  const Estimate repeats{1 - kept, error / fresh};
  const auto is_there = [](const Estimate& estimate) {
    return estimate.value > 4 * estimate.error && estimate.value > 0;
  };
  if (is_there(repeats) && repeats.value > alike.value / 2) {
    fit.correlation = repeats;
  } else if (is_there(alike)) {
    fit.correlation = {std::min(alike.value, 1.0), alike.error};
  }
  if (!fit.correlation) return;
  // Delays that resemble each other tell as much as fewer that do not.
  const double c = std::min(fit.correlation->value, 0.9999);
  const double wider = std::sqrt((1 + c) / (1 - c));
  fit.mean.error *= wider;
  fit.deviation.error *= wider;
}

// A distribution that the link has: as a table with the mean 0 and the deviation 1, or uniform from
// -1 to 1.
class KnownShape {
 public:
  explicit KnownShape(std::string_view name) : name_(name), table_(DelayTable::built_in(name)) {}

  // The jitter for a deviation of 1.
  double jitter_of_deviation() const {
    constexpr double kRootOf3 = 1.7320508075688772935;
    return table_ ? 1 : kRootOf3;
  }
  double quantile(double share) const {
    if (!table_) return 2 * share - 1;
    const auto quantiles = table_->quantiles();
    return quantiles[static_cast<std::size_t>(share * static_cast<double>(quantiles.size()))] /
           static_cast<double>(DelayTable::kScale);
  }

  // Kolmogorov and Smirnov's distance between this, around a delay, and what was seen.
  double distance(std::span<const Duration> delays, double delay, double jitter) const {
    const double n = static_cast<double>(delays.size());
    std::size_t entry = 0;
    double most = 0;
    for (std::size_t i = 0; i < delays.size();) {
      std::size_t next = i + 1;
      while (next < delays.size() && delays[next] == delays[i]) ++next;
      const double x = (ns(delays[i]) - delay) / jitter;
      const auto [below, up_to] = shares_at(x, entry);
      most = std::max({most, below - static_cast<double>(i + 1) / n,
                       static_cast<double>(next - 1) / n - up_to});
      i = next;
    }
    return most;
  }

  std::string_view name() const { return name_; }

 private:
  // The shares below x and up to it. An entry stands for all that is nearest to it; `entry` is
  // where to look from, for an x that rises.
  std::pair<double, double> shares_at(double x, std::size_t& entry) const {
    if (!table_) {
      const double share = std::clamp((x + 1) / 2, 0.0, 1.0);
      return {share, share};
    }
    const auto quantiles = table_->quantiles();
    while (entry < quantiles.size() && quantiles[entry] < x * DelayTable::kScale - 1) ++entry;
    std::size_t behind = entry;
    while (behind < quantiles.size() && quantiles[behind] <= x * DelayTable::kScale + 1) ++behind;
    // What lies beyond the table's end stands there, and a jitter a little off moves the end.
    if (x * DelayTable::kScale > 0.9 * quantiles.back()) {
      const auto end = std::lower_bound(quantiles.begin(), quantiles.end(), quantiles.back());
      entry = std::min(entry, static_cast<std::size_t>(end - quantiles.begin()));
      behind = quantiles.size();
    }
    const double entries = static_cast<double>(quantiles.size());
    return {static_cast<double>(entry) / entries, static_cast<double>(behind) / entries};
  }

  std::string_view name_;
  std::shared_ptr<const DelayTable> table_;
};

// By the mean and the deviation, or, where a long tail makes those uncertain, by the quartiles.
void find_shape(std::span<const Duration> delays, DelayFit& fit) {
  const auto seen = [&](double share) {
    return ns(delays[static_cast<std::size_t>(share * static_cast<double>(delays.size()))]);
  };
  for (const std::string_view name : {"uniform", "normal", "pareto", "paretonormal"}) {
    const KnownShape shape(name);
    const auto look = [&](double delay, double jitter) {
      if (!(jitter > 0)) return;
      const double distance = shape.distance(delays, delay, jitter);
      if (distance >= fit.nearest.distance) return;
      fit.nearest = {.name = name,
                     .distance = distance,
                     .delay = {delay, fit.mean.error},
                     .jitter = {jitter, fit.deviation.error * shape.jitter_of_deviation()}};
    };
    look(fit.mean.value, fit.deviation.value * shape.jitter_of_deviation());
    const double jitter = (seen(0.75) - seen(0.25)) / (shape.quantile(0.75) - shape.quantile(0.25));
    look(seen(0.5) - jitter * shape.quantile(0.5), jitter);
  }
  const double c = fit.correlation ? std::min(fit.correlation->value, 0.9999) : 0;
  const double n = static_cast<double>(delays.size()) * (1 - c) / (1 + c);
  constexpr double kOneInAHundred = 1.63;  // Kolmogorov's distribution.
  fit.nearest.is_alike = fit.nearest.distance < kOneInAHundred / std::sqrt(n);
}

// Each entry is the mean of its share of the delays, so that the mean is kept.
void make_table(std::span<const Duration> delays, DelayFit& fit) {
  const std::size_t entries = std::min(delays.size(), kTableEntriesMax);
  std::vector<double> means;
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t first = i * delays.size() / entries;
    const std::size_t end = (i + 1) * delays.size() / entries;
    double sum = 0;
    for (std::size_t j = first; j < end; ++j) sum += ns(delays[j]) - fit.mean.value;
    means.push_back(sum / static_cast<double>(end - first));
  }
  // In 16 bits a table ends at 4: the jitter is more than the deviation where the delays go
  // further.
  constexpr double kScale = DelayTable::kScale;
  const double furthest = std::max(-means.front(), means.back()) * kScale / 32767;
  const double jitter = std::ceil(std::max(fit.deviation.value, furthest));
  double sum = 0;
  for (const double mean : means) {
    const double entry = std::clamp(std::round(mean / jitter * kScale), -32768.0, 32767.0);
    fit.table.push_back(static_cast<std::int16_t>(entry));
    sum += entry;
  }
  fit.table_jitter = Duration(static_cast<Duration::rep>(jitter));
  fit.table_delay =
      Duration(std::llround(fit.mean.value - sum / static_cast<double>(entries) * jitter / kScale));
}

}  // namespace

DelayFit fit_delay(const std::vector<DelaySamples>& flows, std::span<const Duration> delays) {
  DelayFit fit;
  fit.samples = delays.size();
  fit.least = delays.front();
  fit.longest = delays.back();
  fit_moments(delays, fit);
  fit.varies = fit.deviation.value > ns(kClockNoise);
  if (!fit.varies) return fit;
  fit_correlation(flows, fit);
  find_shape(delays, fit);
  make_table(delays, fit);
  return fit;
}

std::string dist_text(const DelayFit& fit, std::string_view about) {
  std::string text;
  while (!about.empty()) {
    const std::size_t end = about.find('\n');
    text += "# " + std::string(about.substr(0, end)) + '\n';
    about.remove_prefix(end == std::string_view::npos ? about.size() : end + 1);
  }
  constexpr std::size_t kInALine = 8;
  for (std::size_t i = 0; i < fit.table.size(); ++i) {
    text += std::to_string(fit.table[i]);
    text += (i + 1) % kInALine == 0 || i + 1 == fit.table.size() ? '\n' : ' ';
  }
  return text;
}

}  // namespace lossy
