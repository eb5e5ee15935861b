#include "harness/capture/payload_mask.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

#include "core/endpoint.hpp"
#include "core/escape.hpp"

namespace lossy {
namespace {

constexpr std::size_t kToTheEnd = std::numeric_limits<std::size_t>::max();
constexpr std::size_t kRangesTextMax = 65'536;

std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 40;
  const bool cut = text.size() > kShown;
  const std::string_view shown = cut ? text.substr(0, kShown) : text;
  return fmt::format("'{}{}'", escape_bytes(std::as_bytes(std::span(shown))), cut ? "..." : "");
}

// The standard library's usual way through an expression takes a number of steps that can double
// with each byte, and a stack as deep as the payload is long. Its other way does neither, and
// knows no back references. It is libstdc++'s own; others bound the steps instead, and throw.
#ifdef __GLIBCXX__
constexpr auto kSyntax = std::regex::ECMAScript | std::regex_constants::__polynomial;
#else
constexpr auto kSyntax = std::regex::ECMAScript;
#endif

// The length of an expression with each repeated part written as often as its count says, at most
// kUnrolledMax + 1. What is no expression has some length, too.
std::size_t unrolled_length(std::string_view expression) {
  constexpr std::size_t kTooMuch = PayloadMask::kUnrolledMax + 1;
  // Of each group that is open, and of what is outside: how long it is without its last part, and
  // how long that is.
  struct Group {
    std::size_t before = 0;
    std::size_t last = 0;
  };
  std::vector<Group> groups(1);
  const auto append = [&](std::size_t length) {
    Group& group = groups.back();
    group.before = std::min(group.before + group.last, kTooMuch);
    group.last = length;
  };
  for (std::size_t at = 0; at < expression.size(); ++at) {
    const char c = expression[at];
    if (c == '(') {
      groups.emplace_back();
    } else if (c == ')' && groups.size() > 1) {
      const Group group = groups.back();
      groups.pop_back();
      append(group.before + group.last + 2);
    } else if (c == '[') {
      while (at + 1 < expression.size() && expression[at] != ']') {
        at += expression[at] == '\\' ? 2 : 1;
      }
      append(1);
    } else if (c == '{') {
      std::size_t most = 1;
      for (; at + 1 < expression.size() && expression[at] != '}'; ++at) {
        std::size_t count = 0;
        const char* const end = expression.data() + expression.size();
        const auto read = std::from_chars(expression.data() + at + 1, end, count);
        if (read.ec == std::errc::result_out_of_range) count = kTooMuch;
        most = std::max(most, std::min(count, kTooMuch));
      }
      groups.back().last = std::min(groups.back().last * most, kTooMuch);
    } else if (c == '?' || c == '*' || c == '+') {
      ++groups.back().last;  // Belongs to what it stands behind.
    } else {
      at += c == '\\' ? 1 : 0;
      append(1);
    }
  }
  std::size_t length = 0;
  for (const Group& group : groups) length += group.before + group.last;
  return std::min(length, kTooMuch);
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
      return quoted(part) +
             " is no range of bytes: offsets count from 0 to 65506, as in 0-1, 4 or 12-";
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
      if (*last < *first) return quoted(part) + " ends before it begins";
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
  if (unrolled_length(expression) > kUnrolledMax) {
    return quoted(expression) + " repeats too much: written out it may have at most " +
           std::to_string(kUnrolledMax) + " characters";
  }
  try {
    expressions_.emplace_back(expression.data(), expression.size(), kSyntax);
  } catch (const std::regex_error& error) {
    if (error.code() == std::regex_constants::error_complexity) {
      return quoted(expression) + " has a back reference, which is not supported";
    }
    return quoted(expression) + " is no regular expression: " + error.what();
  }
  return std::nullopt;
}

std::span<const std::byte> PayloadMask::kept(std::span<const std::byte> payload,
                                             std::vector<std::byte>& scratch) const {
  if (empty()) return payload;
  std::vector<Range> ignored = ranges_;
  if (can_search(payload)) {
    const char* const begin = reinterpret_cast<const char*>(payload.data());
    const char* const end = begin + payload.size();
    for (const std::regex& expression : expressions_) {
      for (std::cregex_iterator match(begin, end, expression), none; match != none; ++match) {
        const auto at = static_cast<std::size_t>(match->position());
        ignored.push_back({at, at + static_cast<std::size_t>(match->length())});
      }
    }
    if (!expressions_.empty()) std::ranges::sort(ignored, {}, &Range::first);
  }
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
