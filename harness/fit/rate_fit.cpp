#include <lossy/harness/fit/rate_fit.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <lossy/harness/link/serialiser.hpp>
#include <lossy/harness/link/text.hpp>

namespace lossy {
namespace {

constexpr std::uint64_t kSamplesMin = 20;
constexpr double kClockNoiseNs = 1000;
constexpr double kNsPerS = 1e9;

double ns(Duration duration) {
  return static_cast<double>(duration.count());
}

double bits_of(const LoggedDatagram& datagram) {
  return 8 * static_cast<double>(datagram.ip_bytes());
}

// Counts a mean and a variance, of numbers near to a guess of the mean.
struct Spread {
  double guess = 0;
  double count = 0;
  double sum = 0;
  double squares = 0;

  void add(double value) {
    const double away = value - guess;
    ++count;
    sum += away;
    squares += away * away;
  }
  double mean() const { return guess + sum / count; }
  double variance() const {
    const double away = sum / count;
    return std::max(squares / count - away * away, 0.0);
  }
};

// A line at a rate, in nanoseconds since the flow's beginning.
struct Line {
  double ns_per_bit = 0;
  double free = -std::numeric_limits<double>::infinity();

  // When the last bit has left.
  double send(double now, double bits) {
    free = std::max(now, free) + bits * ns_per_bit;
    return free;
  }
};

class Trial {
 public:
  Trial(const LoggedPath& path, const DelayGroups& groups) : path_(path), groups_(groups) {
    Spread plain;
    for_each([&](const LoggedFlow&, const LoggedDatagram& datagram, double) {
      if (counts(datagram)) plain.add(ns(datagram.delay));
    });
    samples_ = plain.count;
    if (samples_ > 0) guess_ = plain.mean();
    Spread again{guess_};
    for_each([&](const LoggedFlow&, const LoggedDatagram& datagram, double) {
      if (counts(datagram)) again.add(ns(datagram.delay));
    });
    if (samples_ > 0) variance_ = again.variance();
  }

  double samples() const { return samples_; }
  // Of the delays as they are.
  double variance() const { return variance_; }

  // Calls visit(delay without the time on a line at the rate) for those that count.
  template <typename Visit>
  void for_each_left(double rate, Visit&& visit) const {
    Line line;
    const LoggedFlow* flow = nullptr;
    for_each([&](const LoggedFlow& of, const LoggedDatagram& datagram, double sent) {
      if (flow != &of) line = {kNsPerS / rate};
      flow = &of;
      const double bits = bits_of(datagram);
      const double on_line = line.send(sent, bits) - sent;
      for (int copy = 1; copy < datagram.arrivals; ++copy) line.send(sent, bits);
      if (counts(datagram)) visit(ns(datagram.delay) - on_line);
    });
  }

  // Of what a rate leaves unexplained.
  double variance_at(double rate) const {
    Spread left{guess_};
    for_each_left(rate, [&](double delay) { left.add(delay); });
    return left.variance();
  }

  // How many samples that have nothing to do with each other tell as much as what it leaves.
  double independent_samples_at(double rate) const {
    Spread left{guess_};
    for_each_left(rate, [&](double delay) { left.add(delay); });
    const double mean = left.mean();
    double together = 0;
    double squares = 0;
    double before = 0;
    for_each_left(rate, [&](double delay) {
      together += (delay - mean) * before;
      before = delay - mean;
      squares += before * before;
    });
    const double alike = squares > 0 ? std::clamp(together / squares, 0.0, 0.9999) : 0;
    return samples_ * (1 - alike) / (1 + alike);
  }

  // How much a little more of a rate changes the times on the line: the variance of the
  // derivative. And how many datagrams wait.
  double sensitivity_at(double rate, std::uint64_t& waited) const {
    constexpr double kLittle = 1e-6;
    Spread changes;
    Line line;
    Line other;
    const LoggedFlow* flow = nullptr;
    waited = 0;
    for_each([&](const LoggedFlow& of, const LoggedDatagram& datagram, double sent) {
      if (flow != &of) {
        line = {kNsPerS / rate};
        other = {kNsPerS / (rate * (1 + kLittle))};
      }
      flow = &of;
      waited += line.free > sent ? 1 : 0;
      const double bits = bits_of(datagram);
      const double change = line.send(sent, bits) - other.send(sent, bits);
      for (int copy = 1; copy < datagram.arrivals; ++copy) {
        line.send(sent, bits);
        other.send(sent, bits);
      }
      if (counts(datagram)) changes.add(change / (rate * kLittle));
    });
    return changes.variance();
  }

