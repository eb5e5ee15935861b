#include <lossy/harness/link/delivery_trace.hpp>

#include <algorithm>
#include <limits>
#include <utility>

#include <lossy/core/random.hpp>
#include <lossy/harness/link/scan.hpp>
#include <lossy/harness/link/text.hpp>

namespace lossy {
namespace {

constexpr std::uint64_t kNanosecondsPerMillisecond = 1'000'000;

// Takes the first line off the front of `text`, without what ends it.
std::string_view take_line(std::string_view& text) {
  std::string_view line = take_part(text, "\n");
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// What one line says, below those before it.
std::uint32_t parse_line(std::string_view line, const std::vector<std::uint32_t>& before) {
  if (line.empty()) throw TextError("it is empty, where a time in milliseconds should stand");
  const auto time =
      static_cast<std::uint32_t>(parse_whole(line, 0, std::numeric_limits<std::uint32_t>::max()));
  const std::size_t count = before.size();
  if (count > 0 && time < before.back()) {
    throw TextError(std::to_string(time) + " comes after " + std::to_string(before.back()) +
                    ", but times must not decrease");
  }
  if (count == DeliveryTrace::kOpportunitiesMax) {
    throw TextError("a trace has at most " + std::to_string(count) + " lines");
  }
  constexpr std::size_t kMax = DeliveryTrace::kPerMillisecondMax;
  if (count >= kMax && before[count - kMax] == time) {
    throw TextError("at most " + std::to_string(kMax) + " lines may name the same millisecond");
  }
  return time;
}

}  // namespace

DeliveryTrace::DeliveryTrace(std::string name, std::vector<std::uint32_t> milliseconds)
    : name_(std::move(name)), milliseconds_(std::move(milliseconds)) {}

std::shared_ptr<const DeliveryTrace> DeliveryTrace::parse(std::string_view text, std::string name) {
  std::vector<std::uint32_t> milliseconds;
  while (!text.empty()) {
    try {
      milliseconds.push_back(parse_line(take_line(text), milliseconds));
    } catch (const TextError& error) {
      throw TextError("line " + std::to_string(milliseconds.size() + 1) + " of " + quote(name) +
                      ": " + error.what());
    }
  }
  if (milliseconds.empty()) {
    throw TextError(quote(name) +
                    " is empty, where a trace has a time in milliseconds on each line");
  }
  if (milliseconds.back() == 0) {
    throw TextError("line " + std::to_string(milliseconds.size()) + " of " + quote(name) +
                    ": the last time is the length of a round, and must be above 0");
  }
  return std::shared_ptr<const DeliveryTrace>(
      new DeliveryTrace(std::move(name), std::move(milliseconds)));
}

Instant DeliveryTrace::when(std::uint64_t n) const {
  const std::uint64_t round = n / milliseconds_.size();
  const std::uint64_t time = milliseconds_[n % milliseconds_.size()];
  const Uint128 nanoseconds =
      (Uint128{round} * milliseconds_.back() + time) * kNanosecondsPerMillisecond;
  constexpr Duration::rep kLatest = Instant::max().time_since_epoch().count();
  if (nanoseconds > static_cast<std::uint64_t>(kLatest)) return Instant::max();
  return Instant(Duration(static_cast<Duration::rep>(nanoseconds)));
}

std::uint64_t DeliveryTrace::first_at(Instant now) const {
  if (now <= Instant{}) return 0;
  const auto nanoseconds = static_cast<std::uint64_t>(now.time_since_epoch().count());
  const std::uint64_t time =
      (nanoseconds + kNanosecondsPerMillisecond - 1) / kNanosecondsPerMillisecond;
  // A round's last opportunity comes when the next begins, so that times in it are 1 to its length.
  const std::uint64_t round = (time - 1) / milliseconds_.back();
  const std::uint64_t in_round = time - round * milliseconds_.back();
  const auto first = std::lower_bound(milliseconds_.begin(), milliseconds_.end(), in_round);
  return round * milliseconds_.size() + static_cast<std::uint64_t>(first - milliseconds_.begin());
}

}  // namespace lossy
