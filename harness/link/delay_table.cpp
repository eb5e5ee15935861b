#include <lossy/harness/link/delay_table.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include <lossy/core/check.hpp>
#include <lossy/core/random.hpp>
#include <lossy/harness/link/scan.hpp>
#include <lossy/harness/link/text.hpp>

namespace lossy {
namespace {

#include <lossy/harness/link/delay_table_data.inc>

std::optional<std::int16_t> parse_entry(std::string_view word) {
  if (word.size() > 1 && word.front() == '+' && word[1] != '-') word.remove_prefix(1);
  std::int16_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

}  // namespace

DelayTable::DelayTable(std::string name, std::vector<std::int16_t> quantiles)
    : name_(std::move(name)), quantiles_(std::move(quantiles)) {
  check(!quantiles_.empty(), "DelayTable: no quantiles");
  std::sort(quantiles_.begin(), quantiles_.end());
}

std::shared_ptr<const DelayTable> DelayTable::built_in(std::string_view name) {
  const auto table = [name](std::span<const std::int16_t> quantiles) {
    return std::shared_ptr<const DelayTable>(
        new DelayTable(std::string(name), {quantiles.begin(), quantiles.end()}));
  };
  if (name == "normal") return table(kNormal);
  if (name == "pareto") return table(kPareto);
  if (name == "paretonormal") return table(kParetonormal);
  return nullptr;
}

std::shared_ptr<const DelayTable> DelayTable::parse(std::string_view text, std::string name) {
  std::vector<std::int16_t> quantiles;
  for (std::size_t line_number = 1; !text.empty(); ++line_number) {
    const auto refuse = [&](const std::string& why) -> TextError {
      return TextError(quote(name) + ", line " + std::to_string(line_number) + ": " + why);
    };
    std::string_view line = take_part(text, "\n");
    line = take_part(line, "#");
    while (!line.empty()) {
      const std::string_view word = take_part(line, " \t\r");
      if (word.empty()) continue;
      const auto entry = parse_entry(word);
      if (!entry) throw refuse(quote(word) + " is not a whole number from -32768 to 32767");
      if (quantiles.size() == kEntriesMax) {
        throw refuse("more than " + std::to_string(kEntriesMax) + " numbers");
      }
      quantiles.push_back(*entry);
    }
  }
  if (quantiles.empty()) throw TextError(quote(name) + " has no numbers, so it is no distribution");
  return std::shared_ptr<const DelayTable>(new DelayTable(std::move(name), std::move(quantiles)));
}

Duration DelayTable::at(std::uint64_t draw, Duration jitter) const {
  const std::uint64_t quantile = uniform_below(draw, quantiles_.size());
  const Duration::rep value = quantiles_[static_cast<std::size_t>(quantile)];
  // In two parts, neither of which exceeds 2^62 for a jitter of kDurationMax.
  const Duration::rep whole = jitter.count() / kScale;
  const Duration::rep rest = jitter.count() % kScale;
  const Duration::rep rounded_rest = (rest * value + kScale / 2) >> 13;
  static_assert(kScale == 1 << 13);
  return Duration(whole * value + rounded_rest);
}

}  // namespace lossy