  // Rates to begin with: what arrived one behind the other in how long; what longer datagrams take
  // longer; and, in case none of that is near, one of each size.
  std::vector<double> guesses() const {
    std::vector<double> guesses;
    std::vector<Throughput> flows;
    for (const LoggedFlow& flow : path_.flows) flows.emplace_back(flow);
    for (std::size_t behind = 1; behind <= std::size_t{1} << 20; behind *= 4) {
      add_throughputs(flows, behind, guesses);
    }
    add_slope(guesses);
    for (double rate = std::max(offered(), 1.0); rate < 1e12; rate *= 2) guesses.push_back(rate);
    std::sort(guesses.begin(), guesses.end());
    const auto is_near = [](double a, double b) { return b - a < 1e-6 * a; };
    guesses.erase(std::unique(guesses.begin(), guesses.end(), is_near), guesses.end());
    return guesses;
  }

 private:
  // Calls visit(flow, datagram, when it was sent) for all that arrived.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (const LoggedFlow& flow : path_.flows) {
      if (flow.datagrams.empty()) continue;
      const Instant start = flow.datagrams.front().sent;
      for (const LoggedDatagram& datagram : flow.datagrams) {
        if (datagram.arrived()) visit(flow, datagram, ns(datagram.sent - start));
      }
    }
  }

  bool counts(const LoggedDatagram& datagram) const {
    return datagram.arrivals == 1 && groups_.is_usual(datagram.delay);
  }

  double offered() const {
    double bits = 0;
    double longest = 1;
    for_each([&](const LoggedFlow&, const LoggedDatagram& datagram, double sent) {
      bits += bits_of(datagram);
      longest = std::max(longest, sent);
    });
    return bits / longest * kNsPerS;
  }

  // When datagrams of a flow arrived, and how many bits until then.
  struct Throughput {
    explicit Throughput(const LoggedFlow& flow) {
      for (const LoggedDatagram& datagram : flow.datagrams) {
        if (!datagram.arrived()) continue;
        arrivals.push_back(ns(datagram.sent - flow.datagrams.front().sent + datagram.delay));
        bits.push_back(bits.back() + bits_of(datagram) * datagram.arrivals);
      }
    }
    std::vector<double> arrivals;
    std::vector<double> bits{0};
  };

  // The bits of so many datagrams that arrived behind another, over the time between.
  static void add_throughputs(const std::vector<Throughput>& flows, std::size_t behind,
                              std::vector<double>& guesses) {
    constexpr std::size_t kEnough = 20'000;
    std::vector<double> rates;
    for (const auto& [arrivals, bits] : flows) {
      const std::size_t step = arrivals.size() / kEnough + 1;
      for (std::size_t i = behind; i < arrivals.size(); i += step) {
        const double took = arrivals[i] - arrivals[i - behind];
        if (took > 0) rates.push_back((bits[i + 1] - bits[i + 1 - behind]) / took * kNsPerS);
      }
    }
    if (rates.empty()) return;
    std::sort(rates.begin(), rates.end());
    for (const double share : {0.5, 0.9, 0.99, 1.0}) {
      guesses.push_back(
          rates[static_cast<std::size_t>(share * static_cast<double>(rates.size() - 1))]);
    }
  }

  void add_slope(std::vector<double>& guesses) const {
    Spread sizes;
    for_each([&](const LoggedFlow&, const LoggedDatagram& datagram, double) {
      if (counts(datagram)) sizes.add(bits_of(datagram));
    });
    if (sizes.count == 0 || sizes.variance() <= 0) return;
    const double mean = sizes.mean();
    double together = 0;
    for_each([&](const LoggedFlow&, const LoggedDatagram& datagram, double) {
      if (counts(datagram)) together += (bits_of(datagram) - mean) * (ns(datagram.delay) - guess_);
    });
    const double ns_per_bit = together / sizes.count / sizes.variance();
    if (ns_per_bit > 0) guesses.push_back(kNsPerS / ns_per_bit);
  }

  const LoggedPath& path_;
  const DelayGroups& groups_;
  double samples_ = 0;
  double guess_ = 0;
  double variance_ = 0;
};

