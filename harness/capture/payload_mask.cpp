#include <lossy/harness/capture/payload_mask.hpp>

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

#include <lossy/core/endpoint.hpp>
#include <lossy/core/escape.hpp>

namespace lossy {
namespace {

constexpr std::size_t kToTheEnd = std::numeric_limits<std::size_t>::max();
constexpr std::size_t kRangesTextMax = 65'536;

std::string excerpt(std::string_view text) {
  constexpr std::size_t kShown = 40;
  const bool cut = text.size() > kShown;
  const std::string_view shown = cut ? text.substr(0, kShown) : text;
  return fmt::format("'{}{}'", escape_bytes(std::as_bytes(std::span(shown))), cut ? "..." : "");
}

// A whole number at the front of `text`, which is then gone from it.
std::optional<std::size_t> take_offset(std::string_view& text) {
  std::size_t offset = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), offset);
  if (error != std::errc() || offset >= kPayloadBytesMax) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return offset;
}

}  // namespace

std::optional<std::string> PayloadMask::ignore_bytes(std::string_view ranges) {
  if (ranges.size() > kRangesTextMax) return "that is too long a list of bytes";
  std::vector<Range> all = ranges_;
  for (std::size_t at = 0; at <= ranges.size();) {
    const std::string_view part = ranges.substr(at, ranges.find(',', at) - at);
    at += part.size() + 1;
    std::string_view left = part;
    const auto why = [&] {
      return excerpt(part) +
             " is no range of bytes: offsets count from 0 to 65526, as in 0-1, 4 or 12-";
    };
    const std::optional<std::size_t> first = take_offset(left);
    if (!first) return why();
    Range range{*first, *first + 1};
    if (left == "-") {
      range.end = kToTheEnd;
    } else if (!left.empty()) {
      if (left.front() != '-') return why();
      left.remove_prefix(1);
      const std::optional<std::size_t> last = take_offset(left);
      if (!last || !left.empty()) return why();
      if (*last < *first) return excerpt(part) + " ends before it begins";
      range.end = *last + 1;
    }
    all.push_back(range);
  }
  std::ranges::sort(all, {}, &Range::first);
  ranges_.clear();
  for (const Range& range : all) {
    if (!ranges_.empty() && range.first <= ranges_.back().end) {
      ranges_.back().end = std::max(ranges_.back().end, range.end);
    } else {
      ranges_.push_back(range);
    }
  }
  return std::nullopt;
}

std::optional<std::string> PayloadMask::ignore_matches(std::string_view expression) {
  if (expression.empty()) return "the expression is missing";
  if (expression.size() > kExpressionBytesMax) {
    return "an expression has at most " + std::to_string(kExpressionBytesMax) + " bytes";
  }
  if (expressions_.size() == kExpressionsMax) {
    return "there may be " + std::to_string(kExpressionsMax) + " expressions";
  }
  RE2::Options options;
  options.set_encoding(RE2::Options::EncodingLatin1);  // Bytes, whatever they mean.
  options.set_log_errors(false);
  auto compiled =
      std::make_shared<const RE2>(re2::StringPiece(expression.data(), expression.size()), options);
  if (!compiled->ok()) {
    return excerpt(expression) + " is no regular expression: " +
           escape_bytes(std::as_bytes(std::span(compiled->error())));
  }
  expressions_.push_back(std::move(compiled));
  return std::nullopt;
}

void PayloadMask::add_matches(std::span<const std::byte> payload,
                              std::vector<Range>& ignored) const {
  const re2::StringPiece text(reinterpret_cast<const char*>(payload.data()), payload.size());
  for (const auto& expression : expressions_) {
    re2::StringPiece match;
    std::size_t at = 0;
    while (expression->Match(text, at, text.size(), RE2::UNANCHORED, &match, 1)) {
      const auto first = static_cast<std::size_t>(match.data() - text.data());
      at = first + std::max<std::size_t>(match.size(), 1);
      ignored.push_back({first, first + match.size()});
      if (at > text.size()) break;
    }
  }
  std::ranges::sort(ignored, {}, &Range::first);
}

std::span<const std::byte> PayloadMask::kept(std::span<const std::byte> payload,
                                             std::vector<std::byte>& scratch) const {
  if (empty()) return payload;
  std::vector<Range> ignored = ranges_;
  if (has_expressions() && can_search(payload)) add_matches(payload, ignored);
  scratch.clear();
  std::size_t at = 0;
  const auto keep_until = [&](std::size_t until) {
    until = std::min(until, payload.size());
    if (until <= at) return;
    scratch.insert(scratch.end(), payload.begin() + static_cast<std::ptrdiff_t>(at),
                   payload.begin() + static_cast<std::ptrdiff_t>(until));
  };
  for (const Range& range : ignored) {
    keep_until(range.first);
    at = std::max(at, range.end);
  }
  keep_until(payload.size());
  return scratch;
}

void PayloadMask::copy_ranges(std::span<const std::byte> from, std::span<std::byte> to) const {
  const std::size_t size = std::min(from.size(), to.size());
  for (const Range& range : ranges_) {
    const std::size_t end = std::min(range.end, size);
    if (range.first >= end) return;
    std::memcpy(to.data() + range.first, from.data() + range.first, end - range.first);
  }
}

}  // namespace lossy
