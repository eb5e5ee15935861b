// Distributions of delay as tables of quantiles: what jitter is multiplied with.
//
// The format is that of netem's distributions: integers in units of 1 / 8192 of the jitter, in
// rising order, each as likely as the others. In 16 bits they end at 4: a distribution that goes on
// has what lies beyond at its end. The built-in ones have the mean 0 and the standard deviation 1
// (to within rounding) as they are, so that a delay's mean and deviation are those asked for;
// scripts/make-delay-tables makes them from their definitions. (iproute2's pareto has a mean of
// -3.3% and a deviation of 82% of the jitter.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lossy/core/clock.hpp>

namespace lossy {

class DelayTable {
 public:
  static constexpr std::int32_t kScale = 8192;
  static constexpr std::size_t kEntriesMax = 16'384;  // As in netem.

  // "normal", "pareto" or "paretonormal"; nothing for any other name.
  static std::shared_ptr<const DelayTable> built_in(std::string_view name);

  // The text of a .dist file as iproute2 reads them: 1 to kEntriesMax decimal numbers from -32768
  // to 32767 in any order, between white space; "#" starts a comment, up to the line's end. `name`
  // is what the text was asked for by. Throws TextError, naming the line.
  static std::shared_ptr<const DelayTable> parse(std::string_view text, std::string name);

  const std::string& name() const { return name_; }
  std::span<const std::int16_t> quantiles() const { return quantiles_; }

  // What is added to the delay, given one uniform draw: an entry times `jitter`, which is 0 to
  // kDurationMax, to the nearest nanosecond.
  Duration at(std::uint64_t draw, Duration jitter) const;

  friend bool operator==(const DelayTable& a, const DelayTable& b) {
    return a.quantiles_ == b.quantiles_;
  }

 private:
  DelayTable(std::string name, std::vector<std::int16_t> quantiles);

  std::string name_;
  std::vector<std::int16_t> quantiles_;
};

}  // namespace lossy