// The longest delays have no say in whether there is a rate: what a busy host lets wait comes late
// together, too, now and then.
DelayGroups without_longest(const LoggedPath& path, DelayGroups groups) {
  std::vector<Duration> delays;
  for (const LoggedFlow& flow : path.flows) {
    for (const LoggedDatagram& datagram : flow.datagrams) {
      if (datagram.arrivals == 1 && groups.is_usual(datagram.delay)) {
        delays.push_back(datagram.delay);
      }
    }
  }
  const auto longest = delays.begin() + static_cast<std::ptrdiff_t>(delays.size() * 95 / 100);
  std::nth_element(delays.begin(), longest, delays.end());
  groups.held_from = std::min(groups.held_from, *longest + Duration(1));
  return groups;
}

}  // namespace

std::uint64_t RateFit::rounded() const {
  const double most = static_cast<double>(kRateMax);
  double rate = std::round(std::clamp(bits_per_second.value, 1.0, most));
  for (double unit = 10; unit <= most; unit *= 10) {
    const double rounder = std::round(bits_per_second.value / unit) * unit;
    if (rounder > 0 && std::abs(rounder - bits_per_second.value) <= bits_per_second.error) {
      rate = std::min(rounder, most);
    }
  }
  return static_cast<std::uint64_t>(rate);
}

std::optional<RateFit> fit_rate(const LoggedPath& path, const DelayGroups& groups) {
  const Trial trial(path, groups);
  if (trial.samples() < kSamplesMin || trial.variance() < kClockNoiseNs * kClockNoiseNs) {
    return std::nullopt;
  }
  double best = 0;
  double least = trial.variance();
  const auto is_better = [&](double rate) {
    const double variance = trial.variance_at(rate);
    if (variance >= least) return false;
    least = variance;
    best = rate;
    return true;
  };
  for (const double rate : trial.guesses()) is_better(rate);
  if (best <= 0) return std::nullopt;
  const auto refine = [&](double from) {
    for (double step = from; step > 1e-13 && least > 1e-3; step /= 2) {
      while (is_better(best * (1 + step)) || is_better(best / (1 + step))) {
      }
    }
  };
  refine(0.1);
  // Beside a long queue there are hollows; most lines have a round rate.
  bool rounder = false;
  for (double unit = 1; unit < best; unit *= 10) {
    rounder = is_better(std::round(best / unit) * unit) || rounder;
  }
  if (rounder) refine(1e-6);
  // Of the many rates that are looked at, one in a million times as much as this is chance.
  constexpr double kGainMin = 20;
  const DelayGroups most = without_longest(path, groups);
  const Trial witness(path, most);
  const double gain =
      witness.independent_samples_at(best) / 2 *
      natural_log(std::max(witness.variance(), 1e-9) / std::max(witness.variance_at(best), 1e-9));
  const double explained = trial.variance() - least;
  // Below that it does next to nothing, and what a busy host does to datagrams looks the same.
  constexpr double kExplainedMin = 0.04;
  if (gain < kGainMin || explained < kClockNoiseNs * kClockNoiseNs ||
      explained < kExplainedMin * trial.variance()) {
    return std::nullopt;
  }
  RateFit fit;
  fit.explained = explained / trial.variance();
  const double sensitivity = trial.sensitivity_at(best, fit.waited);
  // Times are whole nanoseconds, and what is cut off depends on the rate, too.
  const double error = std::sqrt((least / trial.samples() + 1) / sensitivity);
  fit.bits_per_second = {best, error};
  return fit;
}

std::vector<Duration> times_on_line(const LoggedFlow& flow, std::uint64_t bits_per_second) {
  LinkOptions options;
  options.rate.bits_per_second = bits_per_second;
  Serialiser line;
  std::vector<Duration> times(flow.datagrams.size());
  for (std::size_t i = 0; i < times.size(); ++i) {
    const LoggedDatagram& datagram = flow.datagrams[i];
    if (!datagram.arrived()) continue;
    line.has_room(datagram.sent, datagram.ip_bytes(), options);  // Forgets what has left.
    times[i] = line.send(datagram.sent, datagram.ip_bytes(), options) - datagram.sent;
    for (int copy = 1; copy < datagram.arrivals; ++copy) {
      line.send(datagram.sent, datagram.ip_bytes(), options);
    }
  }
  return times;
}

}  // namespace lossy
