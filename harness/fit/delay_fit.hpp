// How long datagrams travel: the distribution as a table, its mean and deviation, and how much each
// delay resembles the one before.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lossy/harness/fit/delay_samples.hpp>
#include <lossy/harness/fit/numbers.hpp>
#include <lossy/harness/link/delay_table.hpp>

namespace lossy {

// A distribution that the link has by itself, and how far the delays are from it.
struct DelayShape {
  std::string_view name;  // "uniform", "normal", "pareto" or "paretonormal".
  // Kolmogorov and Smirnov's: the most that the two distribution functions differ.
  double distance = 1;
  // A sample of the distribution is rarely as far off: less than one in a hundred is.
  bool is_alike = false;
  // What a link is told for it, in nanoseconds: the delay around which they vary, and the jitter.
  Estimate delay;
  Estimate jitter;
};

struct DelayFit {
  std::uint64_t samples = 0;
  // Nanoseconds.
  Estimate mean;
  Estimate deviation;
  Duration least{};
  Duration longest{};
  // They vary by more than clocks do, which is a microsecond.
  bool varies = false;
  // At lag 1, where it is worth more than four standard errors; else nothing. Of delays that are
  // those before once more, but for noise, as the link's own are, it is how often they are; of any
  // others their autocorrelation.
  std::optional<Estimate> correlation;
  DelayShape nearest;

  // What a link with a table is told: a delay, a jitter, and quantiles in 1 / 8192 of the jitter.
  Duration table_delay{};
  Duration table_jitter{};
  std::vector<std::int16_t> table;
};

// How many entries a table has at the most. netem's own have as many.
inline constexpr std::size_t kTableEntriesMax = 4096;

// `delays` are those of `flows`, sorted, and there is one at least.
DelayFit fit_delay(const std::vector<DelaySamples>& flows, std::span<const Duration> delays);

// The text of a .dist file, with a comment in front of each line of `about`.
std::string dist_text(const DelayFit& fit, std::string_view about);

}  // namespace lossy
