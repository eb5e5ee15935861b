// What does not count when two payloads are compared: bytes at given places, and whatever a regular
// expression matches. What is ignored counts as though it were not there at all.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace lossy {

class PayloadMask {
 public:
  // What expressions look at, at most: the work grows with the square of a payload's size.
  static constexpr std::size_t kSearchedBytesMax = 4096;
  static constexpr std::size_t kExpressionBytesMax = 1024;
  static constexpr std::size_t kExpressionsMax = 16;

  // Ignores the bytes at these offsets, too: "0-1,4,12-", the last being all from 12 on. Why it
  // cannot, or nothing; then the mask stays as it was.
  std::optional<std::string> ignore_bytes(std::string_view ranges);

  // Ignores what this matches, too: RE2's syntax over bytes, "[0-9]+" or "\x00.". The same.
  std::optional<std::string> ignore_matches(std::string_view expression);

  bool empty() const { return ranges_.empty() && expressions_.empty(); }
  bool has_expressions() const { return !expressions_.empty(); }

  // A payload that is too long for the expressions is compared as it is, but for the byte ranges.
  bool can_search(std::span<const std::byte> payload) const {
    return expressions_.empty() || payload.size() <= kSearchedBytesMax;
  }

  // What of the payload counts: the payload itself, or a part of `scratch`.
  std::span<const std::byte> kept(std::span<const std::byte> payload,
                                  std::vector<std::byte>& scratch) const;

  // Writes the bytes of `from` that the ranges ignore over those of `to`, as far as both have them.
  void copy_ranges(std::span<const std::byte> from, std::span<std::byte> to) const;

 private:
  struct Range {
    std::size_t first = 0;
    std::size_t end = 0;  // Behind the last.
  };

  void add_matches(std::span<const std::byte> payload, std::vector<Range>& ignored) const;

  std::vector<Range> ranges_;  // In order, and apart from each other.
  std::vector<std::shared_ptr<const re2::RE2>> expressions_;  // Shared by copies of this.
};

}  // namespace lossy
